"""Programs that answer with pages, in lanes of Istio, with Jaeger and access logs as evidence."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import yaml

from tests.chart.rendering import ROOT
from tests.cluster.kubernetes import LANES, Json, apply, kubectl, resource, rolled_out
from tests.cluster.release import IMAGE, INGRESS, Release
from tests.markdown import fenced, read

MESH = "istio-system"
PAGE = (ROOT / "tests" / "languages" / "plain" / "page.py").read_text()
# What docs/verify.md adds to meshConfig, and its Telemetry.
_DOC = read(ROOT / "docs" / "verify.md")
_MESH_CONFIG = yaml.safe_load("\n".join(fenced(_DOC, "yaml")))
_TELEMETRY = yaml.safe_load(_DOC.partition("<<EOF\n")[2].partition("EOF\n")[0])
HANDED_ON = "baggage,traceparent,tracestate"


def values(reviews: Sequence[str], ratings: Sequence[str]) -> Json:
    """Return values for Istio's bookinfo: a page calls details and reviews; reviews calls ratings.

    `reviews` and `ratings` are their versions besides v1. Each is a lane, which requests enter by
    the header x-lane; v1 and v2 get half of the requests each.
    """
    lanes = {"v1": 50, "v2": 50}
    page = {"name": "page", "configMap": {"name": "page"}}
    return {
        "mesh": {"provider": "istio"},
        "lanes": {
            "baseline": "v1",
            "weights": dict.fromkeys([*reviews, *ratings], 0) | lanes,
            "enter": {"header": "x-lane"},
        },
        "defaults": {
            "sample": False,
            "image": image_values(),
            "language": None,
            "env": {"HOST": "0.0.0.0", "PORT": "8000", "HANDS_ON": HANDED_ON},
            "container": {
                "command": ["python", "/srv/page.py"],
                "readinessProbe": {"tcpSocket": {"port": "http"}, "periodSeconds": 1},
                "resources": {"requests": {"cpu": "5m", "memory": "24Mi"}},
                "volumeMounts": [{"name": "page", "mountPath": "/srv"}],
            },
            "pod": {"volumes": [page], "terminationGracePeriodSeconds": 1},
        },
        "services": {
            "productpage": {
                "versions": {"v1": {}},
                "upstreams": ["details", "reviews"],
                "env": {"upstream_url": "http://details:8000/,http://reviews:8000/"},
            },
            "details": {"versions": {"v1": {}, "v2": {}}},
            "reviews": {
                "versions": {name: {} for name in ("v1", *reviews)},
                "upstreams": ["ratings"],
                "env": {"upstream_url": "http://ratings:8000/"},
            },
            "ratings": {"versions": {name: {} for name in ("v1", *ratings)}},
        },
        "extraObjects": {
            "page": {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "page"},
                "data": {"page.py": PAGE},
            }
        },
    }


def image_values() -> Json:
    """Return the project's image in the form of values."""
    repository, _, tag = IMAGE.rpartition(":")
    return {"repository": repository, "tag": tag}


def jaeger(where: str, image: str) -> str:
    """Deploy Jaeger, and return the URL of its query API in the cluster."""
    labels = {"app": "jaeger"}
    container = {
        "name": "jaeger",
        "image": image,
        "env": [{"name": "JAEGER_LISTEN_HOST", "value": "0.0.0.0"}],
        "readinessProbe": {"httpGet": {"path": "/status", "port": 13133}, "periodSeconds": 1},
    }
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}

    def service(name: str, **ports: int) -> Json:
        listed = [{"name": each.replace("_", "-"), "port": port} for each, port in ports.items()]
        spec = {"selector": labels, "ports": listed}
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}

    spec = {"selector": {"matchLabels": labels}, "template": pod}
    apply(
        where,
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "jaeger"},
            "spec": spec,
        },
        service("jaeger-collector", grpc_otlp=4317),
        service("jaeger-query", http_query=16686),
    )
    rolled_out(where, "deployment/jaeger")
    return f"http://jaeger-query.{where}:16686"


@contextmanager
def telling(collector: str) -> Iterator[None]:
    """Set up the mesh as docs/verify.md does, with its collector in the namespace `collector`.

    The mesh has its old settings when the block ends.
    """
    data = resource("configmap", "istio", namespace=MESH)["data"]["mesh"]
    (provider,) = _MESH_CONFIG["extensionProviders"]
    service = {"service": f"jaeger-collector.{collector}.svc.cluster.local"}
    there = {**provider, "opentelemetry": provider["opentelemetry"] | service}
    _set_mesh(yaml.safe_dump(yaml.safe_load(data) | _MESH_CONFIG | {"extensionProviders": [there]}))
    try:
        apply(MESH, _TELEMETRY)
        yield
    finally:
        name = _TELEMETRY["metadata"]["name"]
        kubectl("delete", "telemetry", name, "--ignore-not-found", namespace=MESH)
        _set_mesh(data)


def _set_mesh(text: str) -> None:
    patch = json.dumps({"data": {"mesh": text}})
    kubectl("patch", "configmap", "istio", "--type=merge", f"--patch={patch}", namespace=MESH)


def verify(release: Release, manifests: Path, *options: str, log: int | None = None) -> Json:
    """Return the result of `lanes verify` by `manifests`; `log` is its standard input."""
    line = [LANES, "verify", release.url, "--host", release.host, f"--manifests={manifests}"]
    line += ["--format=json", "--lane-requests=5", *options]
    done = subprocess.run(line, stdin=log, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    found: Json = json.loads(done.stdout)
    return found


@contextmanager
def access_logs(release: Release) -> Iterator[int]:
    """Give a file descriptor that streams the access logs of the gateway and of a release."""
    reads, writes = os.pipe()
    where, service = INGRESS
    # Of pods with a sidecar: kubectl ends where a pod has no such container.
    own = "app.kubernetes.io/part-of=demo,security.istio.io/tlsMode"
    selectors = {where: f"app={service}", release.namespace: own}
    follow = ("logs", "-f", "--container=istio-proxy", "--prefix", "--since=10s", "--tail=-1")
    with ExitStack() as stack:
        stack.callback(os.close, reads)
        for namespace, selector in selectors.items():
            command = ["kubectl", "-n", namespace, *follow, "-l", selector]
            process = stack.enter_context(
                subprocess.Popen([*command, "--max-log-requests=50"], stdout=writes)
            )
            stack.callback(process.terminate)
        os.close(writes)
        yield reads
