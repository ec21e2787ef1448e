"""The answer: a tree of hops, as text for people and as JSON for programs."""

import json
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

DEEPEST = 100  # levels of a tree: Python's JSON takes several frames for each
YEAR = 3.2e10  # milliseconds: no call takes longer, and NaN and infinity are none


@dataclass(frozen=True, kw_only=True)
class Hop:
    """A service's own part, and its upstreams' answers in the order of ``upstream_url``.

    ``status`` is the HTTP status that it answered with, ``lane`` the lane that it saw in the
    baggage, "" for none and None where it does not tell, ``namespace`` its pod's in Kubernetes,
    ``instrumentation`` whose carries the lane. The fields have the order of the JSON.
    """

    name: str
    version: str
    namespace: str | None = None
    ip: str
    lane: str | None
    instrumentation: str | None = None
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
NAMES = {kind: tuple([each.name for each in fields(kind)]) for kind in (Hop, Outside)}


def as_text(node: Node) -> str:
    """Return the chain on one line: ``-> a(version: v1, ip: 10.0.0.1)-> b…``, and what failed."""
    failed = f" failed: {node.status} {node.error}" if node.error else ""
    if isinstance(node, Hop):
        own = f"-> {node.name}(version: {node.version}, ip: {node.ip}){failed}"
        return own + "".join(map(as_text, node.upstreams))
    text = (node.text or "").strip()
    if not failed and text.startswith("->"):
        return text  # another implementation of the sample has written its part of the chain
    return f"-> {node.url}{failed or f' answered: {text}'}"


def as_json(node: Node) -> str:
    """Return the tree as one JSON object; ``from_json`` is the inverse."""
    return json.dumps(node, default=vars, separators=(",", ":"), allow_nan=False)


def from_json(body: str | bytes) -> Node | None:
    """Return the tree in ``body``, which comes from a stranger, or None where it holds none."""
    try:
        return _node(json.loads(body), DEEPEST)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def _node(data: Any, levels: int) -> Node:
    if not isinstance(data, dict) or levels == 0:
        raise ValueError("expected an object, at most 100 levels deep")
    kind = Outside if "url" in data else Hop
    found: dict[str, Any] = {name: data.get(name) for name in NAMES[kind]}
    if type(found["status"]) is not int or not 100 <= found["status"] <= 599:
        raise ValueError("expected an HTTP status")
    if type(found["duration_ms"]) not in (int, float) or not 0 <= found["duration_ms"] <= YEAR:
        raise ValueError("expected milliseconds")
    if kind is Hop:
        found["upstreams"] = tuple([_node(each, levels - 1) for each in found["upstreams"]])
    for name in found.keys() - {"status", "duration_ms", "upstreams"}:
        if found[name] is not None or name in ("name", "version", "ip", "url"):
            found[name].encode()  # raises for what is no string, and for half a surrogate pair
    return kind(**found)
