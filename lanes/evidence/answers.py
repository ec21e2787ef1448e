"""Parses answers of the sample services: a JSON tree, or one line of text."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urlsplit

from lanes.evidence.embedded import embedded
from lanes.evidence.steps import MOST_CHARACTERS, MOST_HOPS, MOST_NAME, Answer, Measured, Step

# What follows an arrow in the services' line.
_PART = re.compile(r" ?(?:([^\s(]+)\(version: ([^,)]*), ip: [^)]*\)|(\w+://\S+) (answered)?)")

# A hop's longest time, in ms: a day.
_LONGEST = 86_400_000

Node = Mapping[str, Any]


class _Visit(NamedTuple):
    """A node of a tree and its depth. `quoted`: it stands in the text of a foreign node."""

    node: Node
    depth: int
    quoted: bool


class UnreadableError(ValueError):
    """Why an answer can't be read, in words that can follow a colon."""


def parse(status: int, content_type: str, body: bytes) -> Answer:
    """Return the answer in a response; its path is empty if the body is in neither form."""
    text = body.decode(errors="replace").strip()
    try:
        if content_type.partition(";")[0].strip().lower() != "application/json":
            path = _steps_of_line(text)
            return _answer(status, text, path if text.startswith("->") else _behind(path))
        try:
            visits = _visits(_tree(text))
            line = "".join(_part(visit.node) for visit in visits if not visit.quoted)
            return _answer(status, line, tuple(_steps(visits)))
        except KeyError:  # another service's JSON
            steps = [step for tree in _trees_in(text) for step in _steps(_visits(tree))]
            return _answer(status, text, _behind(steps))
    except UnreadableError as why:
        return Answer(status, _cut(text), unreadable=str(why))


def _answer(status: int, text: str, path: tuple[Step, ...]) -> Answer:
    return Answer(status, _cut(text), path, partial=any(step.silent for step in path))


def _behind(path: Sequence[Step]) -> tuple[Step, ...]:
    """Return the path with a silent first hop before it; () for an empty path."""
    first = (Step("", "", path[0].lane, silent=True),) if path else ()
    return (*first, *(replace(step, caller=step.caller or None) for step in path))


def _steps_of_line(text: str) -> tuple[Step, ...]:
    """Return the steps of a line. Raises UnreadableError."""
    parts = text.split("->", MOST_HOPS + 1)[1:]
    if len(parts) > MOST_HOPS:
        raise UnreadableError(f"more than {MOST_HOPS:,} hops")
    matches = (_PART.match(part) for part in parts)
    return tuple(
        Step(_name(m[1]), _name(m[2])) if m[1] else Step(_service(m[3]), "", silent=bool(m[4]))
        for m in matches
        if m
    )


def _tree(text: str) -> Node:
    """Return the root node in JSON text.

    Raises UnreadableError for invalid JSON, and KeyError for JSON of another form.
    """
    try:
        tree = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise UnreadableError("it is nested too deep") from None
    except UnreadableError:
        raise
    except ValueError:
        raise UnreadableError("it is not JSON") from None
    return _node(tree)


def _refuse(constant: str) -> NoReturn:
    raise UnreadableError(f"{constant} is not JSON")


def _visits(root: Node, quoted: bool = False) -> list[_Visit]:
    """Return the nodes below and with `root`, in the order of the answer.

    A foreign node's upstreams are the trees in its text. Raises UnreadableError.
    """
    visits: list[_Visit] = []
    ahead = [_Visit(root, 0, quoted)]
    while ahead:
        visit = ahead.pop()
        visits.append(visit)
        node, silent = visit.node, _silent(visit.node)
        trees = _trees_in(_text(node, "text")) if silent and not visit.quoted else []
        upstreams = trees if silent else node.get("upstreams", [])
        if not isinstance(upstreams, list):
            raise UnreadableError("upstreams is not a list")
        if len(visits) + len(ahead) + len(upstreams) > MOST_HOPS:
            raise UnreadableError(f"more than {MOST_HOPS:,} hops")
        below = visit.depth + 1, visit.quoted or silent
        ahead += [_Visit(_node(each), *below) for each in reversed(upstreams)]
    return visits


def _trees_in(text: str) -> list[Node]:
    """Return the services' trees in an answer of another form. Raises UnreadableError."""
    trees = []
    for tree in embedded(text):
        with suppress(KeyError):  # another service's JSON
            list(_steps(_visits(tree, quoted=True)))
            trees.append(tree)
    return trees


def _silent(node: Node) -> bool:
    """Tell whether the node is an answer of another form."""
    return "name" not in node and node.get("text") is not None and not _error(node)


def _node(value: object) -> Node:
    """Return the value. Raises KeyError unless it is a node of the services' tree."""
    if isinstance(value, dict) and ("name" in value or "url" in value):
        return value
    raise KeyError("name")


def _steps(visits: list[_Visit]) -> Iterator[Step]:
    """Yield the step of each node, with its caller and its lane.

    A `lane` of "" is no lane. A node whose lane is null or missing is in its caller's lane, or, if
    it is the first, in the next lane that a node names.
    """
    named = [_optional(visit.node, "lane") for visit in visits]
    lanes = {-1: next((lane for lane in named if lane is not None), "")}
    services = {-1: ""}
    for (node, depth, _), lane in zip(visits, named, strict=True):
        lanes[depth] = lanes[depth - 1] if lane is None else lane
        step = replace(_step(node, depth, lanes[depth] or None), caller=services[depth - 1])
        services[depth] = step.service
        yield step


def _step(node: Node, depth: int, lane: str | None) -> Step:
    measured = _measured(node, depth)
    if "name" not in node:
        service, silent = _service(_text(node, "url")), _silent(node)
        return Step(service, "", lane if silent else None, measured=measured, silent=silent)
    name, version = _name(_text(node, "name")), _name(_text(node, "version"))
    namespace, instrumentation = _optional(node, "namespace"), _optional(node, "instrumentation")
    return Step(name, version, lane, namespace, measured, instrumentation)


def _measured(node: Node, depth: int) -> Measured | None:
    """Return the node's figures; None if it has no time, as other services' may not."""
    upstreams = node.get("upstreams", ())
    duration, *upstream_times = (_time(part) for part in (node, *upstreams))
    status, *upstream_statuses = (_status(part) for part in (node, *upstreams))
    if duration is None:
        return None
    slowest = max((time for time in upstream_times if time is not None), default=0.0)
    failed = status >= 400 and max(upstream_statuses, default=0) < 400
    error = (_error(node) or f"status {status}") if failed else ""
    own = round(max(0.0, duration - slowest), 3)
    return Measured(depth, _optional(node, "ip") or "", status, duration, own, error)


def _time(node: Node) -> float | None:
    """Return the node's time in ms; None for none."""
    value = _number(node, "duration_ms", _LONGEST)
    return None if value is None else float(value)


def _status(node: Node) -> int:
    """Return the node's status; 0 for none."""
    return int(_number(node, "status", 999) or 0)


def _number(node: Node, key: str, most: int) -> int | float | None:
    """Return the number; None for none. Raises UnreadableError outside of 0 to `most`."""
    value = node.get(key)
    if not isinstance(value, int | float):
        return None
    if isinstance(value, bool) or not 0 <= value <= most:
        raise UnreadableError(f"{key} is not a number from 0 to {most:,}")
    return value


def _text(node: Node, key: str) -> str:
    """Return the text. Raises UnreadableError for another value, and KeyError for none."""
    value = node[key]
    if not isinstance(value, str):
        raise UnreadableError(f"{key} is not text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UnreadableError(f"{key} holds half a character") from None
    return value


def _optional(node: Node, key: str) -> str | None:
    return None if node.get(key) is None else _name(_text(node, key))


def _error(node: Node) -> str:
    """Return why the node failed; "" if it did not."""
    return _cut(_text(node, "error")) if node.get("error") else ""


def _name(text: str) -> str:
    if len(text) > MOST_NAME:
        raise UnreadableError(f"a name of more than {MOST_NAME} characters")
    return text


def _service(url: str) -> str:
    try:
        return _name((urlsplit(url).hostname or "").partition(".")[0])
    except ValueError:
        raise UnreadableError("a URL is not one") from None


def _part(node: Node) -> str:
    """Return the node as the services' line for people shows it."""
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
