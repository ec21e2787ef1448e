"""Pods end, start and change under load: the failed requests stay within README's bounds."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from lanes.verification.gateway import Gateway
from tests.cluster.kubernetes import eventually, kubectl, pods, resource, restarted, rolled_out
from tests.cluster.release import CLIENTS, INGRESS, Load, Release, release

# Where a lane has another pod to go to, only what a pod was answering as it was killed may be lost:
# the clients have no more under way.
UNDER_WAY = CLIENTS


def name_of(demo: Release, selector: str) -> str:
    found = pods(demo.namespace, selector)
    assert found, f"no pod with {selector}"
    return str(found[0]["metadata"]["name"])


@pytest.fixture
def calm(demo: Release) -> Iterator[Release]:
    """Wait until the sample has all its pods, before and after the test."""
    demo.holds()
    yield demo
    rolled_out(demo.namespace)
    eventually(lambda: not pods_ending(demo))


def pods_ending(demo: Release) -> bool:
    return any(
        "deletionTimestamp" in pod["metadata"]
        for pod in resource("pods", namespace=demo.namespace)["items"]
    )


@pytest.mark.parametrize("app", ["mocka", "mockc"])
def test_a_deleted_pod_of_a_lane_costs_no_request(calm: Release, app: str) -> None:
    with calm.load() as load:
        kubectl("delete", "pod", f"--selector=app={app},version=v2", namespace=calm.namespace)
        rolled_out(calm.namespace)
    assert load.failed() == []


@pytest.mark.parametrize("app", ["mocka", "mockc"])
def test_a_pod_that_is_killed_costs_what_it_was_answering_at_most(calm: Release, app: str) -> None:
    with calm.load() as load:
        gone = name_of(calm, f"app={app},version=v2")
        kubectl("delete", "pod", gone, "--grace-period=0", "--force", namespace=calm.namespace)
        rolled_out(calm.namespace)
    assert load.lost <= UNDER_WAY, load.failed()


@pytest.mark.parametrize("container", ["default", "istio-proxy"])
@pytest.mark.parametrize("app", ["mocka", "mockc"])
def test_a_process_that_is_killed_costs_what_it_was_answering_at_most(
    calm: Release, app: str, container: str
) -> None:
    """`kill -9` of what serves: gunicorn's worker, or Envoy. The container's first process can't
    be killed from within it."""
    gone = name_of(calm, f"app={app},version=v2")
    every = "for p in /proc/[0-9]*; do p=${p#/proc/}; [ $p = 1 ] || [ $p = $$ ] || kill -9 $p; done"
    inside = ["exec", gone, f"--container={container}", "--", "sh", "-c", every]
    with calm.load() as load:
        kubectl(*inside, namespace=calm.namespace)
        load.go_on(3)
        kubectl(
            "wait",
            "--for=condition=Ready",
            f"pod/{gone}",
            "--timeout=60s",
            namespace=calm.namespace,
        )
    assert load.lost <= UNDER_WAY, load.failed()


def test_a_version_scaled_to_zero_and_back_costs_no_request(calm: Release) -> None:
    with calm.load() as load:
        for replicas in (0, 1):
            scale = ["scale", "deployment", "mockc-v2", f"--replicas={replicas}"]
            kubectl(*scale, namespace=calm.namespace)
            rolled_out(calm.namespace)
            load.go_on(3)
    assert load.failed() == []


def test_a_restart_of_everything_costs_no_request(calm: Release) -> None:
    with calm.load() as load:
        restarted(calm.namespace)
        load.go_on(8)  # the old pods end
    assert load.failed() == []


def test_istiods_end_costs_no_request(calm: Release) -> None:
    with calm.load() as load:
        control = ["delete", "pod", "--selector=app=istiod", "--grace-period=0", "--force"]
        kubectl(*control, namespace="istio-system")
        load.go_on(3)
        rolled_out("istio-system", "deployment/istiod")
    assert load.failed() == []


def test_a_restart_of_the_gateway_costs_its_long_lived_clients_no_request(calm: Release) -> None:
    """Each has one connection, on which it asks now and then, until the gateway ends it."""
    gateway = Gateway(calm.url, calm.host)
    with calm.load(clients=1) as busy, ExitStack() as stack:
        loads = [busy, *(Load(gateway, 1, rate=2.0) for _ in range(8))]
        for load in loads[1:]:
            stack.callback(load.stop)
        restarted(INGRESS[0], f"deployment/{INGRESS[1]}")
        busy.go_on(8)  # the old pod ends
    assert [failed for load in loads for failed in load.failed()] == []


def test_one_of_two_pods_of_a_baseline_costs_what_it_was_answering_at_most(calm: Release) -> None:
    kubectl("scale", "deployment", "mockb-v1", "--replicas=2", namespace=calm.namespace)
    rolled_out(calm.namespace)
    with calm.load() as load:
        kubectl("delete", "pod", name_of(calm, "app=mockb,version=v1"), namespace=calm.namespace)
        rolled_out(calm.namespace)
        gone = name_of(calm, "app=mockb,version=v1")
        kubectl("delete", "pod", gone, "--grace-period=0", "--force", namespace=calm.namespace)
        rolled_out(calm.namespace)
    assert load.lost <= UNDER_WAY, load.failed()


@pytest.mark.parametrize("native", ["true", "false"])
def test_a_pod_ends_soon_after_its_last_request_whatever_its_sidecar_is(native: str) -> None:
    """An ordinary container, or a native sidecar: neither waits out the grace period."""
    annotation = r"defaults.podAnnotations.sidecar\.istio\.io/nativeSidecar"
    with release("end", f"--set-string={annotation}={native}") as demo, demo.load() as load:
        began = time.monotonic()
        kubectl("delete", "pod", "--selector=app=mockc,version=v2", namespace=demo.namespace)
        took = time.monotonic() - began
        print(f"the pod was gone after {took:.1f} s")
        load.go_on(2)
    assert load.failed() == []
    assert took < 15  # drain is 5 s, finish 20 s
