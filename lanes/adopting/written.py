"""Writes values as YAML that people edit: with comments, and short values on one line."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from lanes.reading.scalars import STRING, resolve_scalar

_WIDTH = 100


class _Dumper(yaml.SafeDumper):
    """Quotes strings that kubectl would read as another type, and writes no aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True

    def string(self, text: str) -> yaml.Node:
        plain = resolve_scalar(text)[0] == STRING and text.isprintable()
        style = None if plain else '"'
        return self.represent_scalar(STRING, text, style=style)


_Dumper.add_representer(str, _Dumper.string)


def document(values: Mapping[str, Any], comments: Mapping[str, Iterable[str]]) -> str:
    """Return values as YAML. `comments`: the lines before each key."""
    lines: list[str] = []
    for key, value in values.items():
        lines += comments.get(key, ())
        lines += _entry(key, value, "")
    return "\n".join(lines)


def one_line(value: Any) -> str:
    """Return a value as YAML on one line."""
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        default_flow_style=True,
        sort_keys=False,
        allow_unicode=True,
        width=float("inf"),
    )
    return text.removesuffix("\n").removesuffix("\n...")


def _entry(key: str, value: Any, indent: str) -> Iterator[str]:
    """Yield the lines of a key and its value: one line if it fits, else a line for each part."""
    line = f"{indent}{one_line(key)}: {one_line(value)}"
    if len(line) <= _WIDTH or not value or not isinstance(value, dict | list):
        yield line
    elif isinstance(value, dict):
        yield f"{indent}{one_line(key)}:"
        for inner, part in value.items():
            yield from _entry(inner, part, indent + "  ")
    elif all(isinstance(item, str) and item.split() == [item] for item in value):
        yield from textwrap.wrap(
            line,
            _WIDTH,
            subsequent_indent=f"{indent}  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    else:
        yield f"{indent}{one_line(key)}:"
        for item in value:
            yield from _item(item, indent + "  ")


def _item(item: Any, indent: str) -> Iterator[str]:
    line = f"{indent}- {one_line(item)}"
    if len(line) <= _WIDTH or not item or not isinstance(item, dict):
        yield line
        return
    lines = [line for key, part in item.items() for line in _entry(key, part, indent + "  ")]
    yield f"{indent}- {lines[0].lstrip(' ')}"
    yield from lines[1:]
