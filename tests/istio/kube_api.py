"""A stand-in for the Kubernetes API: list and watch on loopback, and nothing else.

istiod reads a cluster's objects from the Kubernetes API and does not run without it. This stand-in
has the part that istiod reads. It schedules no pods, checks no probes and accepts no writes of
istiod. A test applies objects, and istiod gets them as in a cluster.
"""

import json
import queue
import threading
from collections.abc import Callable, Iterator
from copy import deepcopy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Document = dict[str, Any]

# The kinds that istiod reads and a test may apply, with their place in the API.
KINDS = {
    "ConfigMap": "v1/configmaps",
    "Namespace": "v1/namespaces",
    "Node": "v1/nodes",
    "Pod": "v1/pods",
    "Secret": "v1/secrets",
    "Service": "v1/services",
    "EndpointSlice": "discovery.k8s.io/v1/endpointslices",
    "Ingress": "networking.k8s.io/v1/ingresses",
    "MutatingWebhookConfiguration": "admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
    "ValidatingWebhookConfiguration": (
        "admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    ),
    "DestinationRule": "networking.istio.io/v1/destinationrules",
    "Gateway": "networking.istio.io/v1/gateways",
    "ServiceEntry": "networking.istio.io/v1/serviceentries",
    "Sidecar": "networking.istio.io/v1/sidecars",
    "VirtualService": "networking.istio.io/v1/virtualservices",
    "AuthorizationPolicy": "security.istio.io/v1/authorizationpolicies",
    "PeerAuthentication": "security.istio.io/v1/peerauthentications",
    "HTTPRoute": "gateway.networking.k8s.io/v1/httproutes",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1/customresourcedefinitions",
}
_GATEWAYS = "gateway.networking.k8s.io/v1/gateways"
_KIND_AT = {place: kind for kind, place in KINDS.items()} | {_GATEWAYS: "Gateway"}


def is_of_gateway_api(document: Document) -> bool:
    """Tell whether a document is a Gateway of the Gateway API, and not Istio's kind Gateway."""
    group = str(document["apiVersion"]).partition("/")[0]
    return document["kind"] == "Gateway" and group == "gateway.networking.k8s.io"


class KubeApi:
    """Objects by collection (such as apps/v1/deployments), served at `url` until `close`."""

    def __init__(self, address: str, port: int) -> None:
        self._lock = threading.RLock()
        self._version = 1
        self._objects: dict[str, dict[tuple[str, str], Document]] = {}
        self._watches: list[tuple[_Query, queue.Queue[Document | None]]] = []
        for place in _KIND_AT:
            if ".istio.io/" in place or place.startswith("gateway."):
                self.apply(_definition(place))
        self._server = _Server((address, port), _handler(self))
        self.url = f"http://{address}:{port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """End every watch and the server."""
        self._server.shutdown()
        with self._lock:
            for _, events in self._watches:
                events.put(None)
        self._server.server_close()

    def apply(self, document: Document) -> None:
        """Create or replace an object, as `kubectl apply` does."""
        document = deepcopy(document)
        collection = _GATEWAYS if is_of_gateway_api(document) else KINDS[document["kind"]]
        metadata = document["metadata"]
        key = (metadata.get("namespace", ""), metadata["name"])
        with self._lock:
            self._version += 1
            objects = self._objects.setdefault(collection, {})
            metadata["resourceVersion"] = str(self._version)
            metadata["uid"] = "-".join((collection.rpartition("/")[2], *key))
            metadata.setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
            event = {"type": "MODIFIED" if key in objects else "ADDED", "object": document}
            objects[key] = document
            for query, events in self._watches:
                if query.collection == collection and query.matches(document):
                    events.put(event)

    def find(self, query: "_Query") -> Document:
        """Return the current objects as the API's list."""
        with self._lock:
            objects = self._objects.get(query.collection, {}).values()
            return {
                "metadata": {"resourceVersion": str(self._version)},
                "items": [document for document in objects if query.matches(document)],
            }

    def watch(self, query: "_Query") -> Iterator[Document]:
        """Yield events from now on, and first the current objects if the query asks for them."""
        events: queue.Queue[Document | None] = queue.Queue()
        with self._lock:
            if query.initial:
                listed = self.find(query)
                for document in listed["items"]:
                    events.put({"type": "ADDED", "object": document})
                events.put({"type": "BOOKMARK", "object": _end_of_list(query, listed["metadata"])})
            self._watches.append((query, events))
        try:
            while (event := events.get()) is not None:
                yield event
        finally:
            with self._lock:
                self._watches.remove((query, events))


class _Query:
    """The objects that a request selects: /api/v1/pods, /apis/GROUP/V1/namespaces/NS/KIND?..."""

    def __init__(self, target: str, partial: bool) -> None:
        url = urlsplit(target)
        options = {name: values[0] for name, values in parse_qs(url.query).items()}
        _, root, *steps = url.path.split("/")
        group, rest = (steps[:1], steps[1:]) if root == "api" else (steps[:2], steps[2:])
        namespaced = len(rest) > 2 and rest[0] == "namespaces"
        self._namespace = rest[1] if namespaced else ""
        self._name = options.get("fieldSelector", "").partition("metadata.name=")[2]
        rest = rest[2:] if namespaced else rest
        self.single = rest[1] if len(rest) > 1 else ""
        self.collection = "/".join((*group, *rest[:1]))
        self.watch = options.get("watch") in ("true", "1")
        self.initial = options.get("sendInitialEvents") == "true"
        self.api = "meta.k8s.io/v1" if partial else "/".join(group)
        self.kind = "PartialObjectMetadata" if partial else _KIND_AT.get(self.collection, "Unknown")

    def matches(self, document: Document) -> bool:
        metadata = document["metadata"]
        return (
            self._namespace in ("", metadata.get("namespace"))
            and self._name in ("", metadata["name"])
            and self.single in ("", metadata["name"])
        )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def _handler(api: KubeApi) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path.startswith("/version"):
                return self._answer(200, {"major": "1", "minor": "34", "gitVersion": "v1.34.0"})
            partial = "PartialObjectMetadata" in self.headers.get("Accept", "")
            query = _Query(self.path, partial)
            if query.watch:
                return self._stream(api.watch(query))
            listed = api.find(query)
            if not query.single:
                kind = {"apiVersion": query.api, "kind": f"{query.kind}List"}
                return self._answer(200, kind | listed)
            if listed["items"]:
                return self._answer(200, listed["items"][0])
            return self._answer(404, _status("NotFound", 404))

        def _refuse(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._answer(403, _status("Forbidden", 403))

        do_POST = do_PUT = do_PATCH = do_DELETE = _refuse  # noqa: N815 named by http.server

        def _answer(self, status: int, document: Document) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _stream(self, events: Iterator[Document]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                for event in events:
                    line = json.dumps(event).encode() + b"\n"
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                self.wfile.write(b"0\r\n\r\n")
            except OSError:  # istiod ended
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    return Handler


def _definition(place: str) -> Document:
    """Return a CRD, which tells istiod that resources of the kind may exist."""
    group, _, plural = place.split("/")
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            "annotations": {"gateway.networking.k8s.io/bundle-version": "v1.4.0"},
        },
    }


def _end_of_list(query: _Query, metadata: Document) -> Document:
    marked = metadata | {"annotations": {"k8s.io/initial-events-end": "true"}}
    return {"apiVersion": query.api, "kind": query.kind, "metadata": marked}


def _status(reason: str, code: int) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Failure",
        "reason": reason,
        "code": code,
    }
