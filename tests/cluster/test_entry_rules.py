"""Lanes with entry rules: who may enter, by which request, and the effect on others."""

import json
import re
from dataclasses import dataclass

import pytest

from tests.chart.rendering import Values
from tests.cluster.kubernetes import eventually, pods
from tests.cluster.release import Release, release, require_lanes
from tests.entry_rules import ENTERS, ENTERS_BY_HOST, WIDE_OPEN
from tests.mesh.entering import assert_sticky, kept_out, let_in
from tests.mesh.running import ask

ANY_HOST = "--set=gateway.hosts={*}"


@dataclass
class Gateway:
    """A gateway that answers for every host."""

    url: str


def lanes(values: Values) -> str:
    return f"--set-json=lanes={json.dumps(values)}"


def test_a_lane_is_entered_by_its_entry_rules_and_by_nothing_else() -> None:
    with release("ways", ANY_HOST, lanes(WIDE_OPEN)) as demo:
        gateway = Gateway(demo.url)
        demo.holds()
        assert not kept_out(gateway, ENTERS + ENTERS_BY_HOST)
        assert not let_in(gateway)
        assert_sticky(gateway)
        said = demo.test().out
        assert re.search(r"^v2 +x-enter: v2 +20 as planned", said, re.MULTILINE), said
        assert "Lanes hold." in said


@pytest.mark.parametrize(("addresses", "status"), [("0.0.0.0/0", 200), ("203.0.113.0/24", 403)])
def test_others_addresses_enter_no_lane(addresses: str, status: int) -> None:
    own = {
        "weights": {"v1": 70, "v2": 0, "v3": 30},
        "enter": {"header": "x-enter", "from": [addresses]},
    }
    with release("from", ANY_HOST, lanes(own)) as demo:
        gateway = Gateway(demo.url)
        eventually(lambda: {ask(gateway)[0].status for _ in range(20)} == {200})
        wanted = {(status, "v2" if status == 200 else None)}
        eventually(lambda: entered(gateway) == wanted)  # routes and policies come one by one


def entered(gateway: Gateway) -> set[tuple[int, str | None]]:
    """Return status and lane of twenty requests that name lane v2."""
    answers = [ask(gateway, [("x-enter", "v2")])[0] for _ in range(20)]
    return {(answer.status, answer.lane) for answer in answers}


def test_a_lane_for_one_service_replaces_no_pod_of_another() -> None:
    with release("pull-request", "--set=lanes.enter.header=x-lane") as demo:
        before = uids(demo)
        with demo.load() as load:
            own = ("--set=lanes.weights.pr-1=0", "--set=services.mockc.versions.pr-1.replicas=1")
            demo.upgrade(*own)
            require_lanes(demo.url, demo.manifests(), "--host", demo.host, "--lane=pr-1")
            after = uids(demo)
            demo.upgrade()
        assert load.failed() == []
        assert {name for name, uid in before.items() if after[name] != uid} <= {"mockc-v1"}
        assert after.keys() - before.keys() == {"mockc-pr-1"}


def uids(demo: Release) -> dict[str, str]:
    """Return the pods' UIDs by Deployment."""
    found = [pod["metadata"] for pod in pods(demo.namespace, "app")]
    return {f"{m['labels']['app']}-{m['labels']['version']}": m["uid"] for m in found}
