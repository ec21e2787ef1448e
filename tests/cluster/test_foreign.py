"""`lanes verify` and `helm test` for programs that answer with pages.

The evidence is Jaeger's traces or access logs. Lanes hold, and each lane that is broken by hand is
reported at its hop, with the cause.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lanes.evidence.causes import Cause
from lanes.verification.verdict import Holds
from tests.cluster.foreign import access_logs, image_values, jaeger, telling, values, verify
from tests.cluster.kubernetes import Json, apply, kubectl, namespace, resource, rolled_out
from tests.cluster.release import Release, installed

JAEGER = os.environ.get("JAEGER_IMAGE", "")
pytestmark = pytest.mark.skipif(not JAEGER, reason="JAEGER_IMAGE names no image of Jaeger")

Breaks = set[tuple[str, str, str, Cause]]
HOP = ("reviews", "ratings")
# Lanes, each broken in a way of its own: by its pods of reviews, or elsewhere.
REVIEWS = ("silent", "b3", "traced", "changed", "bare", "hidden")
ELSEWHERE = ("unruled", "other", "gone", "down", "unset")
BY_BOTH: Breaks = {
    ("traced", *HOP, Cause.NOT_PROPAGATED),
    ("changed", "productpage", "reviews", Cause.CHANGED),
    ("hidden", *HOP, Cause.NO_RULE),
    ("unruled", *HOP, Cause.NO_RULE),
    ("other", *HOP, Cause.OTHER_RULE),
    ("down", *HOP, Cause.NOT_READY),
    ("gone", *HOP, Cause.NO_ANSWER),
    ("unset", "", "productpage", Cause.NOT_SET),
}
BY_LOGS: Breaks = {
    *BY_BOTH,
    ("silent", *HOP, Cause.NOT_PROPAGATED),
    ("b3", *HOP, Cause.NOT_PROPAGATED),
    ("bare", *HOP, Cause.NO_SIDECAR),
}
# Behind a service that hands no trace on there are no spans, and none tells whether a service
# without spans has a sidecar.
BY_TRACES: Breaks = {*BY_BOTH, ("bare", *HOP, Cause.NOT_TOLD)}
NOT_SEEN = ("silent", "b3")
# The headers that a lane's pods of reviews hand on.
HANDED_ON = {"silent": "", "b3": "b3,x-b3-traceid,x-b3-spanid", "traced": "traceparent,tracestate"}
SOON = 60.0


@dataclass(frozen=True)
class Foreign:
    """A release of foreign programs, the manifests of its sound state, and Jaeger's URL."""

    release: Release
    manifests: Path
    tracing: str
    traces: str

    def by_traces(self) -> Json:
        """Return what `lanes verify` finds by Jaeger's traces."""
        return verify(self.release, self.manifests, f"--traces={self.traces}")

    def by_logs(self) -> Json:
        """Return what `lanes verify` finds by access logs."""
        with access_logs(self.release) as log:
            return verify(self.release, self.manifests, "--access-logs=-", log=log)


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Foreign]:
    folder = tmp_path_factory.mktemp("foreign")
    file, manifests = folder / "values.yaml", folder / "release.yaml"
    own = values(("v2", *REVIEWS), ("v2", *REVIEWS, *ELSEWHERE))
    with (
        namespace("tracing", **{"istio-injection": "disabled"}) as tracing,
        telling(tracing),
        namespace("foreign") as where,
    ):
        traces = jaeger(tracing, JAEGER)
        file.write_text(json.dumps(own | {"test": {"traces": traces, "image": image_values()}}))
        with installed(where, f"--values={file}") as release:
            manifests.write_text(release.manifests())
            yield Foreign(release, manifests, tracing, traces)


def test_lanes_hold(foreign: Foreign) -> None:
    for found in (foreign.by_logs, foreign.by_traces):
        said = soon(found, lambda told: told["verdict"] == Holds.HOLD)
        assert said["verdict"] == Holds.HOLD, json.dumps(said, indent=1)
    assert "Lanes hold." in foreign.release.test().out


def test_each_broken_lane_is_named_at_its_hop_with_its_cause(foreign: Foreign) -> None:
    break_lanes(foreign.release.namespace, foreign.tracing)
    by_logs = soon(foreign.by_logs, lambda found: breaks(found) == BY_LOGS)
    assert breaks(by_logs) == BY_LOGS
    by_traces = soon(foreign.by_traces, lambda found: breaks(found) == BY_TRACES)
    assert breaks(by_traces) == BY_TRACES
    unseen = [by_traces["lanes"][lane]["not_seen"] for lane in NOT_SEEN]
    assert unseen == [["ratings"]] * len(NOT_SEEN)


def soon(found: Callable[[], Json], right: Callable[[Json], bool]) -> Json:
    """Return the first right result, or the last one. Proxies get changes within seconds."""
    end = time.monotonic() + SOON
    while not right(told := found()) and time.monotonic() < end:
        pass
    return told


def breaks(found: Json) -> Breaks:
    """Return where lanes break, and the causes."""
    return {
        (at["lane"], at["caller"] or "", at["service"], Cause(at["cause"])) for at in found["left"]
    }


def break_lanes(where: str, tracing: str) -> None:
    """Break each lane by hand, and wait until its pods run."""
    for lane, names in HANDED_ON.items():
        kubectl("set", "env", f"deployment/reviews-{lane}", f"HANDS_ON={names}", namespace=where)
    labels = {"sidecar.istio.io/inject": "false"}
    bare = json.dumps({"spec": {"template": {"metadata": {"labels": labels}}}})
    kubectl("patch", "deployment", "reviews-bare", f"--patch={bare}", namespace=where)
    kubectl("scale", "deployment/ratings-down", "--replicas=0", namespace=where)
    hides = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Sidecar",
        "metadata": {"name": "hides"},
        "spec": {
            "workloadSelector": {"labels": {"app": "reviews", "version": "hidden"}},
            "egress": [{"hosts": [f"./details.{where}.svc.cluster.local", f"{tracing}/*"]}],
        },
    }
    apply(where, hides, *broken_rules(where))
    rolled_out(where)


def broken_rules(where: str) -> list[Json]:
    """Return the VirtualServices with rules that are removed, lead elsewhere or change the lane."""
    named = ("demo-gateway", "reviews", "ratings")
    gateway, reviews, ratings = (resource("virtualservice", n, namespace=where) for n in named)
    del rule(gateway, "unset-by-header")["route"][0]["headers"]
    rule(reviews, "changed")["headers"] = {"request": {"set": {"baggage": "version=v2"}}}
    ratings["spec"]["http"].remove(rule(ratings, "unruled"))
    rule(ratings, "other")["route"][0]["destination"]["subset"] = "v2"
    rule(ratings, "gone")["route"][0]["destination"]["subset"] = "none"
    for changed in (gateway, reviews, ratings):
        del changed["metadata"]["resourceVersion"]
    return [gateway, reviews, ratings]


def rule(service: Json, name: str) -> Json:
    """Return the rule with this name of a VirtualService."""
    found: Json = next(rule for rule in service["spec"]["http"] if rule["name"] == name)
    return found
