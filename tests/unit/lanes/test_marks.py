"""The reason for a lane's version at each service, and its mark in the plan."""

import pytest

from lanes.mesh.model import Host
from lanes.mesh.traffic import Abort
from lanes.planning.hop import Misrouted, Reason, Unanswered
from lanes.planning.plan import plan
from lanes.report.plan import one_line
from lanes.report.plan_warnings import warnings
from tests.kube import (
    Document,
    deployment,
    destination_rule,
    foreign,
    header_is,
    header_propagation,
    put,
    rule,
    service,
    to,
    virtual_service,
    without,
)
from tests.unit.lanes.reading import mesh_of

LANES = ("v1", "v2", "v10")


def lane_rule(version: str, how: str = "exact", value: str = "") -> Document:
    """Return the rule that sends a lane to a version; `value` is its lane header."""
    return rule(to("b", version), match=[header_is("version", value or version, how)])


REST = rule(to("b", "v1"))


def calling_b(*rules: Document, versions: tuple[str, ...] = LANES) -> list[Document]:
    """Return a service a with all lanes, which calls b, which has `versions` and these rules."""
    lanes = [to("a", v, weight=1, headers={"request": {"set": {"version": v}}}) for v in LANES]
    return [
        virtual_service("*", rule(*lanes), gateways=["gw"]),
        header_propagation("version"),
        service("a"),
        service("b"),
        destination_rule("a", *LANES),
        destination_rule("b", *LANES),
        *(deployment("a", v, "b") for v in LANES),
        *(deployment("b", v) for v in versions),
        virtual_service("b", *rules),
    ]


@pytest.mark.parametrize(
    ("documents", "lane", "reason", "cell"),
    [
        (calling_b(lane_rule("v10"), lane_rule("v2"), REST), "v10", Reason.MATCH, "v10"),
        (calling_b(lane_rule("v2"), REST, versions=("v1", "v2")), "v10", Reason.FALLBACK, "v1 *"),
        (
            calling_b(lane_rule("v1", "prefix"), lane_rule("v10"), REST),
            "v10",
            Reason.CAUGHT,
            "v1 !",
        ),
        (calling_b(lane_rule("v1", "regex", ".*v1.*"), REST), "v10", Reason.CAUGHT, "v1 !"),
        (calling_b(REST, lane_rule("v10")), "v10", Reason.SHADOWED, "v1 !"),
        (calling_b(REST, lane_rule("v10"), lane_rule("v2")), "v10", Reason.SHADOWED, "v1 !"),
        (calling_b(lane_rule("v2"), REST), "v10", Reason.UNROUTED, "v1 !"),
        (
            calling_b(rule(to("b", "v1", weight=4), to("b", "v2", weight=1))),
            "v10",
            Reason.SPLIT,
            "v1 80% v2 20%",
        ),
        (
            calling_b(
                rule(
                    to("b", "v1", weight=4),
                    to("b", "v2", weight=1),
                    match=lane_rule("v10")["match"],
                ),
                REST,
            ),
            "v10",
            Reason.SPLIT,
            "v1 80% v2 20%",
        ),
        (calling_b(lane_rule("v1"), lane_rule("v2")), "v10", Reason.NONE, "-"),
        (calling_b(rule(to("b", "v9"))), "v10", Reason.NONE, "-"),
    ],
)
def test_reasons_and_marks(documents: list[Document], lane: str, reason: str, cell: str) -> None:
    planned = plan(mesh_of(*documents)).lane(lane)
    assert planned.path[1].reason == reason
    assert one_line(planned) == f"a {lane}, b {cell}"


def mislabeled() -> list[Document]:
    """Return services where the subset v2 selects a label that its pods do not have."""
    documents = calling_b(lane_rule("v10"), lane_rule("v2"), REST)
    return [
        put(d, "spec.subsets[1].labels", {"version": "v-2"})
        if d["kind"] == "DestinationRule" and d["metadata"]["name"] == "b"
        else d
        for d in documents
    ]


def test_a_subset_that_selects_no_pods_although_the_version_runs() -> None:
    mesh = mesh_of(*mislabeled())
    planned = plan(mesh)
    assert one_line(planned.lanes[1]) == "a v2, b - !"
    hop = planned.lanes[1].path[1]
    assert hop.unanswered == Unanswered("no-pods")
    assert hop.misrouted == Misrouted(Reason.UNSELECTED, "v2", ("v2",))
    (warning,) = [w for w in warnings(mesh, planned) if w.rule != "gateway-given"]
    assert (warning.rule, warning.resource, warning.field) == (
        "unselected",
        "VirtualService b",
        "spec.http[1]",
    )


def test_a_fault_that_aborts_some_or_all_calls() -> None:
    def aborts(percent: int, status: int) -> list[Document]:
        abort = {"percentage": {"value": percent}, "httpStatus": status}
        return calling_b(lane_rule("v10") | {"fault": {"abort": abort}}, lane_rule("v2"), REST)

    some_calls, all_calls = plan(mesh_of(*aborts(10, 503))), plan(mesh_of(*aborts(100, 418)))
    assert one_line(some_calls.lane("v10")) == "a v10, b v10 (503 10%)"
    assert one_line(some_calls.lane("v2")) == "a v2, b v2"
    assert one_line(all_calls.lane("v10")) == "a v10, b -"
    hop = all_calls.lane("v10").path[1]
    assert (hop.status, hop.unanswered) == (418, Unanswered("answers-itself"))


def test_a_single_destination_that_changes_headers_is_no_split() -> None:
    changes = {"request": {"set": {"x-a": "1"}}}
    planned = plan(mesh_of(*calling_b(rule(to("b", "v1", headers=changes)))))
    assert one_line(planned.lane("v1")) == "a v1, b v1"


def test_header_changes_of_a_rule_reach_the_next_service() -> None:
    changes = {"request": {"set": {"x-a": "1"}}}
    by_header = rule(to("c", "v2"), match=[header_is("x-a", "1")])
    documents = [
        *calling_b(rule(to("b", "v1", headers=changes)), versions=()),
        *(deployment("b", "v1", "c"), service("c"), deployment("c"), deployment("c", "v2")),
        *(destination_rule("c", "v1", "v2"), virtual_service("c", by_header, rule(to("c", "v1")))),
    ]
    assert one_line(plan(mesh_of(*documents)).lane("v1")) == "a v1, b v1, c v2 !"


def test_an_unselected_version_names_the_subsets_of_the_rule() -> None:
    both = rule(to("b", "v1", weight=1), to("b", "a1", weight=1), match=lane_rule("v10")["match"])
    same_pods: Document = {"name": "a1", "labels": {"version": "v1"}}
    named = destination_rule("b", *LANES, same_pods)
    mesh = mesh_of(
        *(
            named if d["metadata"]["name"] == "b" and d["kind"] == "DestinationRule" else d
            for d in calling_b(both, REST)
        )
    )
    assert plan(mesh).lane("v10").path[1].misrouted == Misrouted(
        Reason.UNSELECTED, "v10", ("a1", "v1")
    )


def test_a_fault_applies_to_a_rule_without_pods() -> None:
    abort = {"percentage": {"value": 10}, "httpStatus": 418}
    faulty = lane_rule("v10") | {"fault": {"abort": abort}}
    planned = plan(mesh_of(*calling_b(faulty, REST, versions=("v1",))))
    assert planned.lane("v10").path[1].failing == (Abort(418, 0.1),)


def test_an_unreached_service_has_reasons_too() -> None:
    of_v2 = rule(to("b", "v1"), match=lane_rule("v2")["match"])
    rules = (lane_rule("v1", "prefix"), lane_rule("v10"), of_v2, REST)
    documents = calling_b(*rules, versions=("v1", "v10"))
    services = [d for d in documents if d["metadata"]["name"] not in [f"a-{v}" for v in LANES]]
    planned = plan(mesh_of(*services, *(foreign("a", v) for v in LANES)))
    assert {lane.name: [hop.reason for hop in lane.unreached] for lane in planned.lanes} == {
        "v1": [Reason.MATCH],
        "v2": [Reason.MATCH],
        "v10": [Reason.CAUGHT],
    }


TO_C = rule({"destination": {"host": "c"}})
C = [service("c", 9000), deployment("c", port=9000)]
NO_PORT = Unanswered("no-port", (Host("c", "default"),))
NO_SERVICE = Unanswered("no-service", (Host("c", "default"),))


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        (calling_b(TO_C), dict.fromkeys(LANES, (503, NO_SERVICE))),
        (
            calling_b(lane_rule("v2"), lane_rule("v10") | TO_C, versions=("v1",)),
            {
                "v1": (404, Unanswered("no-rule")),
                "v2": (503, Unanswered("no-version")),
                "v10": (503, NO_SERVICE),
            },
        ),
        (calling_b(rule(to("b", "v9"))), dict.fromkeys(LANES, (503, Unanswered("no-subset")))),
        (calling_b(REST, versions=()), dict.fromkeys(LANES, (503, Unanswered("no-pods")))),
        ([*calling_b(rule(to("c"))), *C], dict.fromkeys(LANES, (503, NO_PORT))),
        (
            [*calling_b(rule(to("c", weight=1), to("b", "v9", weight=1))), *C],
            dict.fromkeys(LANES, (503, Unanswered("no-pods"))),
        ),
        (
            calling_b({"directResponse": {"status": 503}}),
            dict.fromkeys(LANES, (503, Unanswered("answers-itself"))),
        ),
        (
            calling_b({"directResponse": {"status": 404}}),
            dict.fromkeys(LANES, (404, Unanswered("answers-itself"))),
        ),
        (calling_b(versions=())[:-1], dict.fromkeys(LANES, (503, Unanswered("no-pods")))),
    ],
)
def test_why_a_service_does_not_answer(
    documents: list[Document], expected: dict[str, tuple[int, Unanswered]]
) -> None:
    hops = {lane.name: lane.path[1] for lane in plan(mesh_of(*documents)).lanes}
    assert {name: (hop.status, hop.unanswered) for name, hop in hops.items()} == expected


def test_why_lanes_are_misrouted() -> None:
    planned = plan(mesh_of(*calling_b(lane_rule("v1", "prefix"), REST, lane_rule("v2"))))
    assert {lane.name: lane.path[1].misrouted for lane in planned.lanes} == {
        "v1": None,
        "v2": Misrouted(Reason.SHADOWED),
        "v10": Misrouted(Reason.CAUGHT, "v1"),
    }


def test_pods_without_a_version_have_a_mark() -> None:
    untagged = without(deployment("a"), "spec.template.metadata.labels.version")
    untagged = put(untagged, "spec.template.spec.containers[0].env", [])
    entry = virtual_service("*", rule(to("a")), gateways=["gw"])
    documents = [service("a"), untagged, entry]
    planned = plan(mesh_of(*documents))
    assert one_line(planned.lanes[0]) == "a (none)"
    both = plan(mesh_of(*documents, deployment("a", "v2")))
    assert one_line(both.lanes[0]) == "a (none)|v2"
