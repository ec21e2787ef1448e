"""Answers of the sample services, as they come through a gateway: a JSON tree, or one line."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import urlsplit

# What stands behind an arrow of the services' line.
_PART = re.compile(r" ?(?:([^\s(]+)\(version: ([^,)]*), ip: [^)]*\)|(\w+://\S+) )")

# The most that is read of an answer, and kept of its text; a name is as long as Kubernetes' may be.
MOST_HOPS, MOST_CHARACTERS, MOST_NAME = 1_000, 16_384, 253
# A hop's longest time, in ms: a day.
_LONGEST = 86_400_000

Node = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """One hop of an answer. `version` is "" where nothing of ours answered.

    `lane` is what the hop read from its baggage; None where it read none. A hop that does not tell
    is taken to be in its caller's. `namespace` is its pod's in Kubernetes; None where it does not
    tell. What `Measured` holds is no part of where it went, nor is whose `instrumentation` carries
    its lane (`injected 0.44b0`; None where it does not tell): steps are equal without them.
    """

    service: str
    version: str
    lane: str | None = None
    namespace: str | None = None
    measured: "Measured | None" = field(default=None, compare=False)
    instrumentation: str | None = field(default=None, compare=False)


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
    looked at the clock. `unreadable` is why the text has no path though it is meant as the
    services'; "" for any other.
    """

    status: int
    text: str
    path: tuple[Step, ...] = ()
    began: float | None = field(default=None, compare=False)
    took_ms: float | None = field(default=None, compare=False)
    late_ms: float | None = field(default=None, compare=False)
    unreadable: str = field(default="", compare=False)

    @property
    def lane(self) -> str | None:
        """The lane that the gateway set; None where the answer does not name it."""
        return self.path[0].lane if self.path else None


class UnreadableError(ValueError):
    """Why an answer can't be read, in words that can follow a colon."""


def parse(status: int, content_type: str, body: bytes) -> Answer:
    """The answer that a response holds; one that is in neither form has an empty path."""
    text = body.decode(errors="replace").strip()
    try:
        if content_type.partition(";")[0].strip().lower() != "application/json":
            return Answer(status, _cut(text), _steps_of_line(text))
        nodes = _nodes(_tree(text))
        line = "".join(_part(node) for node, _ in nodes)
        return Answer(status, _cut(line), tuple(_steps(nodes)))
    except UnreadableError as why:
        return Answer(status, _cut(text), unreadable=str(why))
    except KeyError:  # of another make
        return Answer(status, _cut(text))


def _steps_of_line(text: str) -> tuple[Step, ...]:
    """The steps that a line tells. Raises UnreadableError."""
    parts = text.split("->", MOST_HOPS + 1)[1:]
    if len(parts) > MOST_HOPS:
        raise UnreadableError(f"more than {MOST_HOPS:,} hops")
    found = (_PART.match(part) for part in parts)
    return tuple(
        Step(_name(m[1]), _name(m[2])) if m[1] else Step(_service(m[3]), "") for m in found if m
    )


def _tree(text: str) -> Node:
    """The object that JSON text holds. Raises UnreadableError, and KeyError for anything else."""
    try:
        tree = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise UnreadableError("it is nested too deep") from None
    except UnreadableError:
        raise
    except ValueError:
        raise UnreadableError("it is no JSON") from None
    return _node(tree)


def _refuse(constant: str) -> NoReturn:
    raise UnreadableError(f"{constant} is no JSON")


def _nodes(tree: Node) -> list[tuple[Node, int]]:
    """The nodes in the order of the answer, each with its depth. Raises UnreadableError."""
    found: list[tuple[Node, int]] = []
    left = [(tree, 0)]
    while left:
        node, depth = left.pop()
        found.append((node, depth))
        upstreams = node.get("upstreams", [])
        if not isinstance(upstreams, list):
            raise UnreadableError("upstreams is no list")
        if len(found) + len(left) + len(upstreams) > MOST_HOPS:
            raise UnreadableError(f"more than {MOST_HOPS:,} hops")
        left += [(_node(upstream), depth + 1) for upstream in reversed(upstreams)]
    return found


def _node(value: object) -> Node:
    """Raises KeyError for what is no node of the services'."""
    if isinstance(value, dict) and ("name" in value or "url" in value):
        return value
    raise KeyError("name")


def _steps(nodes: list[tuple[Node, int]]) -> Iterator[Step]:
    """The steps of nodes and their depths, each with its lane: "" in a tree is none, and null, or
    no such key, does not tell. A first hop that does not is in the lane of the next that does.
    """
    told = [_optional(node, "lane") for node, _ in nodes]
    lanes = {-1: next((lane for lane in told if lane is not None), "")}
    for (node, depth), lane in zip(nodes, told, strict=True):
        lanes[depth] = lanes[depth - 1] if lane is None else lane
        yield _step(node, depth, lanes[depth] or None)


def _step(node: Node, depth: int, lane: str | None) -> Step:
    measured = _measured(node, depth)
    if "name" not in node:
        return Step(_service(_text(node, "url")), "", measured=measured)
    name, version = _name(_text(node, "name")), _name(_text(node, "version"))
    namespace, instrumentation = _optional(node, "namespace"), _optional(node, "instrumentation")
    return Step(name, version, lane, namespace, measured, instrumentation)


def _measured(node: Node, depth: int) -> Measured | None:
    """What the node tells of its time; None where it tells none, as others' services may."""
    upstreams = node.get("upstreams", ())
    whole, *behind = (_time(part) for part in (node, *upstreams))
    status, *passed_on = (_status(part) for part in (node, *upstreams))
    if whole is None:
        return None
    slowest = max((time for time in behind if time is not None), default=0.0)
    failed = status >= 400 and max(passed_on, default=0) < 400
    error = (_error(node) or f"status {status}") if failed else ""
    own = round(max(0.0, whole - slowest), 3)
    return Measured(depth, _optional(node, "ip") or "", status, whole, own, error)


def _time(node: Node) -> float | None:
    """The node's time in ms; None where it tells none."""
    value = _number(node, "duration_ms", _LONGEST)
    return None if value is None else float(value)


def _status(node: Node) -> int:
    """The node's status; 0 where it tells none."""
    return int(_number(node, "status", 999) or 0)


def _number(node: Node, key: str, most: int) -> int | float | None:
    """Return the number; None where there is none."""
    value = node.get(key)
    if not isinstance(value, int | float):
        return None
    if isinstance(value, bool) or not 0 <= value <= most:
        raise UnreadableError(f"{key} is no number from 0 to {most:,}")
    return value


def _text(node: Node, key: str) -> str:
    """Raises UnreadableError for what is no text, and KeyError where nothing is."""
    value = node[key]
    if not isinstance(value, str):
        raise UnreadableError(f"{key} is no text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UnreadableError(f"{key} holds half a character") from None
    return value


def _optional(node: Node, key: str) -> str | None:
    return None if node.get(key) is None else _name(_text(node, key))


def _error(node: Node) -> str:
    """Why the node failed; "" where it tells none."""
    return _cut(_text(node, "error")) if node.get("error") else ""


def _name(text: str) -> str:
    if len(text) > MOST_NAME:
        raise UnreadableError(f"a name of more than {MOST_NAME} characters")
    return text


def _service(url: str) -> str:
    try:
        return _name((urlsplit(url).hostname or "").partition(".")[0])
    except ValueError:
        raise UnreadableError("a URL is none") from None


def _part(node: Node) -> str:
    """The node's part of the line that the services write for people."""
    error = _error(node)
    failed = f" failed: {_status(node)} {error}" if error else ""
    if "name" in node:
        name, version, ip = (_text(node, key) for key in ("name", "version", "ip"))
        return f"-> {name}(version: {version}, ip: {ip}){failed}"
    url = _text(node, "url")
    if failed:
        return f"-> {url}{failed}"
    text = _text(node, "text").strip() if node["text"] is not None else ""
    return text if text.startswith("->") else f"-> {url} answered: {text}"


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]} ..."
