"""Answers of the sample services, as they come through a gateway: a JSON tree, or one line."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, NoReturn
from urllib.parse import urlsplit

from lanes.evidence.embedded import embedded
from lanes.evidence.steps import MOST_CHARACTERS, MOST_HOPS, MOST_NAME, Answer, Measured, Step

# What stands behind an arrow of the services' line.
_PART = re.compile(r" ?(?:([^\s(]+)\(version: ([^,)]*), ip: [^)]*\)|(\w+://\S+) (answered)?)")

# A hop's longest time, in ms: a day.
_LONGEST = 86_400_000

Node = Mapping[str, Any]


class UnreadableError(ValueError):
    """Why an answer can't be read, in words that can follow a colon."""


def parse(status: int, content_type: str, body: bytes) -> Answer:
    """The answer that a response holds; one that is in neither form has an empty path."""
    text = body.decode(errors="replace").strip()
    try:
        if content_type.partition(";")[0].strip().lower() != "application/json":
            path = _steps_of_line(text)
            return _answer(status, text, path if text.startswith("->") else _behind(path))
        try:
            nodes = _nodes(_tree(text))
            line = "".join(_part(node) for node, _, own in nodes if own)
            return _answer(status, line, tuple(_steps(nodes)))
        except KeyError:  # of another make
            steps = [step for tree in _within(text) for step in _steps(_nodes(tree))]
            return _answer(status, text, _behind(steps))
    except UnreadableError as why:
        return Answer(status, _cut(text), unreadable=str(why))


def _answer(status: int, text: str, path: tuple[Step, ...]) -> Answer:
    return Answer(status, _cut(text), path, partial=any(step.silent for step in path))


def _behind(path: Sequence[Step]) -> tuple[Step, ...]:
    """The path behind a first hop that tells nothing of itself; () where nobody does."""
    first = (Step("", "", path[0].lane, silent=True),) if path else ()
    return (*first, *(replace(step, caller=step.caller or None) for step in path))


def _steps_of_line(text: str) -> tuple[Step, ...]:
    """The steps that a line tells. Raises UnreadableError."""
    parts = text.split("->", MOST_HOPS + 1)[1:]
    if len(parts) > MOST_HOPS:
        raise UnreadableError(f"more than {MOST_HOPS:,} hops")
    found = (_PART.match(part) for part in parts)
    return tuple(
        Step(_name(m[1]), _name(m[2])) if m[1] else Step(_service(m[3]), "", silent=bool(m[4]))
        for m in found
        if m
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
        raise UnreadableError("it is not JSON") from None
    return _node(tree)


def _refuse(constant: str) -> NoReturn:
    raise UnreadableError(f"{constant} is not JSON")


def _nodes(tree: Node, own: bool = True) -> list[tuple[Node, int, bool]]:
    """The nodes in the order of the answer, each with its depth, and whether it stands there by
    itself, in no foreign node's text. Raises UnreadableError.
    """
    found: list[tuple[Node, int, bool]] = []
    left = [(tree, 0, own)]
    while left:
        node, depth, own = left.pop()
        found.append((node, depth, own))
        silent = _silent(node)
        within = _within(_text(node, "text")) if silent and own else []
        upstreams = within if silent else node.get("upstreams", [])
        if not isinstance(upstreams, list):
            raise UnreadableError("upstreams is not a list")
        if len(found) + len(left) + len(upstreams) > MOST_HOPS:
            raise UnreadableError(f"more than {MOST_HOPS:,} hops")
        left += [(_node(each), depth + 1, own and not silent) for each in reversed(upstreams)]
    return found


def _within(text: str) -> list[Node]:
    """The services' trees in an answer of another form. Raises UnreadableError."""
    whole = []
    for tree in embedded(text):
        with suppress(KeyError):  # of another make, too
            list(_steps(_nodes(tree, own=False)))
            whole.append(tree)
    return whole


def _silent(node: Node) -> bool:
    """Whether the node is an answer of another form."""
    return "name" not in node and node.get("text") is not None and not _error(node)


def _node(value: object) -> Node:
    """Raises KeyError for what is no node of the services'."""
    if isinstance(value, dict) and ("name" in value or "url" in value):
        return value
    raise KeyError("name")


def _steps(nodes: list[tuple[Node, int, bool]]) -> Iterator[Step]:
    """The steps of nodes and their depths, each with its lane: "" in a tree is none, and null, or
    no such key, does not tell. A first hop that does not is in the lane of the next that does.
    """
    told = [_optional(node, "lane") for node, _, _ in nodes]
    lanes = {-1: next((lane for lane in told if lane is not None), "")}
    services = {-1: ""}
    for (node, depth, _), lane in zip(nodes, told, strict=True):
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
        raise UnreadableError(f"{key} is not a number from 0 to {most:,}")
    return value


def _text(node: Node, key: str) -> str:
    """Raises UnreadableError for what is not text, and KeyError where nothing is."""
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
        raise UnreadableError("a URL is not one") from None


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
