"""The answer: a tree of hops, as text for people and as JSON for programs."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

# Levels of a tree. Python's JSON takes several frames for each, and a chain has a few.
DEEPEST = 100
# Milliseconds, a year: more than any call takes, and no NaN nor infinity.
LONGEST = 3.2e10


@dataclass(frozen=True, kw_only=True)
class Hop:
    """A service's own part, and its upstreams' answers in the order of ``upstream_url``.

    ``status`` is the HTTP status that it answered with, ``lane`` the lane that it saw in the
    baggage, ``namespace`` its pod's in Kubernetes. The fields have the order of the JSON.
    """

    name: str
    version: str
    namespace: str | None = None
    ip: str
    lane: str | None
    duration_ms: float
    status: int
    error: str | None = None
    upstreams: tuple["Node", ...] = ()


@dataclass(frozen=True, kw_only=True)
class Outside:
    """What came from ``url`` and is no hop: its ``text``, or the ``error`` that it was."""

    url: str
    duration_ms: float
    status: int
    error: str | None = None
    text: str | None = None


Node: TypeAlias = Hop | Outside


def status_of(upstreams: Iterable[Node]) -> int:
    """Return the first failing upstream's status, else 200."""
    return next((node.status for node in upstreams if node.status >= 400), 200)


def as_text(node: Node) -> str:
    """Return the chain on one line, up to and including what failed.

    >>> as_text(Hop(name="a", version="v1", ip="10.0.0.1", lane=None, duration_ms=1, status=200))
    '-> a(version: v1, ip: 10.0.0.1)'
    """
    failed = f" failed: {node.status} {node.error}" if node.error else ""
    if isinstance(node, Hop):
        own = f"-> {node.name}(version: {node.version}, ip: {node.ip}){failed}"
        return own + "".join(map(as_text, node.upstreams))
    if failed:
        return f"-> {node.url}{failed}"
    text = (node.text or "").strip()
    # Another implementation of the sample has already written its part of the chain.
    return text if text.startswith("->") else f"-> {node.url} answered: {text}"


def as_json(node: Node) -> str:
    """Return the tree as one JSON object; ``from_json`` is the inverse."""
    return json.dumps(node, default=vars, separators=(",", ":"), allow_nan=False)


def from_json(body: str | bytes | bytearray) -> Node | None:
    """Return the tree in ``body``, which comes from a stranger, or None where it holds none."""
    try:
        return _node(json.loads(body), DEEPEST)
    except (ValueError, TypeError, RecursionError):
        return None


def _node(data: Any, levels: int) -> Node:
    if not isinstance(data, dict) or levels == 0:
        raise ValueError("expected an object, and fewer in each other")
    if "url" in data:
        return Outside(**{name: read(data.get(name)) for name, read in _OUTSIDE.items()})
    upstreams: Any = data.get("upstreams")
    return Hop(
        **{name: read(data.get(name)) for name, read in _HOP.items()},
        upstreams=tuple([_node(each, levels - 1) for each in upstreams]),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("expected a string")
    value.encode()  # raises a ValueError for half of a surrogate pair
    return value


def _optional_text(value: Any) -> str | None:
    return None if value is None else _text(value)


def _milliseconds(value: Any) -> Any:
    if type(value) not in (int, float) or not 0 <= value <= LONGEST:
        raise ValueError("expected milliseconds")
    return value


def _status(value: Any) -> Any:
    if type(value) is not int or not 100 <= value <= 599:
        raise ValueError("expected an HTTP status")
    return value


_BOTH = {"duration_ms": _milliseconds, "status": _status, "error": _optional_text}
_OUTSIDE = {"url": _text, "text": _optional_text} | _BOTH
_NAMES = dict.fromkeys(("name", "version", "ip"), _text)
_HOP = _NAMES | dict.fromkeys(("namespace", "lane"), _optional_text) | _BOTH
