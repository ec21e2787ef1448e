"""istiod and `lanes` read the same endpoints and tiers from the manifests."""

from pathlib import Path

import pytest

from lanes.mesh.model import Destination
from tests import kube
from tests.chart.rendering import Values
from tests.istio import mesh as istio
from tests.istio.conftest import ISTIOD
from tests.istio.kube_api import Document
from tests.istio.variants import OTHER_NAMES, REPLICAS, STRICT, rendered
from tests.mesh.running import ask


@pytest.mark.parametrize(
    "values",
    [{}, STRICT, OTHER_NAMES, REPLICAS],
    ids=["sample", "strict", "other names", "replicas"],
)
def test_every_destination_has_the_same_tiers(values: Values, tmp_path: Path) -> None:
    require_same_tiers(rendered(tmp_path, values))


V2_HOST = "web-v2.default.svc.cluster.local"
V2 = {"app": "web", "version": "v2"}


@pytest.mark.parametrize(
    ("host", "selecting"),
    [
        (V2_HOST, kube.service("web-v2", {"port": 8000, "name": "http"}, selector=V2)),
        ("web.v2.internal", kube.service_entry("web.v2.internal", "web", "v2")),
    ],
    ids=["Service and ServiceEntry", "two ServiceEntries"],
)
def test_services_with_one_host_have_the_pods_of_all(
    host: str, selecting: Document, tmp_path: Path
) -> None:
    prefers = {"localityLbSetting": {"failoverPriority": ["version=v2"]}}
    policy = {"loadBalancer": prefers, "outlierDetection": {}}
    lane = [
        kube.gateway(),
        kube.virtual_service("*", kube.rule(kube.to(host)), gateways=["demo-gateway"]),
        kube.virtual_service("web", kube.rule(kube.to(host))),
        kube.destination_rule(host, policy=policy, name="lane"),
        kube.service("web", {"port": 8000, "name": "http"}),
        selecting,
        kube.service_entry(host, "web", "v1"),
        kube.deployment("web"),
        kube.deployment("web", "v2"),
    ]
    require_same_tiers(kube.write(tmp_path, *lane))


def require_same_tiers(manifests: str) -> None:
    """Require that each proxy has the endpoints and tiers that `lanes` reads."""
    with istio.run(Path(ISTIOD), manifests) as mesh:
        seen = {name: proxy.tiers() for name, proxy in mesh.proxies().items()}
        destinations = {
            weighted.destination.name: weighted.destination
            for port in mesh.mesh.ports
            for route in port.routes
            for weighted in route.destinations
        }
        assert destinations
        for cluster, destination in destinations.items():
            planned = _tiers(mesh, destination)
            assert {name: tiers.get(cluster, {}) for name, tiers in seen.items()} == dict.fromkeys(
                seen, planned
            ), cluster


def _tiers(mesh: istio.IstioMesh, destination: Destination) -> dict[str, int]:
    """Return every endpoint's address and tier. Istio numbers only tiers with endpoints."""
    filled = (tier for tier in destination.tiers if tier)
    return {
        mesh.address(endpoint.pod): number
        for number, tier in enumerate(filled)
        for endpoint in tier
    }


def test_no_proxy_rejects_istiods_configuration(istio_mesh: istio.IstioMesh) -> None:
    assert ask(istio_mesh)[0].status == 200
    refused = {
        f"{name} {counter}": count
        for name, proxy in istio_mesh.proxies().items()
        for counter, count in proxy.counters("update_rejected").items()
        if count
    }
    assert refused == {}
    assert istio_mesh.istiod.refusals() == []
    counted = istio_mesh.proxy().counters("update_success")
    assert counted["listener_manager.lds.update_success"] > 0
