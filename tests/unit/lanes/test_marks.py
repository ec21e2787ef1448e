"""Marks that are true: why a lane gets what it gets at a service."""

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
    web,
    without,
)
from tests.unit.lanes.reading import mesh_of

LANES = ("v1", "v2", "v10")


def own(version: str, how: str = "exact", value: str = "") -> Document:
    return rule(to("b", version), match=[header_is("version", value or version, how)])


REST = rule(to("b", "v1"))


def meshed(*rules: Document, versions: tuple[str, ...] = LANES) -> list[Document]:
    """Service a, which has every lane's version, calls b, which has `versions` and these rules."""
    ways = [to("a", v, weight=1, headers={"request": {"set": {"version": v}}}) for v in LANES]
    return [
        virtual_service("*", rule(*ways), gateways=["gw"]),
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
    ("documents", "lane", "why", "said"),
    [
        (meshed(own("v10"), own("v2"), REST), "v10", Reason.MATCH, "v10"),
        (meshed(own("v2"), REST, versions=("v1", "v2")), "v10", Reason.FALLBACK, "v1 *"),
        (meshed(own("v1", "prefix"), own("v10"), REST), "v10", Reason.CAUGHT, "v1 !"),
        (meshed(own("v1", "regex", ".*v1.*"), REST), "v10", Reason.CAUGHT, "v1 !"),
        (meshed(REST, own("v10")), "v10", Reason.SHADOWED, "v1 !"),
        (meshed(REST, own("v10"), own("v2")), "v10", Reason.SHADOWED, "v1 !"),
        (meshed(own("v2"), REST), "v10", Reason.UNROUTED, "v1 !"),
        (
            meshed(rule(to("b", "v1", weight=4), to("b", "v2", weight=1))),
            "v10",
            Reason.SPLIT,
            "v1 80% v2 20%",
        ),
        (
            meshed(
                rule(to("b", "v1", weight=4), to("b", "v2", weight=1), match=own("v10")["match"]),
                REST,
            ),
            "v10",
            Reason.SPLIT,
            "v1 80% v2 20%",
        ),
        (meshed(own("v1"), own("v2")), "v10", Reason.NONE, "-"),
        (meshed(rule(to("b", "v9"))), "v10", Reason.NONE, "-"),
    ],
)
def test_why_a_lane_gets_a_version(
    documents: list[Document], lane: str, why: str, said: str
) -> None:
    found = next(one for one in plan(mesh_of(*documents)).lanes if one.name == lane)
    assert found.path[1].reason == why
    assert one_line(found) == f"a {lane}, b {said}"


def mislabeled() -> list[Document]:
    """The subset of v2 asks for a label that its pods do not have."""
    documents = meshed(own("v10"), own("v2"), REST)
    return [
        put(d, "spec.subsets[1].labels", {"version": "v-2"})
        if d["kind"] == "DestinationRule" and d["metadata"]["name"] == "b"
        else d
        for d in documents
    ]


def test_a_subset_that_selects_no_pod_though_such_pods_run() -> None:
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


def test_a_fault_that_answers_some_calls_or_all() -> None:
    def aborts(percent: int, status: int) -> list[Document]:
        abort = {"percentage": {"value": percent}, "httpStatus": status}
        return meshed(own("v10") | {"fault": {"abort": abort}}, own("v2"), REST)

    some, every = plan(mesh_of(*aborts(10, 503))), plan(mesh_of(*aborts(100, 418)))
    assert one_line(some.lane("v10")) == "a v10, b v10 (503 10%)"
    assert one_line(some.lane("v2")) == "a v2, b v2"
    assert one_line(every.lane("v10")) == "a v10, b -"
    hop = every.lane("v10").path[1]
    assert (hop.status, hop.unanswered) == (418, Unanswered("answers-itself"))


def test_a_rule_that_does_not_split_may_change_headers() -> None:
    changes = {"request": {"set": {"x-a": "1"}}}
    planned = plan(mesh_of(*meshed(rule(to("b", "v1", headers=changes)))))
    assert one_line(planned.lane("v1")) == "a v1, b v1"


def test_what_a_rule_changes_reaches_the_next_service() -> None:
    changes = {"request": {"set": {"x-a": "1"}}}
    next_rule = rule(to("c", "v2"), match=[header_is("x-a", "1")])
    documents = [
        *meshed(rule(to("b", "v1", headers=changes)), versions=()),
        *(deployment("b", "v1", "c"), service("c"), deployment("c"), deployment("c", "v2")),
        *(destination_rule("c", "v1", "v2"), virtual_service("c", next_rule, rule(to("c", "v1")))),
    ]
    assert one_line(plan(mesh_of(*documents)).lane("v1")) == "a v1, b v1, c v2 !"


def test_the_subsets_that_a_rule_names_without_the_lane() -> None:
    both = rule(to("b", "v1", weight=1), to("b", "a1", weight=1), match=own("v10")["match"])
    alike: Document = {"name": "a1", "labels": {"version": "v1"}}
    named = destination_rule("b", *LANES, alike)
    mesh = mesh_of(
        *(
            named if d["metadata"]["name"] == "b" and d["kind"] == "DestinationRule" else d
            for d in meshed(both, REST)
        )
    )
    assert plan(mesh).lane("v10").path[1].misrouted == Misrouted(
        Reason.UNSELECTED, "v10", ("a1", "v1")
    )


def test_a_fault_of_a_rule_without_pods() -> None:
    abort = {"percentage": {"value": 10}, "httpStatus": 418}
    faulty = own("v10") | {"fault": {"abort": abort}}
    planned = plan(mesh_of(*meshed(faulty, REST, versions=("v1",))))
    assert planned.lane("v10").path[1].failing == (Abort(418, 0.1),)


def test_a_fault_at_the_gateway() -> None:
    abort = {"percentage": {"value": 10}, "httpStatus": 418}
    (lane,) = plan(mesh_of(*web(rule(to("web"), fault={"abort": abort})))).lanes
    assert lane.entry.failing == (Abort(418, 0.1),)


def test_a_service_in_no_known_path_has_marks_too() -> None:
    of_v2 = rule(to("b", "v1"), match=own("v2")["match"])
    rules = (own("v1", "prefix"), own("v10"), of_v2, REST)
    documents = meshed(*rules, versions=("v1", "v10"))
    silent = [d for d in documents if d["metadata"]["name"] not in [f"a-{v}" for v in LANES]]
    planned = plan(mesh_of(*silent, *(foreign("a", v) for v in LANES)))
    assert {lane.name: [hop.reason for hop in lane.unreached] for lane in planned.lanes} == {
        "v1": [Reason.MATCH],
        "v2": [Reason.MATCH],
        "v10": [Reason.CAUGHT],
    }


ABSENT = rule({"destination": {"host": "c"}})
C = [service("c", 9000), deployment("c", port=9000)]
NO_PORT = Unanswered("no-port", (Host("c", "default"),))
NO_SERVICE = Unanswered("no-service", (Host("c", "default"),))


@pytest.mark.parametrize(
    ("documents", "found"),
    [
        (meshed(ABSENT), dict.fromkeys(LANES, (503, NO_SERVICE))),
        (
            meshed(own("v2"), own("v10") | ABSENT, versions=("v1",)),
            {
                "v1": (404, Unanswered("no-rule")),
                "v2": (503, Unanswered("no-version")),
                "v10": (503, NO_SERVICE),
            },
        ),
        (meshed(rule(to("b", "v9"))), dict.fromkeys(LANES, (503, Unanswered("no-subset")))),
        (meshed(REST, versions=()), dict.fromkeys(LANES, (503, Unanswered("no-pods")))),
        ([*meshed(rule(to("c"))), *C], dict.fromkeys(LANES, (503, NO_PORT))),
        (
            [*meshed(rule(to("c", weight=1), to("b", "v9", weight=1))), *C],
            dict.fromkeys(LANES, (503, Unanswered("no-pods"))),
        ),
        (
            meshed({"directResponse": {"status": 503}}),
            dict.fromkeys(LANES, (503, Unanswered("answers-itself"))),
        ),
        (
            meshed({"directResponse": {"status": 404}}),
            dict.fromkeys(LANES, (404, Unanswered("answers-itself"))),
        ),
        (meshed(versions=())[:-1], dict.fromkeys(LANES, (503, Unanswered("no-pods")))),
    ],
)
def test_why_nothing_answers(
    documents: list[Document], found: dict[str, tuple[int, Unanswered]]
) -> None:
    hops = {lane.name: lane.path[1] for lane in plan(mesh_of(*documents)).lanes}
    assert {name: (hop.status, hop.unanswered) for name, hop in hops.items()} == found


def test_what_leads_lanes_off_their_paths() -> None:
    planned = plan(mesh_of(*meshed(own("v1", "prefix"), REST, own("v2"))))
    assert {lane.name: lane.path[1].misrouted for lane in planned.lanes} == {
        "v1": None,
        "v2": Misrouted(Reason.SHADOWED),
        "v10": Misrouted(Reason.CAUGHT, "v1"),
    }


def test_pods_without_a_version_have_a_mark() -> None:
    bare = without(deployment("a"), "spec.template.metadata.labels.version")
    bare = put(bare, "spec.template.spec.containers[0].env", [])
    way_in = virtual_service("*", rule(to("a")), gateways=["gw"])
    documents = [service("a"), bare, way_in]
    planned = plan(mesh_of(*documents))
    assert one_line(planned.lanes[0]) == "a (none)"
    both = plan(mesh_of(*documents, deployment("a", "v2")))
    assert one_line(both.lanes[0]) == "a (none)|v2"
