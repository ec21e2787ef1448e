"""Compare the answers of `lanes up` to conformance requests with the suite's.

Each Gateway and port of each file runs once, with a small server in place of each pod.
"""

import http.client
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lanes.envoy.clusters import destinations
from lanes.errors import LanesError
from lanes.mesh.model import SIDECAR_PORT, Mesh, Pod, pods_behind
from lanes.reading.commands import Command
from lanes.reading.kinds.core import ServicePort
from lanes.reading.protocols import says_http2
from lanes.reading.reader import read
from lanes.reading.resolve import resolve
from lanes.running.address import free_port
from lanes.running.runtime import RunningMesh, run
from tests.conformance.comparing import (
    NOT_SUPPORTED,
    Result,
    at_port,
    compared,
)
from tests.conformance.suite import Document, Request, Table
from tests.kube import put, write

_ECHO = Path(__file__).with_name("echo.py")
_SECONDS = 10


def compare_up(table: Table) -> tuple[Result, ...]:
    """Send every request of a table to the mesh that `lanes up` runs from its manifests."""
    documents = list(table.documents())
    groups: dict[object, list[Request]] = {}
    for request in table.requests:
        key = None if table.mesh else (request.sender, request.port)
        groups.setdefault(key, []).append(request)
    results: dict[int, Result] = {}
    for requests in groups.values():
        first = requests[0]
        kept = documents if table.mesh else list(at_port(documents, first.sender, first.port))
        try:
            with _running(kept, in_mesh=table.mesh) as mesh:
                results |= {id(r): _result(mesh, r, table.mesh) for r in requests}
        except LanesError as error:
            results |= {id(r): Result(r, NOT_SUPPORTED, str(error)) for r in requests}
    return tuple(results[id(request)] for request in table.requests)


@contextmanager
def _running(documents: list[Document], *, in_mesh: bool) -> Iterator[RunningMesh]:
    with tempfile.TemporaryDirectory() as folder:
        mesh = resolve(read([write(Path(folder), *documents)], strict=False), strict=False)
        needed = {(pod.name.partition("_")[0], pod.namespace) for pod in _needed(mesh, in_mesh)}
        kept = [d for d in documents if d["kind"] != "Deployment" or _key(d) in needed]
        kept = [_by_http_1(d) if d["kind"] == "Service" else d for d in kept]
        manifests = read([write(Path(folder), *kept)], strict=False)
        answering = f"exec {sys.executable} {_ECHO}"
        mesh = resolve(manifests, strict=False)
        further: dict[tuple[str, str], set[str]] = {}
        for pod in mesh.pods:
            further.setdefault((pod.app, pod.namespace), set())
        for endpoint in (e for d in destinations(mesh) for tier in d.tiers for e in tier):
            if endpoint.port != endpoint.pod.port:
                further[endpoint.pod.app, endpoint.pod.namespace].add(str(endpoint.port))
        commands = [
            Command.of(f"{app}.{namespace}={answering} {' '.join(sorted(ports))}")
            for (app, namespace), ports in further.items()
        ]
        with run(resolve(manifests, commands, strict=False), free_port()) as running:
            yield running


def _needed(mesh: Mesh, in_mesh: bool) -> Iterable[Pod]:
    """Return the pods that may answer. A pod that serves TCP alone never does."""
    pods = mesh.pods if in_mesh else pods_behind(r for host in mesh.gateway for r in host.routes)
    return (pod for pod in pods if "TCP_ECHO_SERVER" not in pod.env)


def _by_http_1(service: Document) -> Document:
    """Return a Service without ports for HTTP/2, which the small server does not support."""
    ports = service["spec"].get("ports", [])
    plain = [
        {**port, "appProtocol": "http"} if says_http2(ServicePort.model_validate(port)) else port
        for port in ports
    ]
    return put(service, "spec.ports", plain) if ports else service


def _key(document: Document) -> tuple[str, str]:
    metadata = document["metadata"]
    return metadata["name"], metadata.get("namespace", "default")


def _result(running: RunningMesh, request: Request, in_mesh: bool) -> Result:
    version, namespace = request.sender
    host, port = "127.0.0.1", int(running.url.rstrip("/").rpartition(":")[2])
    if in_mesh:
        pods = (p for p in running.mesh.pods if (p.version, p.namespace) == (version, namespace))
        host, port = running.address(next(pods)), SIDECAR_PORT
    connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    headers = {"Host": request.host or "any.example", **request.headers}
    try:
        connection.request(request.method, request.path, headers=headers)
        response = connection.getresponse()
        body = response.read().decode(errors="replace")
    finally:
        connection.close()
    if response.status == 501:
        return Result(request, NOT_SUPPORTED, body)
    answering = (pod for pod in running.mesh.pods if running.address(pod) == body)
    workloads = {(pod.name.partition("_")[0], pod.namespace) for pod in answering}
    return compared(request, response.status, workloads)
