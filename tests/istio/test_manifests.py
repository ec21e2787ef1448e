"""The kinds in k8s/istio, and istiod's reading of every field."""

from typing import Any

from tests.istio import cluster
from tests.istio.kube_api import Document
from tests.istio.mesh import IstioMesh
from tests.istio.variants import K8S

DOCUMENTS = cluster.read([K8S])
ISTIO = [d for d in DOCUMENTS if ".istio.io/" in d["apiVersion"]]
STOCK = {
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("apps/v1", "Deployment"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("networking.istio.io/v1", "DestinationRule"),
    ("networking.istio.io/v1", "Gateway"),
    ("networking.istio.io/v1", "VirtualService"),
    ("opentelemetry.io/v1alpha1", "Instrumentation"),
}


def test_manifests_have_no_envoy_filter_no_wasm_and_no_custom_kind() -> None:
    assert {(d["apiVersion"], d["kind"]) for d in DOCUMENTS} <= STOCK


def test_istiod_admits_every_resource_without_a_warning(istio_mesh: IstioMesh) -> None:
    reviews = {_name(d): istio_mesh.istiod.review(d) for d in ISTIO}
    assert reviews == {_name(d): (True, []) for d in ISTIO}


def test_istiod_refuses_a_wrong_duration(istio_mesh: IstioMesh) -> None:
    """So the review above can fail."""
    spec = {"host": "mocka", "trafficPolicy": {"outlierDetection": {"interval": "soon"}}}
    (rule, *_) = (d for d in ISTIO if d["kind"] == "DestinationRule")
    allowed, (sentence,) = istio_mesh.istiod.review(rule | {"spec": spec})
    assert not allowed
    assert "bad Duration" in sentence


def test_istiod_knows_every_field(istio_mesh: IstioMesh) -> None:
    """istiod drops unknown fields silently."""
    known = {_name(d): d["spec"] for d in istio_mesh.istiod.resources()}
    for document in ISTIO:
        missing = _fields(document["spec"]) - _fields(known[_name(document)])
        assert not missing, f"{_name(document)}: {missing}"


def _name(document: Document) -> str:
    return f"{document['kind']} {document['metadata']['name']}"


def _fields(value: Any, path: str = "") -> set[str]:
    """Return the paths of all fields with values other than 0, "" and false."""
    if isinstance(value, dict):
        return {f for key, inner in value.items() for f in _fields(inner, f"{path}.{key}")}
    if isinstance(value, list):
        return {f for i, inner in enumerate(value) for f in _fields(inner, f"{path}[{i}]")}
    return {path} if value else set()
