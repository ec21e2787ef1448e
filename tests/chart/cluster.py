"""What a cluster tells Helm that renders: the APIs that it has, and objects by name.

Just enough of Kubernetes' API for `--dry-run=server`, on loopback.
"""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.chart.rendering import Resource

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


@contextmanager
def cluster(*objects: Resource) -> Iterator[Sequence[str]]:
    """The options that make Helm render for a cluster that holds `objects`, and an upgrade."""
    answers = _answers(objects)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = answers.get(self.path.partition("?")[0])
            missing = {"kind": "Status", "apiVersion": "v1", "reason": "NotFound", "code": 404}
            body = json.dumps(found or missing).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        yield (
            "--is-upgrade",
            "--dry-run=server",
            "--disable-openapi-validation",
            "--kube-apiserver",
            url,
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def discovery() -> dict[str, Resource]:
    """What is had at each path of an API that holds nothing: versions, groups and kinds."""
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


def _answers(objects: Sequence[Resource]) -> dict[str, Resource]:
    """What is had at each path: discovery, then the objects."""
    answers = discovery()
    for item in objects:
        if item["kind"] == "Namespace":
            answers[f"/api/v1/namespaces/{item['metadata']['name']}"] = item
            continue
        space, name = item["metadata"]["namespace"], item["metadata"]["name"]
        place = f"namespaces/{space}/{_plural(item['kind'])}/{name}"
        path = f"/apis/{item['apiVersion']}/{place}"
        answers[path] = item
        listed = {"apiVersion": item["apiVersion"], "kind": f"{item['kind']}List", "items": []}
        answers.setdefault(path.rpartition("/")[0], listed)["items"].append(item)
    return answers
