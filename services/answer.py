"""The service's answer: a tree of hops, as text for people and as JSON for programs."""

import json
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

MAX_LEVELS = 100  # of a tree: Python's JSON takes several stack frames for each level
MAX_MS = 3.2e10  # a year; refuses NaN and infinity as well


@dataclass(frozen=True, kw_only=True)
class Hop:
    """A service's own part of the answer, and its upstreams' answers.

    ``upstreams`` has the order of ``upstream_url``. ``status`` is the HTTP status of the answer.
    ``lane`` is the lane in the request's baggage: "" for none, None if the service does not tell.
    ``namespace`` is the pod's in Kubernetes. ``instrumentation`` is the one that carries the lane.
    The JSON has the fields in this order.
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
    """An upstream's answer that is not a hop: its ``text``, or the ``error`` of the call."""

    url: str
    duration_ms: float
    status: int
    error: str | None = None
    text: str | None = None


Node: TypeAlias = Hop | Outside
NAMES = {kind: tuple([each.name for each in fields(kind)]) for kind in (Hop, Outside)}


def as_text(node: Node) -> str:
    """Return the chain on one line, ``-> a(version: v1, ip: 10.0.0.1)-> b…``, with failures."""
    failed = f" failed: {node.status} {node.error}" if node.error else ""
    if isinstance(node, Hop):
        own = f"-> {node.name}(version: {node.version}, ip: {node.ip}){failed}"
        return own + "".join(map(as_text, node.upstreams))
    text = (node.text or "").strip()
    if not failed and text.startswith("->"):
        return text  # another implementation of the sample wrote its part of the chain
    return f"-> {node.url}{failed or f' answered: {text}'}"


def as_json(node: Node) -> str:
    """Return the tree as one JSON object; ``from_json`` is the inverse."""
    return json.dumps(node, default=vars, separators=(",", ":"), allow_nan=False)


def from_json(body: str | bytes) -> Node | None:
    """Return the tree in the untrusted ``body``, or None if it holds no valid tree."""
    try:
        return _node(json.loads(body), MAX_LEVELS)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def _node(data: Any, levels: int) -> Node:
    if not isinstance(data, dict) or levels == 0:
        raise ValueError("expected an object, at most 100 levels deep")
    kind = Outside if "url" in data else Hop
    values: dict[str, Any] = {name: data.get(name) for name in NAMES[kind]}
    if type(values["status"]) is not int or not 100 <= values["status"] <= 599:
        raise ValueError("expected an HTTP status")
    if type(values["duration_ms"]) not in (int, float) or not 0 <= values["duration_ms"] <= MAX_MS:
        raise ValueError("expected milliseconds")
    if kind is Hop:
        values["upstreams"] = tuple([_node(each, levels - 1) for each in values["upstreams"]])
    for name in values.keys() - {"status", "duration_ms", "upstreams"}:
        if values[name] is not None or name in ("name", "version", "ip", "url"):
            values[name].encode()  # raises unless it is a string without lone surrogates
    return kind(**values)
