"""From paths to documents: files, directories, standard input; YAML as kubectl reads it."""

import re
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import re2
import yaml

from lanes.errors import LanesError, ManifestError, printable

STDIN = "-"
STDIN_NAME = "standard input"
Document = dict[str, Any]

# What manifests of thousands of services need, and no more than a machine can hold.
MOST_BYTES = 64 * 2**20
MOST_DEPTH = 100
_LONGEST_NUMBER = 30
_BRACKET = re.compile(r"[\[\]{}]")
_DASHES = re2.compile(r"(?:[-?:] ){40}")  # Python's own looks through text 15 times as slowly

# The C parser is ten times as fast; a PyYAML built without it still reads everything.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_STRING, _LIST, _MAPPING, _MERGE, _VALUE = (
    f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map", "merge", "value")
)


class _Loader(_SafeLoader):  # type: ignore[misc]
    """YAML as kubectl reads it: a date is a string, null is absent, no key stands twice.

    Strings, mappings and lists, which nearly all nodes are, are made here and at once: PyYAML's own
    way, by a generator for each, takes three times as long.
    """

    yaml_implicit_resolvers: ClassVar = {
        start: [resolver for resolver in resolvers if resolver[0] != _TIMESTAMP]
        for start, resolvers in _SafeLoader.yaml_implicit_resolvers.items()
    }

    @staticmethod
    @lru_cache(maxsize=4096)
    def resolve(kind: type[yaml.Node], value: str | None, implicit: object) -> Any:
        """The tag of a node without one: the same few words come in every document."""
        return _RESOLVER.resolve(kind, value, implicit)  # type: ignore[no-untyped-call]

    def construct_object(self, node: yaml.Node, **_: bool) -> Any:
        if node.tag == _STRING and isinstance(node, yaml.ScalarNode):
            return node.value
        if node.tag not in (_MAPPING, _LIST):
            return super().construct_object(node, deep=True)
        if node in self.constructed_objects:  # an alias
            return self.constructed_objects[node]
        if node in self.recursive_objects:
            raise _wrong(node, "an alias stands for what it is a part of")
        self.recursive_objects[node] = None
        made = (
            self.construct_mapping(node)
            if node.tag == _MAPPING
            else self.construct_sequence(node, deep=True)
        )
        del self.recursive_objects[node]
        self.constructed_objects[node] = made
        return made

    def construct_mapping(self, node: yaml.Node, **_: bool) -> dict[Any, Any]:
        if not isinstance(node, yaml.MappingNode):
            raise _wrong(node, "what is tagged as a mapping is none")
        mapping: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag in (_MERGE, _VALUE):  # << and =, which hardly anybody writes
                self.flatten_mapping(node)
                return self.construct_mapping(node)
            if key_node.tag != _STRING or not isinstance(key_node, yaml.ScalarNode):
                key = self.construct_object(key_node)
                raise _wrong(key_node, f"the key {key} is no string")
            key = key_node.value
            if key in mapping:
                raise _wrong(key_node, f"{key} stands twice")
            mapping[key] = self.construct_object(value_node)
        return {key: value for key, value in mapping.items() if value is not None}

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        if len(node.value) > _LONGEST_NUMBER:
            raise _wrong(node, f"a number of {len(node.value):,} characters")
        return super().construct_yaml_int(node)  # type: ignore[no-any-return]


def _wrong(node: yaml.Node, problem: str) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


class _Resolver(yaml.resolver.Resolver):
    yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers


_RESOLVER = _Resolver()
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


def texts(paths: tuple[str, ...]) -> Iterator[tuple[str, str, bool]]:
    """Each file's name and text, and whether it was found in a directory.

    Raises LanesError for what can't be read, or is too large.
    """
    left = MOST_BYTES
    for path in paths:
        if path == STDIN:
            text = _read(STDIN_NAME, sys.stdin.buffer, left)
            left -= len(text)
            yield STDIN_NAME, _decoded(STDIN_NAME, text), False
            continue
        root = Path(path)
        if not root.exists():
            raise LanesError(f"{path}: no such file or directory; name manifests, or - for stdin")
        files = sorted(p for p in root.rglob("*") if p.suffix in (".yaml", ".yml", ".json"))
        for file in files if root.is_dir() else [root]:
            try:
                with file.open("rb") as stream:
                    text = _read(str(file), stream, left)
            except OSError as error:
                raise LanesError(f"{file}: can't be read: {error.strerror}") from None
            left -= len(text)
            yield str(file), _decoded(str(file), text), root.is_dir()


def documents(source: str, text: str) -> Iterator[Any]:
    """Every YAML document in `text`, empty ones left out.

    Raises ManifestError for what is no YAML, or is nested too deeply.
    """
    for document in _parsed(source, text, yaml.load_all):
        if document is not None:
            yield document


def nodes(source: str, text: str) -> Iterator[yaml.Node]:
    """The same documents as YAML's nodes, which know their lines."""
    yield from (node for node in _parsed(source, text, yaml.compose_all) if node)


def _parsed(source: str, text: str, parse: Callable[..., Iterator[Any]]) -> Iterator[Any]:
    try:
        _require_shallow(source, text)
        yield from parse(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise _no_yaml(source, mark, problem) from None
    except (ValueError, RecursionError, OverflowError) as error:
        raise ManifestError(source, "", "", f"no valid YAML: {error}") from None


def _read(name: str, stream: BinaryIO, left: int) -> bytes:
    text = stream.read(left + 1)
    if len(text) > left:
        raise LanesError(
            f"{name}: the manifests are more than {MOST_BYTES // 2**20} MiB together;"
            " name fewer at a time"
        )
    return text


def _decoded(source: str, text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise LanesError(f"{source}: can't be read: {error}") from None


def _require_shallow(source: str, text: str) -> None:
    """Raises ManifestError for a nesting that would end the parser, which recurses in C."""
    if _could_be_deep(text):
        depth = 0
        for event in yaml.parse(text, Loader=_SafeLoader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MOST_DEPTH:
                    problem = f"nested more than {MOST_DEPTH} deep"
                    raise _no_yaml(source, event.start_mark, problem)
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1


def _could_be_deep(text: str) -> bool:
    return (
        (
            text.count("[") + text.count("{") > MOST_DEPTH // 2
            and max(accumulate(_steps(text))) > MOST_DEPTH // 2
        )
        or " " * (MOST_DEPTH // 2) in text
        or _DASHES.search(text) is not None
    )


def _steps(text: str) -> Iterator[int]:
    return (1 if bracket in "[{" else -1 for bracket in _BRACKET.findall(text))


def _no_yaml(source: str, mark: Any, problem: str) -> ManifestError:
    where = f"line {mark.line + 1}" if mark else ""
    return ManifestError(source, where, "", f"no valid YAML: {printable(problem)}")
