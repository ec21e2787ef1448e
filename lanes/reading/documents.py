"""From texts to documents: YAML and JSON as kubectl reads them.

Every number, truth value and string is what the API server gets, and so is what `<<` merges. What
stands twice is refused, since kubectl takes either.
"""

import base64
import json
import math
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any

import re2
import yaml

from lanes.errors import ManifestError
from lanes.reading.words import BOOL, FLOAT, INT, LONGEST_NUMBER, MERGE, NULL, STRING, meaning

Document = dict[str, Any]

MOST_DEPTH = 100
# How much longer than it is written a document may get by its aliases: as for kubectl.
MOST_TIMES = 100
MOST_COPIES = 400_000
_DASHES = re2.compile(r"(?:[-?:] ){40}")  # Python's own looks through text 15 times as slowly
# What every parser takes for the marker of a document; a directive counts beyond it.
_MARKER = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_DIRECTIVE = re.compile(r"^\ufeff?%", re.MULTILINE)
_PAIR = re.compile(r"(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\.")

# The C parser is ten times as fast; a PyYAML built without it still reads everything.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LIST, _MAPPING, _BINARY = (f"tag:yaml.org,2002:{kind}" for kind in ("seq", "map", "binary"))
_Pair = tuple[yaml.ScalarNode, yaml.Node]
_SENTENCES = {  # for what the parsers say
    "second occurrence": "an anchor with this name is there already; rename one",
    "exceeded maximum nesting depth": f"nested more than {MOST_DEPTH} deep",
}


def documents(source: str, text: str) -> Iterator[tuple[Any, yaml.Node]]:
    """Yield every document in `text` with its node, which knows its lines; no empty ones.

    Of nodes, keys are strings, and each stands once; what `<<` merges stands there itself. Raises
    ManifestError for what is no YAML, or is nested too deeply.
    """
    if text.lstrip()[:1] in ("{", "["):  # JSON writes a character beyond 16 bits as two
        text = _PAIR.sub(lambda found: json.loads(f'"{found[0]}"') if found[1] else found[0], text)
    try:
        _require_shallow(source, text)
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
    """Makes nodes that know what kubectl takes their words for."""

    @staticmethod
    @lru_cache(maxsize=4096)  # the same few words come in every document
    def resolve(kind: type[yaml.Node], value: str | None, implicit: Any) -> str:
        """The tag of a node without one."""
        if kind is yaml.ScalarNode:
            return meaning(value or "")[0] if implicit[0] else STRING
        return _LIST if kind is yaml.SequenceNode else _MAPPING


class _Document:
    """What is known of one document while its nodes are gone through."""

    def __init__(self) -> None:
        self._made: dict[int, Any] = {}
        self._within: set[int] = set()
        self._aliases = False
        self._written = 0
        self._merged = 0

    def data(self, root: yaml.Node) -> Any:
        """What the document says. Raises YAMLError for what is none that kubectl takes."""
        made = self._value(root)
        if self._aliases:
            size, depth = _extent(root, {})
            copies = size - self._written
            if copies > min(MOST_COPIES, 1000 + MOST_TIMES * self._written):
                problem = f"aliases make {size:,} values of {self._written:,}; write them out"
                raise _wrong(root, problem)
            if depth > MOST_DEPTH:
                raise _wrong(root, f"aliases nest more than {MOST_DEPTH} deep")
        return made

    def _value(self, node: yaml.Node) -> Any:
        """What a node says. It is made plain, as `nodes` tells."""
        self._written += 1
        if isinstance(node, yaml.ScalarNode):
            return node.value if node.tag == STRING else _scalar(node)
        if id(node) in self._made:
            self._aliases = True
            return self._made[id(node)]
        if id(node) in self._within:
            raise _wrong(node, "an alias contains itself")
        self._within.add(id(node))
        made = self._mapping(node) if isinstance(node, yaml.MappingNode) else self._list(node)
        self._within.remove(id(node))
        self._made[id(node)] = made
        return made

    def _list(self, node: yaml.Node) -> list[Any]:
        node.tag = _LIST
        return [self._value(item) for item in node.value]

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        node.tag = _MAPPING
        if not _is_plain(node.value):
            node.value = list(self._pairs(node).values())
        made = {key.value: self._value(value) for key, value in node.value}
        if None in made.values():
            return {key: value for key, value in made.items() if value is not None}
        return made

    def _pairs(self, node: yaml.MappingNode) -> dict[str, _Pair]:
        """A mapping's keys and values, by key: what comes later wins over what is merged."""
        found: dict[str, _Pair] = {}
        own: set[str] = set()
        for key, value in node.value:
            if key.tag == MERGE and key.value == "<<":
                for merged in reversed(value.value) if value.tag == _LIST else [value]:
                    if not isinstance(merged, yaml.MappingNode):
                        raise _wrong(key, "<< merges only a mapping or a list of mappings")
                    self._value(merged)
                    self._merged += len(merged.value)
                    if self._merged > MOST_COPIES:
                        raise _wrong(key, f"<< merges more than {MOST_COPIES:,} keys")
                    found |= {name.value: (name, held) for name, held in merged.value}
                continue
            name = key if key.tag == STRING and isinstance(key, yaml.ScalarNode) else _key(key)
            if name.value in own:
                raise _wrong(key, f"{name.value} occurs twice")
            own.add(name.value)
            found[name.value] = name, value
        return found


def _is_plain(pairs: list[tuple[yaml.Node, yaml.Node]]) -> bool:
    """Tell whether a mapping's keys are strings, and each stands once: hardly any is otherwise."""
    names = {key.value for key, _ in pairs if key.tag == STRING and type(key) is yaml.ScalarNode}
    return len(names) == len(pairs)


def _extent(node: yaml.Node, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """Return of how many values a node is made where all is written out, and how deep they nest.

    `known` keeps what was found, by the node's id.
    """
    if isinstance(node, yaml.ScalarNode):
        return 1, 0
    if id(node) not in known:
        held = node.value if node.tag == _LIST else [value for _, value in node.value]
        within = [_extent(one, known) for one in held]
        depth = 1 + max((deep for _, deep in within), default=0)
        known[id(node)] = 1 + sum(size for size, _ in within), depth
    return known[id(node)]


def _key(node: yaml.Node) -> yaml.ScalarNode:
    """A mapping's key. JSON has strings alone, which numbers and truth values are written in."""
    if not isinstance(node, yaml.ScalarNode) or node.tag == NULL:
        raise _wrong(node, "a key is not a string")
    if node.tag not in (BOOL, INT, FLOAT):
        _scalar(node)
        return node
    _, value = meaning(node.value)
    if isinstance(value, float):
        text = f"{value:g}" if math.isfinite(value) else node.value.lower().lstrip("+")
    else:
        text = str(value).lower()
    return yaml.ScalarNode(STRING, text, node.start_mark, node.end_mark)


def _scalar(node: yaml.ScalarNode) -> Any:
    """What a word says, and its tag as one of JSON's types."""
    if node.tag == STRING:
        return node.value
    if node.tag not in (NULL, BOOL, INT, FLOAT):
        if node.tag == _BINARY:
            node.value = _decoded(node)
        node.tag = STRING
        return node.value
    tag, value = meaning(node.value)
    if node.tag != tag and (node.tag, tag) != (FLOAT, INT):
        raise _wrong(node, f"{node.value} is not of the type {node.tag.rpartition(':')[2]}")
    if isinstance(value, float) and math.isnan(value):
        length = len(node.value)
        long = f"a number of {length:,} characters is too long"
        raise _wrong(
            node, long if length > LONGEST_NUMBER else f"{node.value} is not a finite number"
        )
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _decoded(node: yaml.ScalarNode) -> str:
    try:
        return base64.b64decode("".join(node.value.split()), validate=True).decode()
    except ValueError:
        raise _wrong(node, "a value with the tag binary is not base64 text") from None


def _wrong(node: yaml.Node, problem: str) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def _require_shallow(source: str, text: str) -> None:
    """Raises ManifestError for a nesting that would end the parser, which recurses in C.

    Nothing stays open across the marker of a document, so that only those are looked through that
    could be deep.
    """
    before = 0
    for part in [text] if _DIRECTIVE.search(text) else _MARKER.split(text):
        if _could_be_deep(part) and (line := _too_deep(part)) is not None:
            where = f"line {before + line + 1}"
            problem = f"invalid YAML: nested more than {MOST_DEPTH} deep"
            raise ManifestError(source, where, "", problem)
        before += part.count("\n")


def _too_deep(text: str) -> int | None:
    """Return the line where a text is nested too deeply; None: nowhere, or it is no YAML."""
    depth = 0
    with suppress(yaml.YAMLError):  # which the parser tells
        for event in yaml.parse(text, Loader=_SafeLoader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MOST_DEPTH:
                    return event.start_mark.line if event.start_mark else 0
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    return None


def _could_be_deep(text: str) -> bool:
    """Whether so many open that half the depth could be reached; brackets within strings count."""
    return (
        text.count("[") + text.count("{") > MOST_DEPTH // 2
        or " " * (MOST_DEPTH // 2) in text
        or _DASHES.search(text) is not None
    )


def _no_yaml(source: str, mark: Any, problem: str) -> ManifestError:
    where = f"line {mark.line + 1}" if mark else ""
    return ManifestError(source, where, "", f"invalid YAML: {problem}")
