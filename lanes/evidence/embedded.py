"""Finds answers of the sample services inside an answer of another form."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Node = Mapping[str, Any]

# One hop in the services' line.
_HOP = re.compile(r"-> ?([^\s(]+)\(version: ([^,)]*), ip: ([^)]*)\)")
# The fields of every hop in the services' tree. Other JSON often has `name` and `version`, too.
_KEYS = {"name": str, "version": str, "ip": str, "upstreams": list}
# The most values of a foreign answer that are searched.
_MOST_VALUES = 20_000


def embedded(text: str) -> list[Node]:
    """Return the trees in `text`, in order; [] for none.

    A line becomes a chain: each hop calls the next.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    return list(_trees(value))


def _trees(value: object) -> Iterator[Node]:
    ahead = [value]
    for _ in range(_MOST_VALUES):
        if not ahead:
            return
        match ahead.pop():
            case dict() as node if all(isinstance(node.get(k), t) for k, t in _KEYS.items()):
                yield node
            case dict() as other:
                ahead += reversed(list(other.values()))
            case list() as other:
                ahead += reversed(other)
            case str() as line if chain := _chain(line):
                yield chain


def _chain(line: str) -> Node | None:
    """Return the hops of a line as a tree; None for none."""
    tree: Node | None = None
    for name, version, ip in reversed(_HOP.findall(line)):
        upstreams = [tree] if tree else []
        tree = {"name": name, "version": version, "ip": ip, "upstreams": upstreams}
    return tree
