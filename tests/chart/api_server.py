"""A stand-in for the Kubernetes API, on loopback, that stores objects and runs nothing.

It suffices for `helm install`, `upgrade` and `uninstall`, and for rendering with
`--dry-run=server`.
"""

import functools
import json
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import yaml

from tests.chart.rendering import CHART, Resource, Values, helm

_ISTIO = ("DestinationRule", "Gateway", "VirtualService")
KINDS = {
    "v1": ("ConfigMap", "Namespace", "Secret", "Service", "ServiceAccount"),
    "apiregistration.k8s.io/v1": ("APIService",),
    "apps/v1": ("Deployment",),
    "autoscaling/v2": ("HorizontalPodAutoscaler",),
    "gateway.networking.k8s.io/v1": ("HTTPRoute",),
    "gateway.networking.k8s.io/v1beta1": ("ReferenceGrant",),
    "istio.alibabacloud.com/v1beta1": ("ASMHeaderPropagation",),
    "networking.istio.io/v1": _ISTIO,
    "networking.istio.io/v1beta1": _ISTIO,
    "networking.k8s.io/v1": ("NetworkPolicy",),
    "opentelemetry.io/v1alpha1": ("Instrumentation",),
    "policy/v1": ("PodDisruptionBudget",),
    "rbac.authorization.k8s.io/v1": ("Role",),
}


@dataclass
class ApiServer:
    """Objects by path, in the order of their creation, and Helm's requests: method and path."""

    url: str = ""
    objects: dict[str, Resource] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)

    def helm(
        self, command: str, *options: str, values: Values | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run helm for release `demo`. `values` are for install and upgrade."""
        chart = [str(CHART), "--values", "-", "--disable-openapi-validation"]
        arguments = chart if command in {"install", "upgrade"} else []
        arguments += [*options, "--kube-apiserver", self.url]
        return helm(*command.split(), "demo", *arguments, values=values)

    def names(self) -> list[tuple[str, str]]:
        """Return kind and name of each object, except Helm's own Secrets."""
        return [
            (item["kind"], item["metadata"]["name"])
            for item in self.objects.values()
            if item["kind"] != "Secret"
        ]

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, Resource]:
        """Return status code and object."""
        path = urlsplit(target).path
        self.requests.append((method, path))
        if method == "POST":
            item = _read(body)
            path = f"{path}/{item['metadata']['name']}"
            if path in self.objects:
                return 409, _status("AlreadyExists", 409)
        elif method in {"PATCH", "PUT"}:
            item = _read(body)
        elif method == "DELETE":
            found = self.objects.pop(path, None)
            return (200, found) if found else (404, _status("NotFound", 404))
        elif found := self.objects.get(path) or _discovery().get(path):
            return 200, found
        else:
            below = [o for p, o in self.objects.items() if p.rpartition("/")[0] == path]
            if not below:
                return 404, _status("NotFound", 404)
            kind, api = f"{below[0]['kind']}List", below[0]["apiVersion"]
            return 200, {"apiVersion": api, "kind": kind, "metadata": {}, "items": below}
        self.objects[path] = self.objects.get(path, {}) | item
        return 200, self.objects[path]


def _read(body: bytes) -> Resource:
    """Return an object that Helm sends: YAML, JSON, or in protobuf a Secret with its records."""
    if not body.startswith(b"k8s\0"):
        loaded: Resource = yaml.safe_load(body)
        return loaded
    secret = _fields(_fields(body[4:])[2][0])
    metadata = _fields(secret[1][0])
    data = {key: b64encode(value).decode() for key, value in _map(secret[2]).items()}
    labels = {key: value.decode() for key, value in _map(metadata[11]).items()}
    named = {"name": metadata[1][0].decode(), "namespace": "default", "labels": labels}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": named, "data": data} | {
        "type": secret[3][0].decode()
    }


def _fields(message: bytes) -> dict[int, list[bytes]]:
    """Return the length-delimited fields of a protobuf message, by number."""
    found: dict[int, list[bytes]] = {}
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            value |= (message[at] & 127) << shift
            shift, at = shift + 7, at + 1
            if message[at - 1] < 128:
                return value

    while at < len(message):
        tag = number()
        size = number()
        if tag & 7 == 2:
            found.setdefault(tag >> 3, []).append(message[at : at + size])
            at += size
    return found


def _map(pairs: list[bytes]) -> dict[str, bytes]:
    return {_fields(p)[1][0].decode(): _fields(p).get(2, [b""])[0] for p in pairs}


def _status(reason: str, code: int) -> Resource:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": reason,
        "code": code,
    }


@contextmanager
def api_server() -> Iterator[ApiServer]:
    """Run an API server without objects."""
    api = ApiServer()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            code, item = api.answer(self.command, self.path, body)
            data = json.dumps(item).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    for method in ("GET", "POST", "PATCH", "PUT", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.answer)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def cluster(*objects: Resource) -> Iterator[Sequence[str]]:
    """Run an API server with these objects, and give the options of an upgrade that reads it."""
    with api_server() as api:
        for item in objects:
            api.objects[_path(item)] = item
        flags = ("--is-upgrade", "--dry-run=server", "--disable-openapi-validation")
        yield (*flags, "--kube-apiserver", api.url)


def _path(item: Resource) -> str:
    api, metadata = item["apiVersion"], item["metadata"]
    namespace = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    place = f"{namespace}/{_plural(item['kind'])}/{metadata['name']}"
    return f"/{'apis' if '/' in api else 'api'}/{api}{place}"


@functools.cache
def _discovery() -> dict[str, Resource]:
    """Return the answer at each path of an API without objects: versions, groups and kinds."""
    answers: dict[str, Resource] = {
        "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
    }
    groups = []
    for api, kinds in KINDS.items():
        group, _, version = api.rpartition("/")
        named = {"groupVersion": api, "version": version}
        groups.append({"name": group, "versions": [named], "preferredVersion": named})
        resources = [
            {
                "name": _plural(kind),
                "kind": kind,
                "namespaced": kind != "Namespace",
                "verbs": ["create", "delete", "get", "list", "patch", "update"],
            }
            for kind in kinds
        ]
        listed = {"kind": "APIResourceList", "groupVersion": api, "resources": resources}
        answers[f"/{'apis' if group else 'api'}/{api}"] = listed
    answers["/apis"] = {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups[1:]}
    return answers


def _plural(kind: str) -> str:
    name = kind.lower()
    return f"{name[:-1]}ies" if name.endswith("y") and name != "gateway" else f"{name}s"
