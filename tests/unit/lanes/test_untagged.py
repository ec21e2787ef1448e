"""Lanes that no gateway sets: a split of untagged requests, and tags that rules ask for."""

from dataclasses import replace

import pytest

from lanes.evidence.steps import Answer, Step
from lanes.planning.hop import Reason
from lanes.planning.lane_headers import LaneHeader
from lanes.planning.lanes import NotPlanned
from lanes.planning.messages import Problem
from lanes.planning.plan import plan
from lanes.report.closing import closing
from lanes.report.plan import headline
from lanes.report.verdict import verdict_json
from lanes.verification.verify import verify
from tests.kube import (
    Document,
    deployment,
    destination_rule,
    foreign,
    header_is,
    rule,
    service,
    to,
    virtual_service,
)
from tests.unit.lanes.reading import entry_rules_of, lanes_of, mesh_of, plan_of, problem_of

REST = rule(to("reviews", "v1", weight=80), to("reviews", "v2", weight=20))
JASON = rule(to("reviews", "v2"), match=[header_is("end-user", "jason")])


def shop(*rules: Document, at: tuple[Document, ...] = ()) -> list[Document]:
    """A page that a gateway serves at /page, which calls reviews, that has v1 and v2."""
    page = rule(to("page"), match=[{"uri": {"exact": "/page"}}, {"uri": {"prefix": "/static"}}])
    return [
        virtual_service("*", *at, page, gateways=["gw"]),
        service("page"),
        deployment("page", "v1", "reviews"),
        service("reviews"),
        *(deployment("reviews", v) for v in ("v1", "v2")),
        destination_rule("reviews", "v1", "v2"),
        virtual_service("reviews", *rules),
    ]


def test_a_split_inside_the_mesh_and_the_first_path_that_is_served() -> None:
    mesh = mesh_of(*shop(REST))
    planned = plan(mesh)
    assert (planned.header, planned.path) == ("", "/page")
    assert lanes_of(*shop(REST)) == {"untagged": "page v1, reviews v1 80% v2 20%"}
    assert [lane.weight for lane in planned.lanes] == [100]
    assert [hop.reason for hop in planned.lanes[0].path] == [Reason.MATCH, Reason.SPLIT]
    assert headline(mesh, planned)[-1] == "planned for the path /page"
    assert planned.not_planned == ()
    home: Document = {"match": [{"uri": {"exact": "/"}}], "redirect": {"uri": "/page"}}
    assert plan_of(*shop(REST, at=(home,))).path == "/page"


def test_a_tag_that_clients_have_to_send() -> None:
    planned = plan_of(*shop(JASON, REST))
    assert lanes_of(*shop(JASON, REST)) == {
        "untagged": "page v1, reviews v1 80% v2 20%",
        "jason": "page v1 *, reviews v2",
    }
    assert entry_rules_of(planned) == {"untagged": [], "jason": ["end-user: jason"]}
    assert [lane.client_header for lane in planned.lanes] == ["", "end-user"]


def test_a_tag_beside_what_every_rule_of_the_gateway_asks_for() -> None:
    members = rule(to("page"), match=[header_is("x-member", "yes")])
    _, *services = shop(JASON, REST)
    planned = plan_of(virtual_service("*", members, gateways=["gw"]), *services)
    assert entry_rules_of(planned)["jason"] == ["x-member: yes and end-user: jason"]


def test_a_tag_of_two_headers_at_a_service_that_nobody_is_known_to_call() -> None:
    both = {"headers": {"x-a": {"exact": "one"}, "x-b": {"exact": "two"}}}
    documents = shop(rule(to("reviews", "v2"), match=[both]), REST)
    documents[2] = foreign("page")
    lane = plan_of(*documents).lane("one and two")
    assert [(hop.service, hop.version) for hop in lane.unreached] == [("reviews", "v2")]


def test_a_tag_in_the_baggage_that_clients_have_to_send() -> None:
    pr = rule(to("reviews", "v2"), match=[header_is("baggage", ".*lane=pr.*", "regex")])
    planned = plan_of(*shop(pr, REST))
    assert entry_rules_of(planned) == {"untagged": [], "pr": ["baggage: lane=pr"]}
    assert planned.lanes[1].path[1].version == "v2"


def test_an_empty_header_is_no_lane() -> None:
    empty = rule(to("reviews", "v2"), match=[header_is("end-user", "")])
    assert list(lanes_of(*shop(empty, REST))) == ["untagged"]
    asked = plan_of(*shop(JASON, REST), headers={"end-user": ""})
    assert (asked.header, [lane.name for lane in asked.lanes]) == ("", ["untagged", "jason"])


def test_a_tag_that_the_gateway_replaces_is_no_entry_rule() -> None:
    tagged = to("page", headers={"request": {"set": {"end-user": "all"}}})
    planned = plan_of(*shop(JASON, REST, at=(rule(tagged, match=[{"uri": {"exact": "/"}}]),)))
    assert entry_rules_of(planned) == {"all": []}
    asked = LaneHeader("jason", "end-user", (("end-user", "jason"),))
    assert planned.unset_headers == (asked,)


@pytest.mark.parametrize(
    "sets",
    [
        [{"baggage": "version=jason"}],  # a lane has that name
        [{"end-user": "all"}, {}],  # the gateway replaces it on the way to some pods
        [{}, {"end-user": "all"}],
    ],
)
def test_a_tag_that_no_client_may_send(sets: list[dict[str, str]]) -> None:
    ways = [to("page", weight=1, headers={"request": {"set": one}}) for one in sets]
    planned = plan_of(*shop(JASON, REST, at=(rule(*ways, match=[{"uri": {"exact": "/"}}]),)))
    assert [one.header for one in planned.unset_headers] == ["end-user"]


@pytest.mark.parametrize("versions", [("v1", "v2"), ("v1", "v3", "v2")])
def test_a_tag_beside_the_lane_header_is_planned_where_the_lane_header_changes_nothing(
    versions: tuple[str, ...],
) -> None:
    sets = [
        to("page", weight=1, headers={"request": {"set": {"baggage": f"version={v}"}}})
        for v in versions
    ]
    at = (rule(*sets, match=[{"uri": {"exact": "/"}}]),)
    v2 = rule(to("reviews", "v2"), match=[header_is("baggage", "version=v2")])
    beside = NotPlanned("end-user: jason", "depends-on-gateway")
    for rules, jason in (
        ((JASON, v2, REST), {"jason": ["end-user: jason"]}),
        ((v2, rule(to("reviews", "v1"), match=JASON["match"]), REST), {}),
    ):
        planned = plan_of(*shop(*rules, at=at))
        assert entry_rules_of(planned) == {**{version: [] for version in versions}, **jason}
        assert (beside in planned.not_planned) is (not jason)


@pytest.mark.parametrize(
    ("match", "way"),
    [
        ({"uri": {"prefix": "/next"}}, "path /next"),
        ({"headers": {"cookie": {"exact": "lane=next"}}}, "cookie: lane=next"),
    ],
)
def test_where_nobody_sets_it_the_entry_rule_is_the_lane(match: Document, way: str) -> None:
    next_page = rule(to("reviews", "v2"), match=[match])
    planned = plan_of(*shop(REST, at=(next_page,)), path="/page")
    assert entry_rules_of(planned) == {"untagged": [], way: [way]}
    assert planned.lanes[1].entry.version == "v2"


def test_a_host_of_its_own_has_its_own_rules_and_lends_the_tag_its_name() -> None:
    tagged = to("page", headers={"request": {"set": {"baggage": "version=v2"}}})
    own = virtual_service("beta.test", rule(tagged), gateways=["gw"], name="beta")
    unreached = rule(tagged, match=[{"authority": {"exact": "beta.test"}, "method": {}}])
    planned = plan_of(*shop(REST, at=(unreached,)), own, path="/page")
    assert planned.header == "version"
    assert entry_rules_of(planned) == {"untagged": [], "v2": ["host beta.test"]}
    taken = NotPlanned("host beta.test", "shadowed", why="the rules for beta.test")
    assert planned.not_planned == (taken,)


def test_pods_of_one_version_without_a_sidecar_leave_no_one_path() -> None:
    past: dict[str, str] = {"sidecar.istio.io/inject": "false"}
    documents = [*shop(JASON, rule(to("reviews", "v1"))), deployment("page", "v2", "reviews")]
    assert lanes_of(*documents)["untagged"] == "page v1|v2, reviews v1"
    found = {"lane": "untagged", "service": "page", "versions": "v1, v2, v3"}
    bare = deployment("page", "v3", "reviews", labels=past)
    assert problem_of(*documents, bare) == (Problem.SIDECARS_DIFFER, found)


def test_a_header_that_every_request_carries() -> None:
    planned = plan_of(*shop(JASON, REST), headers={"End-User": "jason"})
    assert [(lane.name, lane.path[1].version) for lane in planned.lanes] == [("jason", "v2")]


def test_a_part_of_a_split_that_has_no_pods_fails_and_the_rest_is_verified() -> None:
    documents = [d for d in shop(REST) if d["metadata"]["name"] != "reviews-v2"]
    planned = plan_of(*documents)
    assert lanes_of(*documents) == {"untagged": "page v1, reviews v1 (503 20%)"}
    right = Answer(200, "", (Step("page", "v1"), Step("reviews", "v1")))
    failed = Answer(503, "", (Step("page", "v1"), Step("reviews", "")))
    verdict = verify(planned, [right] * 80 + [failed] * 20)
    assert verdict.ok
    assert [(one.lane, one.version, one.count, one.total) for one in verdict.splits] == [
        ("untagged", "503", 20, 100)
    ]
    assert verify(planned, [right] * 100).ok  # a mesh sends again what fails
    assert not verify(planned, [right] * 20 + [failed] * 80).ok
    assert not verify(planned, [right] * 80 + [replace(failed, status=500)] * 20).ok


@pytest.mark.parametrize(("v2", "holds"), [(20, True), (60, False)])
def test_a_split_inside_the_mesh_is_verified(v2: int, *, holds: bool) -> None:
    planned = plan_of(*shop(REST))
    versions = ["v2"] * v2 + ["v1"] * (100 - v2)
    answers = [Answer(200, "", (Step("page", "v1"), Step("reviews", v))) for v in versions]
    verdict = verify(planned, answers)
    assert verdict.ok is holds
    assert [(one.version, one.expected, one.fits) for one in verdict.splits] == [
        ("v1", 0.8, holds),
        ("v2", 0.2, holds),
    ]
    assert closing(verdict) == ("Lanes hold." if holds else "Lanes do NOT hold.")
    found = verdict_json(verdict)["splits"][1]
    assert (found["service"], found["count"], found["ok"]) == ("reviews", v2, holds)
