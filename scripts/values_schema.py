"""Write the descriptions of the chart's values.schema.json, from the comments of values.yaml.

usage: python -m scripts.values_schema [--check]

A key without a comment has that of the one above it, or else of the one that it is in, for it tells
both. A field of the Kubernetes API says whose it is. With --check nothing is written, and the exit
code is 1 where the schema is not what it would be.
"""

import itertools
import json
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from scripts.values_table import CHART, settled, values

Schema = dict[str, Any]
WIDTH = 110

# What stands in $defs: values of the chart, by the places whose comments tell them, and pieces of
# the Kubernetes API, by what each is there.
PLACES = {
    "services": ("services", "defaults"),
    "keys": ("defaults", "sample"),
    "image": ("defaults.image",),
    "serviceAccount": ("defaults.serviceAccount",),
    "envValue": ("defaults.env",),
}
PIECES = {
    "container": "A container's",
    "deployment": "A Deployment's",
    "named": "A list member's",
    "peers": "A NetworkPolicy peer's",
    "pod": "A pod's",
    "probe": "A probe's",
    "profile": "A security profile's",
    "service": "A Service's",
}


def main(arguments: list[str]) -> int:
    """Write or check; return the exit code: 0 as it should be, 1 drift, 2 misuse."""
    path = CHART / "values.schema.json"
    return settled(arguments, "python -m scripts.values_schema", path, redescribed)


def redescribed(schema: str) -> str:
    """The schema's text, with the descriptions that the comments make."""
    return formatted(described(json.loads(schema))) + "\n"


def commented_keys() -> Iterator[tuple[str, str]]:
    """Each key that has a comment, or is below one that has, and the comment."""
    above: dict[str, str] = {}
    for key, _, text in values():
        parent, _, _ = key.rpartition(".")
        above[parent] = text or above.get(parent, "")
        yield key, above[parent]


def described(schema: Schema) -> Schema:
    """The schema with a description of each key that has a schema of its own."""
    comments = dict(commented_keys())

    def commented(path: str) -> str | None:
        first, *rest = path.replace("[]", "").split(".")
        for length in range(len(rest), -1, -1):
            for place in PLACES.get(first, (first,)):
                if text := comments.get(".".join([place, *rest[:length]])):
                    return text
        return None

    def kubernetes(path: str) -> str:
        first, _, field = path.partition(".")
        return f"{PIECES[first.removesuffix('[]')]} `{field}`, as in the Kubernetes API."

    made = below(schema, "", commented)
    made["$defs"] = {
        name: below(inner, name, kubernetes if name in PIECES else commented)
        for name, inner in schema["$defs"].items()
    }
    return made


def below(schema: Schema, path: str, comment: Callable[[str], str | None]) -> Schema:
    """The schema at a path, with descriptions of the keys below it.

    What nothing tells keeps the description that it has. True stands where another schema of the
    same place has the key, or a template refuses it by a sentence.
    """
    made = dict(schema)
    for key, inner in schema.get("properties", {}).items():
        if isinstance(inner, dict):
            at = f"{path}.{key}".lstrip(".")
            text = comment(at) or inner.get("description")
            if not text:
                sys.exit(f"{at}: neither a comment in values.yaml nor a description here tells it")
            inner = {"description": text} | below(inner, at, comment) | {"description": text}
            made["properties"] = made["properties"] | {key: inner}
    for key, suffix in (("items", "[]"), ("additionalProperties", "")):
        if isinstance(schema.get(key), dict):
            made[key] = below(schema[key], path + suffix, comment)
    return made


def formatted(value: object, indent: int = 0, before: int = 0) -> str:
    """JSON with each value on one line where it fits, after so many columns."""
    line = json.dumps(value, ensure_ascii=False)
    if indent + before + len(line) < WIDTH or not isinstance(value, dict | list) or not value:
        return line
    inside = " " * (indent + 2)
    lines = []
    if isinstance(value, dict):
        for short, group in itertools.groupby(value.items(), lambda item: item[1] is True):
            parts = [
                f"{json.dumps(key)}: {formatted(inner, indent + 2, len(key) + 5)}"
                for key, inner in group
            ]
            lines += filled(parts, inside) if short else parts
    elif all(isinstance(inner, str) for inner in value):
        lines = filled([json.dumps(inner, ensure_ascii=False) for inner in value], inside)
    else:
        lines = [formatted(inner, indent + 2) for inner in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n{inside}" + f",\n{inside}".join(lines) + f"\n{' ' * indent}{closing}"


def filled(parts: list[str], inside: str) -> list[str]:
    """Short parts, several to a line, each of them whole."""
    text = ", ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts)
    lines = textwrap.wrap(text, WIDTH - len(inside), break_on_hyphens=False)
    return [line.removesuffix(",").replace("\N{NO-BREAK SPACE}", " ") for line in lines]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
