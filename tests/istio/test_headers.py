"""Precedence of the client's headers, the gateway's headers and a hop's match."""

from pathlib import Path

import pytest
import urllib3

from lanes.evidence.answers import parse
from lanes.mesh.model import SIDECAR_PORT
from lanes.running.runtime import RunningMesh
from tests.chart.rendering import Values
from tests.istio import mesh as istio
from tests.istio.conftest import ISTIOD
from tests.istio.mesh import IstioMesh
from tests.istio.variants import rendered
from tests.mesh.running import INCOMPLETE, misrouted, pod, require_drawn

Headers = list[tuple[str, str]]


@pytest.mark.parametrize(
    "headers",
    [
        [("baggage", "version=v3")],
        [("baggage", "user=42 ,  version = v3 ; p=1 , x=1")],
        [("baggage", "user=42,\tversion\t=\tv3")],
        [("baggage", "user=42"), ("baggage", "version=v3")],
        [("baggage", "version=v3"), ("baggage", "user=42")],
        [("Baggage", "version=v3"), ("BAGGAGE", "version=v3")],
        [("baggage", "vers%69on=v3")],
        [("baggage", "ver+sion=v3,VERSION=v3,Version=v3")],
        [("baggage", "version=v3,version=v3;version=v3")],
        [("baggage", "version=v3" + ",a=b" * 100)],
        [("baggage", ",".join(f"k{line}{i}=v" for i in range(60))) for line in range(4)],
        [("version", "v2"), ("version", "v3"), ("version", "")],
        [("x-lane", "v3"), ("x-lane", "v3"), ("cookie", "lane=v3"), ("cookie", "version=v3")],
        [("baggage", "xversion=v3,version-=v3,a=version=v3")],
        [("baggage", 'a="x,version=v3"')],
        [("baggage", "")],
        [("baggage", ",,version=v3,,")],
        [("version", "v3"), ("x-version", "v3")],
        [("version", "v3"), ("baggage", "version=v3")],
    ],
    ids=lambda headers: " + ".join(f"{name}: {value[:40]}" for name, value in headers),
)
def test_headers_of_clients_do_not_choose_the_lane(mesh: RunningMesh, headers: Headers) -> None:
    require_drawn(mesh, headers, 40)


@pytest.mark.parametrize("mode", ["strict", "permissive"])
def test_hostile_headers_do_not_leave_the_lane(tmp_path: Path, mode: str) -> None:
    """The laptop mesh has the same test for both providers."""
    values: Values = {"lanes": {"mode": mode, "weights": INCOMPLETE}}
    with istio.run(Path(ISTIOD), rendered(tmp_path, values)) as mesh:
        assert not misrouted(mesh)


# Of each, the version of mockb that answers a call with these headers.
MATCHES: list[tuple[Headers, str]] = [
    ([("baggage", "version=v3")], "v3"),
    ([("baggage", "a=1,version=v3,b=2")], "v3"),
    ([("baggage", "a=1 , version = v3 ;p=q, b=2")], "v3"),
    ([("baggage", "a=1"), ("baggage", "version=v3")], "v3"),
    ([("baggage", "version=v3"), ("baggage", "a=1")], "v3"),
    ([("baggage", "a=1,\tversion=v3\t;p")], "v3"),
    ([("baggage", "version=v33")], "v1"),
    ([("baggage", "xversion=v3")], "v1"),
    ([("baggage", "a=version=v3")], "v1"),
    ([("baggage", "version=v9")], "v1"),
    ([("baggage", "version=V3")], "v1"),
    ([("baggage", "version=v2")], "v1"),
    ([("version", "v3")], "v1"),
    ([], "v1"),
]


@pytest.mark.parametrize(("headers", "version"), MATCHES, ids=str)
def test_a_hop_finds_the_lane_among_other_members(
    mesh: RunningMesh, headers: Headers, version: str
) -> None:
    assert _from_mocka(mesh, headers) == version


def _from_mocka(mesh: RunningMesh, headers: Headers) -> str:
    """Return the version of mockb that a call from mocka reaches."""
    caller = pod(mesh, "mocka-v1")
    laptop = f"http://{mesh.address(caller)}:{SIDECAR_PORT}"
    proxy = mesh.outbound(caller) if isinstance(mesh, IstioMesh) else laptop
    lines = urllib3.HTTPHeaderDict([("Accept", "application/json"), *headers])
    with urllib3.ProxyManager(proxy) as client:
        response = client.request("GET", "http://mockb:8000/", headers=lines, retries=False)
    kind = response.headers["Content-Type"]
    return parse(response.status, kind, response.data).path[0].version
