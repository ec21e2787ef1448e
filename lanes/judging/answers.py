"""Answers of the sample services, as a gateway hands them on: a JSON tree, or one line."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_PART = re.compile(r"-> ?(?:([^\s(]+)\(version: ([^,)]*), ip: [^)]*\)|(\w+://\S+) )")


@dataclass(frozen=True)
class Step:
    """One hop of an answer. `version` is "" where nothing of ours answered.

    `lane` is what the hop read from its baggage; None where it read none or does not tell.
    `namespace` is its pod's in Kubernetes; None where it does not tell.
    """

    service: str
    version: str
    lane: str | None = None
    namespace: str | None = None


@dataclass(frozen=True)
class Answer:
    """One request's answer, its hops in order. `status` 0: there was none; `text` says why."""

    status: int
    text: str
    path: tuple[Step, ...] = ()

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
            return Answer(status, "".join(map(_part, nodes)), tuple(map(_step, nodes)))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return Answer(status, text)
    steps = (Step(m[1], m[2]) if m[1] else Step(_service(m[3]), "") for m in _PART.finditer(text))
    return Answer(status, text, tuple(steps))


def _walk(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for upstream in node.get("upstreams", ()):
        yield from _walk(upstream)


def _step(node: Mapping[str, Any]) -> Step:
    if "name" not in node:
        return Step(_service(node["url"]), "")
    lane, namespace = node["lane"], node.get("namespace")
    if not isinstance(lane, str | None) or not isinstance(namespace, str | None):
        raise TypeError("a lane is a string, and so is a namespace")
    return Step(str(node["name"]), str(node["version"]), lane, namespace)


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
