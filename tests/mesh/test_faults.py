"""Pods that are stopped or killed, and started again."""

import os
import signal
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest

from lanes.running.runtime import RunningMesh
from tests import kube
from tests.chart.rendering import Values, render, without_tests
from tests.mesh.running import (
    ask,
    ask_in_lane,
    eventually,
    failed,
    pod,
    running,
    under_load,
    verdict_of,
    versions,
)

V2 = ["mocka v2", "mockb v1", "mockc v2"]
V2_WITHOUT_MOCKC = ["mocka v2", "mockb v1", "mockc v1"]
# Only a request that the pod was answering as it died may be lost, and the clients have no more
# under way. None is what is seen.
CLIENTS = 16


def back(mesh: RunningMesh) -> None:
    mesh.wait_ready([pod(mesh, "mockc-v2")])
    eventually(lambda: versions(ask_in_lane(mesh, "v2")) == V2)
    assert verdict_of(mesh).ok


def test_a_lane_falls_back_from_a_killed_pod_and_returns_to_the_next(mesh: RunningMesh) -> None:
    gone = pod(mesh, "mockc-v2")
    load = under_load(mesh, 200, CLIENTS)
    answers = list(islice(load, 60))
    mesh.kill_pod(gone)
    answers += load
    assert len(failed(answers)) <= CLIENTS, failed(answers)
    later = list(under_load(mesh, 60, CLIENTS))
    assert failed(later) == []
    assert {tuple(versions(a)) for a in later if a.lane == "v2"} == {tuple(V2_WITHOUT_MOCKC)}
    mesh.start_pod(gone)
    back(mesh)


def test_a_lane_without_the_entry_service_falls_back_from_a_killed_pod(tmp_path: Path) -> None:
    """Of three services it has two, the first not among them."""
    values: Values = {
        "lanes": {"weights": {"v3": None, "v1": 70}},
        "services": {
            "mocka": {"versions": {"v2": None, "v3": None}},
            "mockb": {"versions": {"v2": {}, "v3": None}},
        },
    }
    with running(kube.write(tmp_path, *without_tests(render(values)))) as mesh:
        assert versions(ask_in_lane(mesh, "v2")) == ["mocka v1", "mockb v2", "mockc v2"]
        load = under_load(mesh, 200, CLIENTS)
        answers = list(islice(load, 60))
        mesh.kill_pod(pod(mesh, "mockb-v2"))
        answers += load
        assert len(failed(answers)) <= CLIENTS, failed(answers)
        assert versions(ask_in_lane(mesh, "v2")) == ["mocka v1", "mockb v1", "mockc v2"]


def test_a_stopped_pod_loses_no_request(mesh: RunningMesh) -> None:
    gone = pod(mesh, "mockc-v2")
    with closing(under_load(mesh, None, CLIENTS)) as load:
        answers = list(islice(load, 60))
        mesh.ask_to_stop(gone)
        for answer in load:
            answers.append(answer)
            if not mesh.runs(gone):
                break
        answers += islice(load, 60)
    assert failed(answers) == []
    assert versions(ask_in_lane(mesh, "v2")) == V2_WITHOUT_MOCKC
    mesh.start_pod(gone)
    back(mesh)


@pytest.mark.parametrize("which", ["master", "worker"])
def test_a_lane_falls_back_from_each_killed_process_of_a_pod(mesh: RunningMesh, which: str) -> None:
    master = mesh.pid(pod(mesh, "mockc-v2"))
    (worker,) = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    load = under_load(mesh, 200, CLIENTS)
    answers = list(islice(load, 60))
    os.kill(master if which == "master" else int(worker), signal.SIGKILL)
    answers += load
    assert len(failed(answers)) <= CLIENTS, failed(answers)
    if which == "master":
        eventually(lambda: not Path(f"/proc/{worker}").exists())
        mesh.start_pod(pod(mesh, "mockc-v2"))
    back(mesh)


def test_a_lane_does_not_fall_back_while_one_replica_is_left(tmp_path: Path) -> None:
    documents = [
        d if d["metadata"]["name"] != "mockb-v2" else kube.deployment("mockb", "v2", replicas=2)
        for d in kube.asm(kube.PAIR, kube.HALVES)
    ]
    with running(kube.write(tmp_path, *documents)) as mesh:
        load = under_load(mesh, 250, CLIENTS)
        answers = list(islice(load, 60))
        mesh.kill_pod(pod(mesh, "mockb-v2_1"))
        answers += load
        assert len(failed(answers)) <= CLIENTS, failed(answers)
        paths = [versions(answer) for answer in answers if answer.lane == "v2"]
        misrouted = [path for path in paths if path not in (["mocka v2", "mockb v2"], [])]
        assert len(misrouted) <= CLIENTS, misrouted


def test_an_error_of_a_service_is_reported_and_does_not_leave_the_lane(tmp_path: Path) -> None:
    documents = [
        d if d["metadata"]["name"] != "mockb-v2" else kube.deployment("mockb", "v2", "nowhere")
        for d in kube.asm(kube.PAIR, kube.HALVES)
    ]
    documents.append(kube.service("nowhere"))
    with running(kube.write(tmp_path, *documents)) as mesh:
        for _ in range(5):
            answer = ask_in_lane(mesh, "v2")
            assert answer.status == 503
            assert versions(answer) == ["mocka v2", "mockb v2", "nowhere "]
            assert "no healthy endpoint: outbound|8000||nowhere" in answer.text
        assert {ask(mesh)[0].status for _ in range(30)} == {200, 503}
