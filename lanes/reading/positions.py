"""Lines of the fields of a resource in its file."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml


@dataclass(frozen=True)
class Written:
    """A resource as it is written: its contents, and its YAML node, which has the lines."""

    data: Any
    node: yaml.Node

    def items(self) -> Iterator["Written"]:
        """Yield the items of a List; `items` counts as one item if it is no list."""
        items = self.data["items"]
        inner = next(value for key, value in self.node.value if key.value == "items")
        if isinstance(items, list):
            yield from map(Written, items, inner.value)
        else:
            yield Written(items, inner)

    def line(self, field: str) -> int:
        """Return the line where a field such as spec.http[0].route begins.

        If the field is missing, it is the line of the closest field above.
        """
        return self._locate(field)[1]

    def text(self, field: str) -> str:
        """Return a scalar as it is written; "" for any other value."""
        node = self._locate(field)[0]
        return str(node.value) if isinstance(node, yaml.ScalarNode) else ""

    def _locate(self, field: str) -> tuple[yaml.Node, int]:
        node, line, rest = self.node, self.node.start_mark.line + 1, field
        while rest and (step := _step(node, rest)):
            node, line, rest = step
        return node, line


def _step(node: yaml.Node, field: str) -> tuple[yaml.Node, int, str] | None:
    """Return the node of the first part of `field`, its line, and the rest; None: missing."""
    if isinstance(node, yaml.SequenceNode):
        number, _, rest = field.removeprefix("[").partition("]")
        if not number.isdecimal() or int(number) >= len(node.value):
            return None
        item = node.value[int(number)]
        return item, item.start_mark.line + 1, rest
    if not isinstance(node, yaml.MappingNode):
        return None
    inner = field.removeprefix(".")
    steps = [
        (key, value, inner.removeprefix(name))
        for key, value in node.value
        for name in (str(key.value), f"[{key.value}]")
        if inner == name or inner.startswith((f"{name}.", f"{name}["))
    ]
    if not steps:
        return None
    key, value, rest = min(steps, key=lambda step: len(step[2]))  # keys may have dots
    return value, key.start_mark.line + 1, rest
