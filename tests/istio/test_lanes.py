"""The lanes of k8s/istio, under the real istiod and on the laptop mesh."""

from pathlib import Path

import pytest

from lanes.running.runtime import RunningMesh
from tests.chart.rendering import Values
from tests.istio.conftest import Runner
from tests.istio.variants import OTHER_NAMES, STRICT, rendered
from tests.mesh.running import PATHS, ask_in_lane, verdict_of, versions


def test_every_lane_takes_its_path_and_its_share(mesh: RunningMesh) -> None:
    verdict = verdict_of(mesh, 600)
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


def test_a_lane_without_any_deployment_gets_the_baseline(runner: Runner, tmp_path: Path) -> None:
    values: Values = {"lanes": {"weights": {"v1": 25, "v2": 25, "v3": 25, "v4": 25}}}
    with runner(rendered(tmp_path, values)) as mesh:
        assert verdict_of(mesh, 200).ok
        assert versions(ask_in_lane(mesh, "v4")) == ["mocka v1", "mockb v1", "mockc v1"]


def test_a_lane_that_the_entry_service_lacks_passes_its_baseline(
    runner: Runner, tmp_path: Path
) -> None:
    """The gateway then has the baseline's subset twice, with two lane headers."""
    values: Values = {"services": {"mocka": {"versions": {"v3": None}}}}
    with runner(rendered(tmp_path, values)) as mesh:
        assert verdict_of(mesh, 200).ok
        assert versions(ask_in_lane(mesh, "v3")) == ["mocka v1", "mockb v3", "mockc v1"]


def test_a_strict_lane_ends_where_its_version_is_missing(runner: Runner, tmp_path: Path) -> None:
    with runner(rendered(tmp_path, STRICT)) as mesh:
        assert verdict_of(mesh, 200).ok
        for lane, path in (
            ("v2", ["mocka v2", "mockb "]),
            ("v3", ["mocka v3", "mockb v3", "mockc "]),
        ):
            answer = ask_in_lane(mesh, lane)
            assert answer.status == 503
            assert versions(answer) == path
        assert ask_in_lane(mesh, "v1").status == 200


def test_other_service_names_another_lane_header_and_two_upstreams(
    runner: Runner, tmp_path: Path
) -> None:
    with runner(rendered(tmp_path, OTHER_NAMES)) as mesh:
        assert verdict_of(mesh, 200).ok
        assert versions(ask_in_lane(mesh, "red")) == [
            *("web red", "users red", "stock red", "cart stable", "stock red")
        ]
