"""The pod that the demonstration stops, and the mesh without it."""

import pytest

from lanes.demo import find_loss
from lanes.mesh.without_pods import without_pods
from lanes.planning.plan import plan
from lanes.report.plan import one_line
from tests.kube import SAMPLE, Chain, Document, asm, istio, put
from tests.unit.lanes.reading import mesh_of


def loss_of(*documents: Document) -> tuple[str, str, str] | None:
    """The pod's name, and its lane's path before and after; None where no pod can be missed."""
    mesh = mesh_of(*documents)
    loss = find_loss(mesh, plan(mesh))
    return (loss.pod.name, one_line(loss.before), one_line(loss.after)) if loss else None


@pytest.mark.parametrize("documents", [asm(), istio()])
def test_the_samples_loss(documents: list[Document]) -> None:
    assert loss_of(*documents) == (
        "mockc-v2",
        "mocka v2, mockb v1 *, mockc v2",
        "mocka v2, mockb v1 *, mockc v1 *",
    )


def test_a_lane_without_requests_loses_no_pod() -> None:
    weights = {"v1": 100, "v2": 0, "v3": 0}
    assert loss_of(*asm(weights=weights)) is None
    assert loss_of(*asm(weights={**weights, "v1": 99, "v3": 1})) == (
        "mockb-v3",
        "mocka v3, mockb v3, mockc v1 *",
        "mocka v3, mockb v1 *, mockc v1 *",
    )


def test_a_version_with_replicas_loses_no_pod() -> None:
    documents = [
        put(d, "spec.replicas", 2) if d["metadata"]["name"] == "mockc-v2" else d for d in asm()
    ]
    assert loss_of(*documents) == (
        "mocka-v2",
        "mocka v2, mockb v1 *, mockc v2",
        "mocka v1 *, mockb v1 *, mockc v2",
    )


def test_strict_mode_loses_no_pod() -> None:
    assert loss_of(*asm(strict=True)) is None


def test_the_baseline_alone_loses_no_pod() -> None:
    chain: Chain = {"a": (("v1",), ("b",)), "b": (("v1",), ())}
    assert loss_of(*asm(chain, {"v1": 1})) is None


def test_a_pod_that_another_lane_falls_back_to_is_not_stopped() -> None:
    chain: Chain = {"a": (("v1", "v2"), ("b",)), "b": (("v1", "v2"), ())}
    documents = [
        put(d, "spec.http[1].route[0].fallback.target.subset", "v2")
        if (d["kind"], d["metadata"]["name"]) == ("VirtualService", "b")
        else d
        for d in asm(chain)
    ]
    assert loss_of(*asm(chain)) == ("b-v2", "a v2, b v2", "a v2, b v1 *")
    assert loss_of(*documents) == ("a-v2", "a v2, b v2", "a v1 *, b v2")


def test_other_lanes_keep_their_paths() -> None:
    mesh = mesh_of(*asm())
    (pod,) = [p for p in mesh.pods if p.name == "mockc-v1"]
    after = {lane.name: one_line(lane) for lane in plan(without_pods(mesh, [pod])).lanes}
    assert after == {
        "v1": "mocka v1, mockb v1, mockc -",
        "v2": "mocka v2, mockb v1 *, mockc v2",
        "v3": "mocka v3, mockb v3, mockc -",
    }


def test_a_mesh_without_a_pod_is_the_mesh_of_manifests_without_it() -> None:
    mesh = mesh_of(*asm())
    (pod,) = [p for p in mesh.pods if p.name == "mockb-v3"]
    chain: Chain = {**SAMPLE, "mockb": (("v1",), ("mockc",))}
    expected = plan(mesh_of(*asm(chain)))
    assert plan(without_pods(mesh, [pod])) == expected
    assert len(without_pods(mesh, [pod]).pods) == len(mesh.pods) - 1
    assert plan(mesh) != expected


def test_a_mesh_of_one_pod() -> None:
    assert loss_of(*asm({"a": (("v1",), ())}, {"v1": 1})) is None
