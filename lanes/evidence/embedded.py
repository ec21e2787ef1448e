"""The sample services' answers inside an answer of another form."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Node = Mapping[str, Any]

# One hop of the services' line.
_HOP = re.compile(r"-> ?([^\s(]+)\(version: ([^,)]*), ip: ([^)]*)\)")
# What every hop of the services' tree has. A `name` and a `version` alone are in anyone's JSON.
_KEYS = {"name": str, "version": str, "ip": str, "upstreams": list}
# The most values of a foreign answer that are looked at.
_MOST_VALUES = 20_000


def embedded(text: str) -> list[Node]:
    """Return the trees in `text`, in order. A line is a chain: each hop is the next one's caller.

    [] where there are none: `text` may be anyone's.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    return list(_trees(value))


def _trees(value: object) -> Iterator[Node]:
    left = [value]
    for _ in range(_MOST_VALUES):
        if not left:
            return
        match left.pop():
            case dict() as node if all(isinstance(node.get(k), t) for k, t in _KEYS.items()):
                yield node
            case dict() as other:
                left += reversed(list(other.values()))
            case list() as other:
                left += reversed(other)
            case str() as line if chain := _chain(line):
                yield chain


def _chain(line: str) -> Node | None:
    """The hops of a line as a tree; None where it has none."""
    tree: Node | None = None
    for name, version, ip in reversed(_HOP.findall(line)):
        upstreams = [tree] if tree else []
        tree = {"name": name, "version": version, "ip": ip, "upstreams": upstreams}
    return tree
