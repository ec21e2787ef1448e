"""Write the descriptions of the chart's values.schema.json from the comments of values.yaml.

usage: python -m scripts.values_schema [--check]

A key without a comment gets the comment of the key above it, or else of its parent. A field of the
Kubernetes API gets a description that names its object. With --check nothing is written, and the
exit code is 1 if the schema is out of date.
"""

import itertools
import json
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from scripts.values_table import CHART, values, write_or_check

Schema = dict[str, Any]
WIDTH = 110

# The schemas in $defs. PLACES are values of the chart, with the keys whose comments describe them.
# PIECES are parts of the Kubernetes API, with the object that each is a part of.
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
    """Write or check; return the exit code: 0 up to date, 1 drift, 2 wrong usage."""
    path = CHART / "values.schema.json"
    return write_or_check(arguments, "python -m scripts.values_schema", path, redescribed)


def redescribed(schema: str) -> str:
    """Return the schema's text with the descriptions from the comments."""
    return formatted(described(json.loads(schema))) + "\n"


def commented_keys() -> Iterator[tuple[str, str]]:
    """Yield each key with its comment, or else the comment of the key above it or its parent."""
    above: dict[str, str] = {}
    for key, _, text in values():
        parent, _, _ = key.rpartition(".")
        above[parent] = text or above.get(parent, "")
        yield key, above[parent]


def described(schema: Schema) -> Schema:
    """Return the schema with a description of each key."""
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
    """Return the schema at a path, with descriptions of the keys below it.

    A key without a comment keeps its description. A key whose schema is `true` is skipped: another
    schema of the same place describes it, or a template refuses it.
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
    """Return JSON with each value on one line if it fits; `before` columns of it are taken."""
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
    """Put short parts on as few lines as possible."""
    text = ", ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts)
    lines = textwrap.wrap(text, WIDTH - len(inside), break_on_hyphens=False)
    return [line.removesuffix(",").replace("\N{NO-BREAK SPACE}", " ") for line in lines]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
