"""Enforced NetworkPolicies: who reaches the request and metrics ports."""

import json
import os

import pytest

from tests.cluster.kubernetes import namespace, pods, run_pod
from tests.cluster.release import Release, release

pytestmark = pytest.mark.skipif(
    not os.environ.get("POLICIES"), reason="POLICIES does not say that they are enforced here"
)
# Prints what each URL answers within some seconds, for policies come to know a new pod, too.
ASKS = """
import concurrent.futures, sys, time, urllib.request
ends = time.monotonic() + 8
def status(url):
    while time.monotonic() < ends:
        try:
            return urllib.request.urlopen(url, timeout=2).status
        except OSError:
            time.sleep(0.2)
    return "refused"
print(*concurrent.futures.ThreadPoolExecutor().map(status, sys.argv[1:]))
"""
OUTSIDE = {"istio-injection": "disabled"}


def asked_from(where: str, demo: Release) -> list[str]:
    """Return a pod's answers from mocka and mockc: to a request to each, then to metrics."""
    pod_of = [pods(demo.namespace, f"app={app},version=v1")[0] for app in ("mocka", "mockc")]
    addresses = [pod["status"]["podIP"] for pod in pod_of]
    image = pod_of[0]["spec"]["containers"][0]["image"]
    urls = [f"http://{address}:8000/" for address in addresses]
    urls += [f"http://{address}:8001/metrics" for address in addresses]
    return run_pod(where, image, "python", "-c", ASKS, *urls).split()


def test_strangers_reach_no_port_and_prometheus_reaches_the_metrics_alone() -> None:
    """And the gateway reaches the first service, so `helm test` passes."""
    with namespace("monitoring", **OUTSIDE) as watching, namespace("stranger", **OUTSIDE) as other:
        selected = {"kubernetes.io/metadata.name": watching}
        peer = json.dumps([{"namespaceSelector": {"matchLabels": selected}}])
        with release("walled", f"--set-json=networkPolicy.scrapers={peer}") as demo:
            demo.holds()
            assert asked_from(other, demo) == ["refused"] * 4
            assert asked_from(watching, demo) == ["refused", "refused", "200", "200"]
            assert "Lanes hold." in demo.test().out
