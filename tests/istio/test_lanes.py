"""The lanes of k8s/istio, under the real istiod and on the laptop mesh alike."""

import pytest

from lanes.runtime import RunningMesh
from tests.mesh.running import ask_in_lane, judged, versions


def test_every_lane_takes_its_path_and_its_share(mesh: RunningMesh) -> None:
    verdict = judged(mesh, 600)
    assert verdict.unexpected == ()
    assert verdict.ok
    assert {lane.name: lane.expected for lane in verdict.lanes} == {"v1": 0.4, "v2": 0.3, "v3": 0.3}


@pytest.mark.parametrize(
    ("lane", "path"),
    [
        ("v1", ["mocka v1", "mockb v1", "mockc v1"]),
        ("v2", ["mocka v2", "mockb v1", "mockc v2"]),
        ("v3", ["mocka v3", "mockb v3", "mockc v1"]),
    ],
)
def test_a_lane_falls_back_where_it_has_no_version_and_returns_after(
    mesh: RunningMesh, lane: str, path: list[str]
) -> None:
    answer = ask_in_lane(mesh, lane)
    assert versions(answer) == path
    assert {step.lane for step in answer.path} == {lane}
