"""A manifest as it stands in its file: every value knows its field and its line.

A value that is not there, or is of another type than asked for, is empty and not an error: rules
read what anybody wrote. What is sure to be refused is told apart, by `shapes`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

_MERGE = "tag:yaml.org,2002:merge"
_NULL = "tag:yaml.org,2002:null"
_INT = "tag:yaml.org,2002:int"
_STAND_INS: dict[str, Any] = {
    _NULL: None,
    _INT: 1,
    "tag:yaml.org,2002:bool": True,
    "tag:yaml.org,2002:float": 0.5,
}


@dataclass(frozen=True)
class Value:
    """A node of a YAML document, its field (spec.http[0].route) and the line where that begins."""

    node: yaml.Node | None
    field: str
    line: int

    def __bool__(self) -> bool:
        """Whether it is there; null is not, and an empty list or mapping is."""
        return self.node is not None and self.node.tag != _NULL

    def __getitem__(self, key: str) -> "Value":
        """The value of a mapping's key; empty where there is none."""
        where = _below(self.field, key)
        named, found = _table(self.node).get(key, (None, None))
        if named is None or found is None or found.tag == _NULL:
            return Value(None, where, self.line)
        return Value(found, where, named.start_mark.line + 1)

    def items(self) -> Iterator[tuple[str, "Value"]]:
        """The keys and values of a mapping."""
        for key, value in _pairs(self.node):
            yield key.value, Value(value, _below(self.field, key.value), key.start_mark.line + 1)

    def __iter__(self) -> Iterator["Value"]:
        """The items of a list."""
        if isinstance(self.node, yaml.SequenceNode):
            for number, item in enumerate(self.node.value):
                yield Value(item, f"{self.field}[{number}]", item.start_mark.line + 1)

    @property
    def text(self) -> str:
        """A scalar as it is written; "" for anything else."""
        return str(self.node.value) if self and isinstance(self.node, yaml.ScalarNode) else ""

    @property
    def number(self) -> int | None:
        """A whole number; None for anything else."""
        digits = self.text if self.node is not None and self.node.tag == _INT else ""
        return int(digits) if digits.isdecimal() and len(digits) < 10 else None

    @property
    def texts(self) -> dict[str, str]:
        """A mapping's scalars, such as labels."""
        return {key: value.text for key, value in self.items() if value}

    @property
    def there(self) -> tuple[str, ...]:
        """The keys of a mapping that have a value, {} among them."""
        return tuple(key for key, value in self.items() if value)

    @property
    def digest(self) -> int:
        """A number that two values share when they say the same."""
        return _digest(self.node, {})

    def data(self) -> Any:
        """What it says as Python has it: strings as they are, of numbers only that they are."""
        return _data(self.node, {})


def _below(field: str, key: str) -> str:
    return f"{field}.{key}" if field else key


def _pairs(node: yaml.Node | None) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """A mapping's keys and values: what it merges first, since its own win."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        if key.tag == _MERGE:
            merged = value.value if isinstance(value, yaml.SequenceNode) else [value]
            for other in merged:
                if other is not node:
                    yield from _pairs(other)
    for key, value in node.value:
        if key.tag != _MERGE and isinstance(key, yaml.ScalarNode):
            yield key, value


@lru_cache(maxsize=2**16)
def _table(node: yaml.Node | None) -> dict[str, tuple[yaml.Node, yaml.Node]]:
    """The same by key: rules ask for the same few again and again."""
    return {key.value: (key, value) for key, value in _pairs(node)}


def _digest(node: yaml.Node | None, known: dict[int, int]) -> int:
    """The same for a node; `known` are those of the nodes before, which aliases stand for."""
    if node is None or id(node) in known:
        return known.get(id(node), 0)
    known[id(node)] = 0  # to an alias within what it stands for
    said: object = node.value
    if isinstance(node, yaml.MappingNode):
        own = {key.value: value for key, value in _pairs(node) if value.tag != _NULL}
        said = frozenset((key, _digest(value, known)) for key, value in own.items())
    elif isinstance(node, yaml.SequenceNode):
        said = tuple(_digest(item, known) for item in node.value)
    known[id(node)] = hash((node.tag, said))
    return known[id(node)]


def _data(node: yaml.Node | None, made: dict[int, Any]) -> Any:
    """The same for a node; `made` is what aliases stand for."""
    if isinstance(node, yaml.ScalarNode):
        return _STAND_INS.get(node.tag, node.value)
    if node is None or id(node) in made:
        return made.get(id(node))
    made[id(node)] = None  # to an alias within what it stands for
    if isinstance(node, yaml.SequenceNode):
        made[id(node)] = [_data(item, made) for item in node.value]
    else:
        items = ((key.value, _data(value, made)) for key, value in _pairs(node))
        made[id(node)] = {key: value for key, value in items if value is not None}
    return made[id(node)]
