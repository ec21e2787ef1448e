"""The Gateway API's conformance tests: their manifests, and the requests in their tables.

Both are read from the published Go module. `tables.go` finds the tables of the tests. This
repository contains nothing of the module.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from scripts import golang

MODULE = "sigs.k8s.io/gateway-api/conformance"
VERSION = "v1.7.0"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TABLES = Path(__file__).with_name("tables.go")
# The mesh's tests send from this namespace and to this host, unless they name others.
_MESH_NAMESPACE = "gateway-conformance-mesh"
_MESH_HOST = "echo"
# The Go packages of HTTP requests; `h` and `http` are the same. TLS, TCP and UDP choose no route.
_HTTP = ("http", "h", "grpc")
_GRPC_SERVICE = "gateway_api_conformance.echo_basic.grpcecho.GrpcEcho"
_METHODS = ("Echo", "EchoTwo", "EchoThree")
# Envoy answers 404 without a route, which gRPC clients read as Unimplemented.
_FAILED = range(400, 600)
_STATUSES = {"OK": 200, "Unimplemented": 404}

Document = dict[str, Any]
Named = tuple[str, str]
"""A name and its namespace."""


@dataclass(frozen=True)
class Request:
    """A request of a test, and the expected answer.

    `sender` is the Gateway that gets it or, in a mesh, the version and namespace of the client that
    sends it. `port` is the Gateway's. `backend` is the workload that must answer, None if only the
    status is expected.
    """

    sender: Named
    host: str
    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    backend: Named | None = None
    statuses: tuple[int, ...] = (200,)
    port: int = 80


@dataclass(frozen=True)
class Table:
    """One file of tests: its manifests and requests.

    `unread` counts the requests with values that only the running test knows, and those after a
    change of resources.
    """

    file: str
    mesh: bool
    manifests: tuple[Path, ...]
    requests: tuple[Request, ...]
    unread: int

    @property
    def group(self) -> str:
        """Return the group of the file on the page and in the tests."""
        if self.mesh:
            return "mesh"
        name = self.file.rpartition("/")[2]
        return {"grpcroute": "GRPCRoute", "listenerset": "ListenerSet"}.get(
            name.partition("-")[0], "gateway"
        )

    def documents(self) -> Iterator[Document]:
        """Yield every resource that the test applies."""
        for path in self.manifests:
            text = path.read_text().replace("{GATEWAY_CLASS_NAME}", "istio")
            yield from (each for each in yaml.load_all(text, _Loader) if each)


def tables() -> tuple[Table, ...]:
    """Return every file of tests that sends HTTP requests.

    Raises GoError if the module or Go is not available here.
    """
    root = golang.bring_source(MODULE, VERSION)
    command = [str(golang.bring_own(_TABLES)), str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    read: dict[str, list[Document]] = {}
    for test in json.loads(done.stdout):
        read.setdefault(test["File"], []).append(test)
    # TLSRoutes choose by the TLS server name: no HTTP rule sees those requests.
    of_http = ((file, tests) for file, tests in read.items() if "/tlsroute-" not in file)
    return tuple(_table(root, file, tests) for file, tests in of_http)


def _table(root: Path, file: str, tests: list[Document]) -> Table:
    mesh = "/mesh/" in file
    base = root / ("mesh" if mesh else "base") / "manifests.yaml"
    named = [root / name for test in tests for name in test["Manifests"] or []]
    known = [
        None if entry["Changed"] else _request(entry["Literal"], entry["To"], entry["By"])
        for test in tests
        for entry in test["Requests"]
        if entry["Protocol"] in _HTTP
    ]
    requests = tuple(request for request in known if request is not None)
    return Table(file, mesh, (base, *named), requests, len(known) - len(requests))


def _request(literal: Document, to: Document | None, by: str) -> Request | None:
    """Return the request of a test, or None if only the running test knows one of its values."""
    request = literal.get("Request") or _of_grpc(literal)
    response = literal.get("Response") or {}
    statuses = response.get("StatusCodes") or [response.get("StatusCode", 200)]
    if "Failure" in by:
        statuses = list(_FAILED)
    if "Code" in response:
        statuses = [_STATUSES[response["Code"]]]
    in_mesh = to is not None and "Client" in to
    namespace = literal.get("Namespace", _MESH_NAMESPACE if in_mesh else "")
    values = (*request.values(), *(request.get("Headers") or {}).values(), *statuses)
    if to is None or any(value is None for value in (*values, literal.get("Backend", ""))):
        return None
    if in_mesh:
        sender = (to["Client"].rpartition("=")[2], to.get("Namespace", _MESH_NAMESPACE))
    elif to["Gateway"]:
        sender = (to["Gateway"]["Name"], to["Gateway"]["Namespace"])
    else:
        return None
    return Request(
        sender,
        request.get("Host") or (_MESH_HOST if in_mesh else ""),
        request.get("Path", "/"),
        request.get("Method", "GET"),
        request.get("Headers") or {},
        (literal["Backend"], namespace) if literal.get("Backend") else None,
        tuple(statuses),
        443 if "TLS" in by else int(request.get("Host", "").partition(":")[2] or 80),
    )


def _of_grpc(literal: Document) -> Document:
    """Return a gRPC call as an HTTP request."""
    method = next(name for name in _METHODS if literal.get(f"{name}Request") is not None)
    metadata = literal.get("RequestMetadata") or {}
    return {
        "Host": metadata.get("Authority", ""),
        "Path": f"/{_GRPC_SERVICE}/{method}",
        "Method": "POST",
        "Headers": metadata.get("Metadata") or {},
    }
