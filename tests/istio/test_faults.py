"""Pods, proxies and istiod end under load, and come back."""

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest

from lanes.evidence.steps import Answer
from lanes.mesh.model import Pod
from lanes.running.runtime import RunningMesh
from tests import kube
from tests.istio import mesh as istio
from tests.istio.conftest import ISTIOD, Runner
from tests.istio.mesh import IstioMesh
from tests.istio.variants import K8S, REPLICAS, rendered, with_env
from tests.mesh.running import (
    ask,
    ask_in_lane,
    eventually,
    failed,
    pod,
    under_load,
    verdict_of,
    versions,
)

V2 = ["mocka v2", "mockb v1", "mockc v2"]
WITHOUT = {
    "mocka-v2": ["mocka v1", "mockb v1", "mockc v2"],
    "mockc-v2": ["mocka v2", "mockb v1", "mockc v1"],
}
# The most requests in flight. A killed pod loses them; later requests reach another pod.
CLIENTS = 8


def falls_back(mesh: RunningMesh, gone: Pod, answers: list[Answer]) -> None:
    """Require that other pods answer the last third of the requests under load, and later ones."""
    late = Counter(tuple(versions(a)) for a in answers[-len(answers) // 3 :] if a.lane == "v2")
    assert set(late) == {tuple(WITHOUT[gone.name])}
    assert versions(ask_in_lane(mesh, "v2")) == WITHOUT[gone.name]


@contextmanager
def brought_back(mesh: RunningMesh, gone: Pod) -> Iterator[None]:
    """Start the pod and its proxy again after the block, and require that the lane returns."""
    try:
        yield
    finally:
        if isinstance(mesh, IstioMesh) and not mesh.proxy(gone).process.running:
            mesh.start_proxy(gone)
        if not mesh.runs(gone):
            mesh.start_pod(gone)
        mesh.wait_ready([gone])
        # With many requests: an ejection shows up to a second late, so the lane may come and go.
        eventually(lambda: verdict_of(mesh, 400).ok)


def under_load_without(
    mesh: RunningMesh, name: str, *removals: Callable[[Pod], None], requests: int = 1200
) -> list[str]:
    """Return the requests that failed while `removals` removed a pod."""
    gone = pod(mesh, name)
    with brought_back(mesh, gone):
        load = under_load(mesh, requests, CLIENTS)
        answers = list(islice(load, 300))
        for remove in removals:
            remove(gone)
        answers += load
        eventually(lambda: not mesh.runs(gone))
        falls_back(mesh, gone, answers)
        return failed(answers)


@pytest.mark.parametrize("name", WITHOUT)
def test_a_killed_pod_loses_only_the_requests_in_flight(mesh: RunningMesh, name: str) -> None:
    lost = under_load_without(mesh, name, mesh.kill_pod)
    assert len(lost) <= CLIENTS, lost


@pytest.mark.parametrize("name", WITHOUT)
def test_a_killed_pod_loses_only_requests_in_flight_with_rules_only_at_own_versions(
    runner: Runner, tmp_path: Path, name: str
) -> None:
    with runner(rendered(tmp_path, {})) as mesh:
        lost = under_load_without(mesh, name, mesh.kill_pod)
    assert len(lost) <= CLIENTS, lost


@pytest.mark.parametrize("name", WITHOUT)
def test_a_pod_killed_with_its_proxy_loses_only_the_requests_in_flight(
    istio_mesh: IstioMesh, name: str
) -> None:
    both = istio_mesh.kill_pod, istio_mesh.kill_proxy
    # Enough requests for an ejection to end and begin again.
    lost = under_load_without(istio_mesh, name, *both, requests=2500)
    assert len(lost) <= CLIENTS, lost


@pytest.mark.parametrize("name", WITHOUT)
def test_a_version_scaled_to_zero_loses_no_request(mesh: RunningMesh, name: str) -> None:
    assert under_load_without(mesh, name, mesh.ask_to_stop) == []


@pytest.mark.parametrize("name", WITHOUT)
def test_endpoints_removed_and_restored_lose_no_request(istio_mesh: IstioMesh, name: str) -> None:
    gone = pod(istio_mesh, name)
    load = under_load(istio_mesh, 1200, CLIENTS)
    with brought_back(istio_mesh, gone):
        answers = list(islice(load, 300))
        istio_mesh.withdraw(gone)
        answers += islice(load, 400)
        falls_back(istio_mesh, gone, answers)
    answers += load
    assert failed(answers) == []


def test_requests_succeed_as_soon_as_the_baseline_is_back(runner: Runner, tmp_path: Path) -> None:
    """If every endpoint is ejected, Envoy still sends requests to them."""
    with runner(rendered(tmp_path, {})) as mesh:
        gone = pod(mesh, "mockb-v1")
        mesh.kill_pod(gone)
        if isinstance(mesh, IstioMesh):
            mesh.kill_proxy(gone)
        assert {a.status for a in under_load(mesh, 60, CLIENTS) if a.lane != "v3"} == {503}
        if isinstance(mesh, IstioMesh):
            mesh.start_proxy(gone)
        mesh.start_pod(gone)
        mesh.wait_ready([gone])
        # The laptop mesh learns of a pod by health checks, and takes up to two seconds.
        patience = 0.5 if isinstance(mesh, IstioMesh) else 3
        eventually(lambda: {ask(mesh)[0].status for _ in range(20)} == {200}, patience)


def test_lanes_hold_without_istiod() -> None:
    with istio.run(Path(ISTIOD), K8S) as mesh:
        mesh.istiod.process.signal(signal.SIGKILL)
        assert verdict_of(mesh).ok
        mesh.kill_pod(pod(mesh, "mockc-v2"))
        assert len(failed(list(under_load(mesh, 300, CLIENTS)))) <= CLIENTS


def test_requests_that_leave_a_lane_while_one_of_its_two_pods_is_gone(
    runner: Runner, tmp_path: Path
) -> None:
    """Istio spills over to the baseline below 72% healthy; the laptop mesh does not."""
    with runner(rendered(tmp_path, REPLICAS)) as mesh:
        gone, _ = [p for p in mesh.mesh.pods if (p.app, p.version) == ("mockc", "v2")]
        mesh.kill_pod(gone)
        if isinstance(mesh, IstioMesh):
            mesh.kill_proxy(gone)
        answers = list(under_load(mesh, 1500, CLIENTS))
        assert len(failed(answers)) <= CLIENTS, failed(answers)
        ended = Counter(a.path[-1].version for a in answers[500:] if a.lane == "v2")
        spilled = ended["v1"] / ended.total()
        if not isinstance(mesh, IstioMesh):
            assert spilled < 0.05
            return
        # 140% of 50% healthy: 70% stay, or 100% while both pods are listed as healthy.
        assert 0.1 < spilled < 0.45
        mesh.withdraw(gone)
        eventually(lambda: _of_lane_v2(mesh) == {"v2"})


def _of_lane_v2(mesh: RunningMesh) -> set[str]:
    answers = list(under_load(mesh, 200, CLIENTS))
    return {a.path[-1].version for a in answers if a.lane == "v2"}


def test_a_502_of_a_service_does_not_leave_the_lane(runner: Runner, tmp_path: Path) -> None:
    # mockc calls a host that is not a Service: its proxy answers 502, and so does mockc.
    with runner(with_env(tmp_path, "mockc-v2", "upstream_url", "http://nowhere:8000/")) as mesh:
        for _ in range(10):
            answer = ask_in_lane(mesh, "v2")
            assert answer.status == 502
            assert versions(answer) == [*V2, "nowhere "]
        assert {a.status for a in under_load(mesh, 200, CLIENTS) if a.lane != "v2"} == {200}


def test_a_503_of_a_service_is_retried_at_the_baseline(runner: Runner, tmp_path: Path) -> None:
    # A proxy answers 503 if its pod is gone, so 503 is retried. A 503 of the service itself is
    # retried too: here the service has an upstream without pods.
    empty = kube.service("nowhere", {"name": "http", "port": 8000})
    file = with_env(tmp_path, "mockc-v2", "upstream_url", "http://nowhere:8000/", empty)
    with runner(file) as mesh:
        for _ in range(10):
            answer = ask_in_lane(mesh, "v2")
            assert answer.status == 200
            assert versions(answer) == WITHOUT["mockc-v2"]
