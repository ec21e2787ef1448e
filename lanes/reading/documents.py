"""Parses YAML and JSON texts into documents, as kubectl does.

Numbers, booleans, strings and `<<` merges have the values that the API server gets. A duplicate key
is an error, since versions of kubectl differ in which of the two they use.
"""

import base64
import json
import math
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import yaml

from lanes.errors import ManifestError
from lanes.reading.scalars import (
    BOOL,
    FLOAT,
    INT,
    LONGEST_NUMBER,
    MERGE,
    NULL,
    STRING,
    resolve_scalar,
)

Document = dict[str, Any]

MOST_DEPTH = 100
# How many times larger aliases may make a document, as for kubectl.
MOST_TIMES = 100
MOST_COPIES = 400_000
_PAIR = re.compile(r"(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\.")

# The C parser is ten times as fast, and refuses nesting that would overflow its stack. A PyYAML
# built without it still reads everything.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LIST, _MAPPING, _BINARY = (f"tag:yaml.org,2002:{kind}" for kind in ("seq", "map", "binary"))
_UNFINISHED = object()
_Pair = tuple[yaml.ScalarNode, yaml.Node]
_TOO_DEEP = f"nested more than {MOST_DEPTH} deep"
_SENTENCES = {  # by the parser's words
    "second occurrence": "an anchor with this name is there already; rename one",
    "exceeded maximum nesting depth": _TOO_DEEP,
}


def documents(source: str, text: str) -> Iterator[tuple[Any, yaml.Node]]:
    """Yield each document in `text` that is not empty, with its root node, which has positions.

    Mapping nodes have unique string keys, and `<<` merges are applied. Raises ManifestError if the
    text is no YAML that kubectl takes, or is nested too deeply.
    """
    if text.lstrip()[:1] in ("{", "["):  # JSON writes a character beyond 16 bits as two
        text = _PAIR.sub(lambda found: json.loads(f'"{found[0]}"') if found[1] else found[0], text)
    try:
        for node in yaml.compose_all(text, Loader=_Loader):
            document = _Document().data(node)
            if document is not None:
                yield document, node
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise _no_yaml(source, mark, _SENTENCES.get(problem, problem)) from None
    except (ValueError, RecursionError, OverflowError) as error:
        raise ManifestError(source, "", "", f"invalid YAML: {error}") from None


class _Loader(_SafeLoader):  # type: ignore[misc]
    """A parser that gives untagged words the tags that kubectl gives them."""

    @staticmethod
    @lru_cache(maxsize=4096)  # documents repeat a few words
    def resolve(kind: type[yaml.Node], value: str | None, implicit: Any) -> str:
        """Return the tag of a node that has none."""
        if kind is yaml.ScalarNode:
            return resolve_scalar(value or "")[0] if implicit[0] else STRING
        return _LIST if kind is yaml.SequenceNode else _MAPPING


class _Document:
    """One document's conversion from nodes to values."""

    def __init__(self) -> None:
        self._values: dict[yaml.Node, Any] = {}  # of collections
        self._has_aliases = False
        self._merged_keys = 0

    def data(self, root: yaml.Node) -> Any:
        """Return the document's value. Raises YAMLError if kubectl would refuse the document."""
        value = self._value(root, 1)
        if self._has_aliases:
            _require_few_copies(root)
        return value

    def _value(self, node: yaml.Node, depth: int) -> Any:
        """Return a node's value. Change the node as `documents` describes."""
        if type(node) is yaml.ScalarNode:
            return node.value if node.tag == STRING else _scalar(node)
        if node in self._values:
            if self._values[node] is _UNFINISHED:
                raise _wrong(node, "an alias contains itself")
            self._has_aliases = True
            return self._values[node]
        if depth > MOST_DEPTH:
            raise _wrong(node, _TOO_DEEP)
        self._values[node] = _UNFINISHED
        self._values[node] = value = (
            self._mapping(node, depth)
            if isinstance(node, yaml.MappingNode)
            else self._list(node, depth)
        )
        return value

    def _list(self, node: yaml.Node, depth: int) -> list[Any]:
        node.tag = _LIST
        return [self._value(item, depth + 1) for item in node.value]

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        node.tag = _MAPPING
        values: dict[str, Any] = {}
        for key, value in node.value:
            if key.tag != STRING or type(key) is not yaml.ScalarNode or key.value in values:
                node.value = list(self._pairs(node, depth).values())
                values = {key.value: self._value(value, depth + 1) for key, value in node.value}
                break
            if value.tag == STRING and type(value) is yaml.ScalarNode:
                values[key.value] = value.value
            else:
                values[key.value] = self._value(value, depth + 1)
        if None in values.values():
            return {key: value for key, value in values.items() if value is not None}
        return values

    def _pairs(self, node: yaml.MappingNode, depth: int) -> dict[str, _Pair]:
        """Return a mapping's keys and values by key. Its own keys override merged ones."""
        pairs: dict[str, _Pair] = {}
        own: set[str] = set()
        for key, value in node.value:
            if key.tag == MERGE and key.value == "<<":
                for merged in reversed(value.value) if value.tag == _LIST else [value]:
                    if not isinstance(merged, yaml.MappingNode):
                        raise _wrong(key, "<< merges only a mapping or a list of mappings")
                    self._value(merged, depth + 1)
                    self._merged_keys += len(merged.value)
                    if self._merged_keys > MOST_COPIES:
                        raise _wrong(key, f"<< merges more than {MOST_COPIES:,} keys")
                    pairs |= {name.value: (name, held) for name, held in merged.value}
                continue
            name = key if key.tag == STRING and isinstance(key, yaml.ScalarNode) else _key(key)
            if name.value in own:
                raise _wrong(key, f"{name.value} occurs twice")
            own.add(name.value)
            pairs[name.value] = name, value
        return pairs


def _require_few_copies(root: yaml.Node) -> None:
    """Raise YAMLError if aliases make a document much larger, or nest it too deeply."""
    extents: dict[yaml.Node, tuple[int, int]] = {}
    size, depth = _extent(root, extents)
    written = 1 + sum(len(collection.value) for collection in extents)
    if size - written > min(MOST_COPIES, 1000 + MOST_TIMES * written):
        problem = f"aliases make {size:,} values of {written:,}; write them out"
        raise _wrong(root, problem)
    if depth > MOST_DEPTH:
        raise _wrong(root, f"aliases nest more than {MOST_DEPTH} deep")


def _extent(node: yaml.Node, known: dict[yaml.Node, tuple[int, int]]) -> tuple[int, int]:
    """Return how many values a node holds with all aliases written out, and how deep they nest.

    Add the result of each collection to `known`.
    """
    if isinstance(node, yaml.ScalarNode):
        return 1, 0
    if node not in known:
        items = node.value if node.tag == _LIST else [value for _, value in node.value]
        extents = [_extent(item, known) for item in items]
        depth = 1 + max((deep for _, deep in extents), default=0)
        known[node] = 1 + sum(size for size, _ in extents), depth
    return known[node]


def _key(node: yaml.Node) -> yaml.ScalarNode:
    """Return a mapping's key as a string, as JSON has it: `1` and `true` are "1" and "true"."""
    if not isinstance(node, yaml.ScalarNode) or node.tag == NULL:
        raise _wrong(node, "a key is not a string")
    if node.tag not in (BOOL, INT, FLOAT):
        _scalar(node)
        return node
    _, value = resolve_scalar(node.value)
    if isinstance(value, float):
        text = f"{value:g}" if math.isfinite(value) else node.value.lower().lstrip("+")
    else:
        text = str(value).lower()
    return yaml.ScalarNode(STRING, text, node.start_mark, node.end_mark)


def _scalar(node: yaml.ScalarNode) -> Any:
    """Return a scalar's value. Give the node the tag of one of JSON's types."""
    if node.tag not in (NULL, BOOL, INT, FLOAT):
        if node.tag == _BINARY:
            node.value = _decoded(node)
        node.tag = STRING
        return node.value
    tag, value = resolve_scalar(node.value)
    if node.tag != tag and (node.tag, tag) != (FLOAT, INT):
        raise _wrong(node, f"{node.value} is not of the type {node.tag.rpartition(':')[2]}")
    if not isinstance(value, float):
        return value
    if math.isnan(value):
        length = len(node.value)
        long = f"a number of {length:,} characters is too long"
        raise _wrong(
            node, long if length > LONGEST_NUMBER else f"{node.value} is not a finite number"
        )
    return int(value) if value.is_integer() else value


def _decoded(node: yaml.ScalarNode) -> str:
    try:
        return base64.b64decode("".join(node.value.split()), validate=True).decode()
    except ValueError:
        raise _wrong(node, "a value with the tag binary is not base64 text") from None


def _wrong(node: yaml.Node, problem: str) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def _no_yaml(source: str, mark: Any, problem: str) -> ManifestError:
    where = f"line {mark.line + 1}" if mark else ""
    return ManifestError(source, where, "", f"invalid YAML: {problem}")
