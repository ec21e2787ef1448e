"""Compare the plan's answers to conformance requests with the suite's."""

import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from lanes.errors import LanesError
from lanes.mesh.headers import AUTHORITY
from lanes.mesh.model import Mesh, Route
from lanes.planning.call_graph import call_graph
from lanes.planning.ingress import host_for
from lanes.planning.request import Request as Planned
from lanes.reading.reader import read
from lanes.reading.resolve import resolve
from tests.conformance.suite import Document, Named, Request, Table
from tests.kube import write

AGREE, NOT_SUPPORTED, ASSUMED, DIFFERENT = "agree", "not supported", "assumed", "different"


@dataclass(frozen=True)
class Result:
    """A request with its verdict, and why it is not "agree"."""

    request: Request
    verdict: str
    why: str = ""


def compare_plan(table: Table) -> tuple[Result, ...]:
    """Compare the plan of a table's manifests with every request of the table.

    Each plan is for one Gateway and port.
    """
    documents = list(table.documents())
    meshes: dict[object, Mesh | LanesError] = {}
    results = []
    for request in table.requests:
        key = None if table.mesh else (request.sender, request.port)
        if key not in meshes:
            meshes[key] = _mesh(list(at_port(documents, *key) if key else documents))
        results.append(_result(meshes[key], request, table.mesh))
    return tuple(results)


def at_port(documents: Iterable[Document], gateway: Named, port: int) -> Iterator[Document]:
    """Yield the documents with one Gateway only, because a plan is for one gateway.

    It has its listeners of `port`, or all of its listeners if none has that port.
    """
    for document in documents:
        if document["kind"] != "Gateway":
            yield document
        elif (document["metadata"]["name"], document["metadata"].get("namespace")) == gateway:
            listeners = document["spec"]["listeners"]
            kept = [listener for listener in listeners if listener["port"] == port] or listeners
            yield {**document, "spec": {**document["spec"], "listeners": kept}}


def _mesh(documents: list[Document]) -> Mesh | LanesError:
    """Return the mesh of the documents, or why it is not supported."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return resolve(read([write(Path(folder), *documents)], strict=False), strict=False)
        except LanesError as error:
            return error


def _result(mesh: Mesh | LanesError, request: Request, in_mesh: bool) -> Result:
    if isinstance(mesh, LanesError):
        return Result(request, NOT_SUPPORTED, str(mesh))
    headers = {name.lower(): value for name, value in request.headers.items()}
    headers[AUTHORITY] = request.host
    planned = Planned(headers, request.path, request.method)
    routes = _in_mesh(mesh, request) if in_mesh else _at_gateway(mesh, request)
    rule = planned.rule(routes)
    if rule is None:
        return compared(request, 404, set())
    if rule.unknown:
        return Result(request, NOT_SUPPORTED, rule.unknown)
    result = compared(request, _status(rule), _pods(rule))
    assumed = _assumed(mesh, rule)
    return replace(result, verdict=ASSUMED, why=assumed) if result.why and assumed else result


def _assumed(mesh: Mesh, rule: Route) -> str:
    """Return the plan's assumption about the destinations of this rule; "": none."""
    names = {w.destination.host.name for w in rule.destinations}
    messages = (w.message for w in mesh.warnings if w.rule == "certificate")
    return next((text for text in messages if names & set(re.split(r"[ ,]+", text))), "")


def _at_gateway(mesh: Mesh, request: Request) -> tuple[Route, ...]:
    host = host_for(mesh, request.host or "any.example")
    return host.routes if host else ()


def _in_mesh(mesh: Mesh, request: Request) -> tuple[Route, ...]:
    version, namespace = request.sender
    port, _ = call_graph(mesh).port(f"http://{request.host}", namespace)
    pods = [pod for pod in mesh.pods if pod.namespace == namespace and pod.version == version]
    return port.seen_by(pods[0]).routes if port else ()


def _status(rule: Route) -> int:
    if not rule.destinations:
        return rule.status
    return 200 if any(any(w.destination.tiers) for w in rule.destinations if w.weight) else 500


def _pods(rule: Route) -> set[tuple[str, str]]:
    """Return name and namespace of the workloads that answer. The suite compares pods' names."""
    tiers = (filter(None, w.destination.tiers) for w in rule.destinations if w.weight)
    first = (endpoint for tier in tiers for endpoint in next(tier, ()))
    return {(e.pod.name.partition("_")[0], e.pod.namespace) for e in first}


def compared(request: Request, status: int, pods: set[tuple[str, str]]) -> Result:
    """Return the verdict of an answer: its status, and the pods that may give it."""
    if status not in request.statuses:
        expected = "an error" if len(request.statuses) > 10 else request.statuses
        return Result(request, DIFFERENT, f"{status} and not {expected}")
    if request.backend and status < 300 and request.backend not in pods:
        return Result(request, DIFFERENT, f"{sorted(pods)} and not {request.backend}")
    return Result(request, AGREE)
