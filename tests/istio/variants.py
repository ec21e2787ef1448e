"""Manifests of the chart for other values than k8s/istio's, or with one change."""

from pathlib import Path

from tests import kube
from tests.chart.rendering import ISTIO, Values, render, without_tests
from tests.istio import cluster
from tests.istio.kube_api import Document
from tests.mesh.running import ROOT

K8S = str(ROOT / "k8s" / "istio")

STRICT: Values = {"lanes": {"mode": "strict"}}
REPLICAS: Values = {"services": {"mockc": {"versions": {"v2": {"replicas": 2}}}}}
# Another lane header, other names, a service with two callers, and two namespaces.
OTHER_NAMES: Values = {
    "lanes": {
        "header": "x-lane",
        "baseline": "stable",
        "weights": {"stable": 40, "red": 30, "blue": 30},
    },
    "services": {
        "web": {"versions": {"stable": {}, "red": {}, "blue": {}}, "upstreams": ["users", "cart"]},
        "cart": {
            "versions": {"stable": {}, "blue": {}},
            "upstreams": ["stock"],
            "namespace": "elsewhere",
        },
        "users": {"versions": {"stable": {}, "red": {}}, "upstreams": ["stock"]},
        "stock": {"versions": {"stable": {}, "blue": {}, "red": {}}, "namespace": "elsewhere"},
    },
}


def rendered(tmp_path: Path, values: Values) -> str:
    """Write the chart's manifests for provider istio; return their path."""
    return kube.write(tmp_path, *without_tests(render(ISTIO | values)))


def with_env(tmp_path: Path, deployment: str, name: str, value: str, *more: Document) -> str:
    """Write manifests with a variable of one Deployment set, and `more`; return the path."""
    documents = cluster.read([K8S])
    (changed,) = (d for d in documents if d["metadata"]["name"] == deployment)
    _set(changed, name, value)
    return kube.write(tmp_path, *documents, *more)


def _set(deployment: Document, name: str, value: str) -> None:
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [v for v in container["env"] if v["name"] != name]
    container["env"].append({"name": name, "value": value})
