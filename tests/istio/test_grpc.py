"""istiod's configuration for gRPC: HTTP/2 to the pods, and retries by gRPC status."""

from pathlib import Path

import pytest

from tests.chart.rendering import Values
from tests.istio import mesh as istio
from tests.istio.conftest import ISTIOD
from tests.istio.variants import rendered
from tests.mesh.running import pod

MOCKB, MOCKC = "mockb.default.svc.cluster.local", "mockc.default.svc.cluster.local"


@pytest.mark.parametrize("protocol", ["grpc", "kubernetes.io/h2c"])
def test_a_service_for_grpc_is_called_by_http2(tmp_path: Path, protocol: str) -> None:
    values: Values = {"services": {"mockb": {"appProtocol": protocol}}}
    with istio.run(Path(ISTIOD), rendered(tmp_path, values)) as mesh:
        caller = mesh.proxy(pod(mesh, "mocka-v1"))
        uses_http2 = caller.by_http2()
        assert all(uses_http2[f"outbound|8000|{version}|{MOCKB}"] for version in ("v1", "v3"))
        assert not any(uses_http2[f"outbound|8000|{version}|{MOCKC}"] for version in ("v1", "v2"))
        policies = [rule["route"]["retry_policy"]["retry_on"] for rule in caller.rules(MOCKB)]
        assert all("unavailable" in policy.split(",") for policy in policies)
