"""The guide's lanes from k8s/, on real Envoy and real services."""

import pytest

from lanes.running.runtime import RunningMesh
from tests.mesh.running import PATHS, ask, ask_in_lane, require_drawn, verdict_of, versions


def test_every_lane_takes_its_path_and_its_share(mesh: RunningMesh) -> None:
    verdict = verdict_of(mesh, 400)
    assert verdict.unexpected == ()
    assert verdict.ok
    assert {lane.name: lane.expected for lane in verdict.lanes} == {"v1": 0.4, "v2": 0.3, "v3": 0.3}


@pytest.mark.parametrize(("lane", "path"), PATHS)
def test_a_lane_falls_back_where_it_has_no_version_and_returns_after(
    mesh: RunningMesh, lane: str, path: list[str]
) -> None:
    answer = ask_in_lane(mesh, lane)
    assert versions(answer) == path
    assert {step.lane for step in answer.path} == {lane}


@pytest.mark.parametrize(
    "headers",
    [
        [("version", "v3")],
        [("Version", "v3"), ("version", "v3")],
        [("baggage", "version=v3")],
        [("baggage", "userId=alice, version = v3;p=1")],
        [("baggage", "userId=alice"), ("baggage", "version=v3")],
        [("baggage", "ver%73ion=v3")],
        [("baggage", "+version=v3")],
        # OpenTelemetry reads 180 members.
        [("baggage", ",".join(["%76ersion=v3", *(f"m{n}=1" for n in range(180))]))],
        [("baggage", "version=v3"), ("version", "v3")],
    ],
    ids=lambda headers: str(headers)[:60],
)
def test_headers_of_clients_do_not_choose_the_lane(
    mesh: RunningMesh, headers: list[tuple[str, str]]
) -> None:
    require_drawn(mesh, headers, 15)


def test_each_pod_answers_with_its_own_address(mesh: RunningMesh) -> None:
    addresses = {
        part.partition("ip: ")[2]
        for _ in range(60)
        for part in ask(mesh)[0].text.split(")")
        if part
    }
    assert len(addresses) == len(mesh.mesh.pods)


def test_a_call_to_an_unknown_host_gets_502(mesh: RunningMesh) -> None:
    import urllib3

    sidecar = f"http://{mesh.address(mesh.mesh.pods[0])}:15001"
    response = urllib3.ProxyManager(sidecar).request("GET", "http://nowhere:8000/", retries=False)
    assert response.status == 502
    assert response.data == b"no such Service in the manifests\n"
