"""A node fails and returns under load, while each version has two pods."""

import os
import shlex
from collections.abc import Iterator

import pytest

from tests.cluster.kubernetes import eventually, kubectl, pods, resource, restarted, rolled_out, run
from tests.cluster.release import INGRESS, Load, Release, release

# A command that takes `lose` (as if the power of one node failed) and `add` (the node is back).
NODE = shlex.split(os.environ.get("NODE", ""))
# A command that takes a node, a program of it and seconds, and keeps the program away for so long.
AWAY = shlex.split(os.environ.get("AWAY", ""))
kept_away = pytest.mark.skipif(not AWAY, reason="AWAY names no command that keeps a program away")
TWO_PODS = ("--set=defaults.replicas=2", "--set=defaults.podDisruptionBudget.enabled=true")
DRAIN = ("--ignore-daemonsets", "--delete-emptydir-data", "--timeout=180s")
# Requests a second, answered or not. Where pods start, clients wait for answers: the pods take the
# processors of this machine.
RATE = 40.0


def ready_nodes() -> list[str]:
    """Return the nodes that accept pods."""
    return [
        node["metadata"]["name"]
        for node in resource("nodes")["items"]
        if not node["spec"].get("taints")
        and {"type": "Ready", "status": "True"}.items()
        <= next(c for c in node["status"]["conditions"] if c["type"] == "Ready").items()
    ]


@pytest.fixture(scope="module")
def pair() -> Iterator[Release]:
    """Install the sample with two pods of each version, on two nodes."""
    if len(ready_nodes()) < 2:
        pytest.skip("this cluster has one node")
    with release("nodes", *TWO_PODS) as installed:
        yield installed


def stay_on_the_first_node(*deployments: str) -> None:
    """Take Istio's own pods, of which there is one each, from the node that tests take away."""
    first, *others = ready_nodes()
    for name in deployments:
        if {pod["spec"]["nodeName"] for pod in pods(INGRESS[0], f"app={name}")} != {first}:
            kubectl("cordon", *others)
            try:
                restarted(INGRESS[0], f"deployment/{name}")
            finally:
                kubectl("uncordon", *others)


@pytest.fixture
def spread(pair: Release) -> Release:
    """Place one pod of each version on each node, and Istio's own pods on the first."""
    stay_on_the_first_node("istiod", INGRESS[1])
    if not is_spread(pair):
        restarted(pair.namespace)
    assert is_spread(pair)
    pair.holds()
    return pair


def is_spread(pair: Release) -> bool:
    """Tell whether each version's two ready pods are on two nodes."""
    nodes: dict[tuple[str, str], set[str]] = {}
    for pod in pods(pair.namespace, "app.kubernetes.io/part-of=demo"):
        if all(s["ready"] for s in pod["status"].get("containerStatuses", [{"ready": False}])):
            labels = pod["metadata"]["labels"]
            nodes.setdefault((labels["app"], labels["version"]), set()).add(pod["spec"]["nodeName"])
    return len(nodes) == 7 and all(len(found) == 2 for found in nodes.values())


def require_bounds(load: Load, share: float, late: float = 0) -> None:
    """Fails unless at most that share of the requests failed, at most the share `late` more than
    two seconds after the first of them, and no request was in a wrong lane.
    """
    assert load.misrouted == 0
    assert load.lost <= share * len(load.answers), load.failed()
    assert load.failed_after(2) <= late * len(load.answers), load.failed()


def test_a_drained_node_costs_no_request_and_a_restart_spreads_the_pods(spread: Release) -> None:
    node = ready_nodes()[-1]
    with spread.load() as load:
        try:
            kubectl("drain", node, *DRAIN)
            rolled_out(spread.namespace)
            load.go_on(5)
        finally:
            kubectl("uncordon", node)
        assert not is_spread(spread)
        restarted(spread.namespace)
        load.go_on(8)  # the old pods end
    assert is_spread(spread)
    require_bounds(load, 0)


@pytest.mark.skipif(not NODE, reason="NODE names no command that takes a node away")
def test_a_lost_node_costs_a_second_and_its_return_nothing(spread: Release) -> None:
    with spread.load(rate=RATE) as load:
        load.go_on(3)
        run(*NODE, "lose")
        try:
            eventually(lambda: len(ready_nodes()) == 1, 90)
            load.go_on(10)
        finally:
            run(*NODE, "add")
    with spread.load() as back:
        eventually(lambda: is_spread(spread), 120)
        back.go_on(5)
    require_bounds(load, 0.01, 0.002)
    require_bounds(back, 0)


def test_a_pod_deleted_while_istiod_is_away_costs_little(spread: Release) -> None:
    """No proxy hears of it for 40 s: outlier detection, connect timeouts and retries are all."""
    control = ("deployment/istiod", "--namespace=istio-system")
    with spread.load(rate=RATE) as load:
        kubectl("scale", *control, "--replicas=0")
        try:
            eventually(lambda: not pods("istio-system", "app=istiod"))
            gone = pods(spread.namespace, "app=mockb,version=v1")[0]["metadata"]["name"]
            kubectl("delete", "pod", gone, "--wait=false", namespace=spread.namespace)
            load.go_on(40)
        finally:
            kubectl("scale", *control, "--replicas=1")
        rolled_out("istio-system", "deployment/istiod")
    # Istio's injector was away, and by itself Kubernetes tries to make the pod again after minutes.
    restarted(spread.namespace, "deployment/mockb-v1")
    require_bounds(load, 0.01, 0.002)


@kept_away
def test_a_minute_without_a_kubelet_costs_no_request(spread: Release) -> None:
    """Its node's pods leave the Services, and serve what they were asked until then."""
    node = ready_nodes()[-1]
    with spread.load() as load:
        run(*AWAY, node, "kubelet", "60")
        eventually(lambda: node in ready_nodes())
        load.go_on(3)
    require_bounds(load, 0)


@kept_away
def test_a_time_without_the_api_server_costs_no_request(spread: Release) -> None:
    """Nor does its return, when no kubelet has reported for a while.

    A controller manager that is a leader by lease ends without the API server. One that needs no
    lease does not, and calls nodes NotReady until its watches are back: so it is ended here.
    """
    node = ready_nodes()[0]
    with spread.load() as load:
        run(*AWAY, node, "kube-apiserver", "20")
        run(*AWAY, node, "kube-controller-manager", "1")
        eventually(lambda: run("kubectl", "get", "--raw=/readyz", codes=None).code == 0)
        eventually(lambda: len(ready_nodes()) == 2)
        load.go_on(10)
    require_bounds(load, 0)
