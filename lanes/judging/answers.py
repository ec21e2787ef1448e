"""Answers of the sample services, as a gateway hands them on: a JSON tree, or one line."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

_PART = re.compile(r"-> ?(?:([^\s(]+)\(version: ([^,)]*), ip: [^)]*\)|(\w+://\S+) )")


@dataclass(frozen=True)
class Step:
    """One hop of an answer. `version` is "" where nothing of ours answered.

    `lane` is what the hop read from its baggage; None where it read none or does not tell.
    `namespace` is its pod's in Kubernetes; None where it does not tell. What `Measured` holds is
    no part of where it went: steps are equal without it.
    """

    service: str
    version: str
    lane: str | None = None
    namespace: str | None = None
    measured: "Measured | None" = field(default=None, compare=False)


@dataclass(frozen=True)
class Measured:
    """What a hop of a tree tells of one request: its place in the tree, its address, its time.

    `depth` is 0 for the first hop. `duration_ms` is the hop's whole time and `own_ms` that without
    the slowest of its upstreams, which are called at once. `error`: why it failed by itself, with
    none of its upstreams to pass on; "" where it did not.
    """

    depth: int
    ip: str
    status: int
    duration_ms: float
    own_ms: float
    error: str = ""


@dataclass(frozen=True)
class Answer:
    """One request's answer, its hops in order. `status` 0: there was none; `text` says why.

    `began` is when it was to start, by the monotonic clock, in seconds, `took_ms` the time from
    then to the end of the answer, and `late_ms` by how much it started late; None where nobody
    looked at the clock.
    """

    status: int
    text: str
    path: tuple[Step, ...] = ()
    began: float | None = field(default=None, compare=False)
    took_ms: float | None = field(default=None, compare=False)
    late_ms: float | None = field(default=None, compare=False)

    @property
    def lane(self) -> str | None:
        """The lane that the gateway stamped, where the answer tells."""
        return self.path[0].lane if self.path else None


def parse(status: int, content_type: str, body: bytes) -> Answer:
    """The answer that a response holds; one that is in neither form has an empty path."""
    text = body.decode(errors="replace").strip()
    if content_type.partition(";")[0].strip() == "application/json":
        try:
            nodes = list(_walk(json.loads(text)))
            line = "".join(_part(node) for node, _ in nodes)
            return Answer(status, line, tuple(_step(node, depth) for node, depth in nodes))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return Answer(status, text)
    steps = (Step(m[1], m[2]) if m[1] else Step(_service(m[3]), "") for m in _PART.finditer(text))
    return Answer(status, text, tuple(steps))


def _walk(node: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[Mapping[str, Any], int]]:
    yield node, depth
    for upstream in node.get("upstreams", ()):
        yield from _walk(upstream, depth + 1)


def _step(node: Mapping[str, Any], depth: int) -> Step:
    measured = _measured(node, depth)
    if "name" not in node:
        return Step(_service(node["url"]), "", measured=measured)
    lane, namespace = node["lane"], node.get("namespace")
    if not isinstance(lane, str | None) or not isinstance(namespace, str | None):
        raise TypeError("a lane is a string, and so is a namespace")
    return Step(str(node["name"]), str(node["version"]), lane, namespace, measured)


def _measured(node: Mapping[str, Any], depth: int) -> Measured | None:
    """What the node tells of its time; None where it tells none, as others' services may."""
    upstreams = node.get("upstreams", ())
    whole, *behind = (_time(part.get("duration_ms")) for part in (node, *upstreams))
    status, *passed_on = (_status(part.get("status")) for part in (node, *upstreams))
    if whole is None:
        return None
    slowest = max((time for time in behind if time is not None), default=0.0)
    failed = status >= 400 and max(passed_on, default=0) < 400
    error = str(node.get("error") or f"status {status}") if failed else ""
    own = round(max(0.0, whole - slowest), 3)
    return Measured(depth, str(node.get("ip", "")), status, whole, own, error)


def _time(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < math.inf else None


def _status(value: object) -> int:
    return value if isinstance(value, int) else 0


def _service(url: str) -> str:
    return (urlsplit(url).hostname or "").partition(".")[0]


def _part(node: Mapping[str, Any]) -> str:
    """The node's part of the line that the services write for people."""
    failed = f" failed: {node['status']} {node['error']}" if node.get("error") else ""
    if "name" in node:
        return f"-> {node['name']}(version: {node['version']}, ip: {node['ip']}){failed}"
    if failed:
        return f"-> {node['url']}{failed}"
    text = (node["text"] or "").strip()
    return text if text.startswith("->") else f"-> {node['url']} answered: {text}"
