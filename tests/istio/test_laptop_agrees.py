"""istiod and `lanes` read the same out of the manifests: endpoint for endpoint, tier for tier."""

from pathlib import Path

import pytest

from lanes.mesh.model import Destination
from tests.chart.rendering import Values
from tests.istio import mesh as istio
from tests.istio.conftest import ISTIOD
from tests.istio.variants import OTHER_NAMES, REPLICAS, STRICT, rendered
from tests.mesh.running import ask


@pytest.mark.parametrize(
    "values",
    [{}, STRICT, OTHER_NAMES, REPLICAS],
    ids=["sample", "strict", "other names", "replicas"],
)
def test_every_destination_has_the_same_tiers(values: Values, tmp_path: Path) -> None:
    with istio.run(Path(ISTIOD), rendered(tmp_path, values)) as mesh:
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
    """Every endpoint's address and tier; Istio leaves no number out for an empty tier."""
    filled = (tier for tier in destination.tiers if tier)
    return {
        mesh.address(endpoint.pod): number
        for number, tier in enumerate(filled)
        for endpoint in tier
    }


def test_no_proxy_refuses_what_istiod_sends(istio_mesh: istio.IstioMesh) -> None:
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
