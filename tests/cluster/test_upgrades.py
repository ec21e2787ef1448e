"""`helm upgrade` under load, as docs/istio.md describes it."""

import pytest

from tests.cluster.kubernetes import pods, rolled_out
from tests.cluster.release import NEXT_IMAGE, Release, image, release

V4 = ("--set", "services.mockb.versions.v4.replicas=1", "--set", "lanes.weights.v4=0")


def test_a_lane_is_added_and_removed_in_two_steps_each_without_a_failed_request() -> None:
    """The mesh's lists follow within seconds, so a second step is not taken at once."""
    with release("steps") as demo, demo.load() as load:
        before = uids(demo)
        demo.upgrade(*V4)
        load.go_on(3)
        demo.upgrade(*V4, "--set", "lanes.weights.v1=20,lanes.weights.v4=20")
        demo.holds()
        demo.upgrade(*V4)
        load.go_on(3)
        demo.upgrade()
        demo.holds()
        assert before <= uids(demo), "a lane that comes and goes touches no other pod"
    assert load.failed() == []


def test_one_step_is_refused_before_anything_changes() -> None:
    with release("one-step") as demo:
        weights = ("--set", "lanes.weights.v1=20,lanes.weights.v4=20")
        said = demo.upgrade(*V4, *weights, codes=(1,)).err
        assert "lanes.weights: the lane v4 is new. Set its weight to 0 first" in said
        weights = ("--set", "lanes.weights.v1=70,lanes.weights.v3=null")
        said = demo.upgrade(*weights, codes=(1,)).err
        assert "lanes.weights lacks v3, which has 30% of the requests now" in said
        demo.holds()


def test_weights_change_without_a_failed_request() -> None:
    with release("weights") as demo:
        before = uids(demo)
        with demo.load() as load:
            demo.upgrade("--set", "lanes.weights.v1=80,lanes.weights.v2=15,lanes.weights.v3=5")
            demo.holds()
        assert load.failed() == []
        assert uids(demo) == before


@pytest.mark.skipif(not NEXT_IMAGE, reason="no second image: NEXT_IMAGE names one")
def test_an_upgrade_to_a_new_image_costs_no_request() -> None:
    with release("image") as demo:
        before = uids(demo)
        with demo.load() as load:
            demo.upgrade(*image(NEXT_IMAGE))
            rolled_out(demo.namespace)
            load.go_on(8)
        assert load.failed() == []
        assert not uids(demo) & before


def uids(demo: Release) -> set[str]:
    return {pod["metadata"]["uid"] for pod in pods(demo.namespace, "app")}
