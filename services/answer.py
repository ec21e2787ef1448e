"""The answer: a tree of hops, as text for people and as JSON for programs.

Two kinds of node: a ``Hop`` is a service that speaks this format; an ``Outside`` is whatever
else stood at an upstream's URL: nothing at all, a proxy's refusal, another implementation.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """A service's own part and its upstreams' answers, in the order they were configured.

    ``status`` is the HTTP status it answered with. ``lane`` is the lane it saw in the baggage.
    ``namespace`` is its pod's in Kubernetes, where it knows.
    """

    name: str
    version: str
    ip: str
    lane: str | None
    duration_ms: float
    status: int
    namespace: str | None = None
    error: str | None = None
    upstreams: tuple["Node", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What came from ``url`` that is no hop: its ``text``, or the ``error`` that it was."""

    url: str
    duration_ms: float
    status: int
    error: str | None = None
    text: str | None = None


Node: TypeAlias = Hop | Outside


def status_of(upstreams: Iterable[Node]) -> int:
    """The status to answer with: the first failing upstream's, else 200."""
    return next((node.status for node in upstreams if node.status >= 400), 200)


def as_text(node: Node) -> str:
    """The chain on one line, up to and including what failed.

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
    """The tree as one JSON object; ``from_json`` is its inverse."""
    return json.dumps(_as_dict(node), separators=(",", ":"))


def _as_dict(node: Node) -> dict[str, object]:
    if isinstance(node, Hop):
        return {
            "name": node.name,
            "version": node.version,
            "namespace": node.namespace,
            "ip": node.ip,
            "lane": node.lane,
            "duration_ms": node.duration_ms,
            "status": node.status,
            "error": node.error,
            "upstreams": [_as_dict(upstream) for upstream in node.upstreams],
        }
    return {
        "url": node.url,
        "duration_ms": node.duration_ms,
        "status": node.status,
        "error": node.error,
        "text": node.text,
    }


def from_json(body: str | bytes) -> Node | None:
    """The tree that ``body`` holds, or None when it is not one, whatever it is."""
    try:
        return _from_dict(json.loads(body))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _from_dict(data: object) -> Node:
    if not isinstance(data, dict):
        raise TypeError("a node is a JSON object")
    if "url" in data:
        return Outside(
            url=_text(data["url"]),
            duration_ms=_number(data["duration_ms"]),
            status=_status(data["status"]),
            error=_optional_text(data.get("error")),
            text=_optional_text(data.get("text")),
        )
    return Hop(
        name=_text(data["name"]),
        version=_text(data["version"]),
        namespace=_optional_text(data.get("namespace")),
        ip=_text(data["ip"]),
        lane=_optional_text(data.get("lane")),
        duration_ms=_number(data["duration_ms"]),
        status=_status(data["status"]),
        error=_optional_text(data.get("error")),
        upstreams=tuple(_from_dict(upstream) for upstream in data["upstreams"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("expected a string")
    return value


def _optional_text(value: object) -> str | None:
    return None if value is None else _text(value)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("expected a number")
    return value


def _status(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("expected a whole number")
    return value
