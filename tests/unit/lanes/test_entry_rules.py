"""Entry rules: what enters a lane on purpose, and what of a gateway's rules is none."""

from typing import Any

import pytest

from lanes.mesh.model import Host
from lanes.planning.entry_rule import EntryRule
from lanes.planning.hop import Unanswered
from lanes.planning.lanes import NotPlanned
from lanes.planning.messages import Problem
from lanes.planning.result import Plan
from lanes.report.plan import plan_table
from lanes.report.plan_json import plan_json
from lanes.report.plan_notes import plan_notes
from tests import kube
from tests.kube import (
    SAMPLE,
    Document,
    asm,
    backend,
    deployment,
    gateway_api,
    header_is,
    http_route,
    put,
    route_rule,
    rule,
    service,
    sets,
    takes,
    to,
    to_gateway,
    virtual_service,
    without,
)
from tests.unit.lanes.reading import entry_rules_of, lanes_of, mesh_of, plan_of, problem_of

BASE = kube.base(SAMPLE, {"v1": 90, "v2": 10})
COOKIE = r"(.*;\s*)?lane=v3(;.*)?"


def to_v3(*matches: Document, **fields: object) -> Document:
    return route_rule(backend("mocka-v3", sets("baggage", "version=v3")), matches=matches, **fields)


def beside_base(*rules: Document, hostnames: tuple[str, ...] = ()) -> Plan:
    """The plan of the base release, with lanes v2 and v3 and these rules at the gateway."""
    lanes = [d for name in ("v2", "v3") for d in kube.lane(name, SAMPLE, entry_rule=False)]
    own = [http_route("web-v3", to_gateway(), *rules, hostnames=hostnames)] if rules else []
    return plan_of(*BASE, *lanes, *own)


def test_a_lane_beside_the_split_is_planned_with_its_entry_rule() -> None:
    planned = beside_base(to_v3(takes(headers={"X-Lane": "v3"})))
    assert [(lane.name, lane.weight) for lane in planned.lanes] == [
        ("v1", 90),
        ("v2", 10),
        ("v3", 0),
    ]
    assert entry_rules_of(planned) == {"v1": [], "v2": [], "v3": ["x-lane: v3"]}
    assert [planned.share(lane) for lane in planned.lanes] == [0.9, 0.1, 0]
    assert [(hop.service, hop.version) for hop in planned.lanes[2].path] == [
        ("mocka", "v3"),
        ("mockb", "v3"),
        ("mockc", "v1"),
    ]


def test_a_lane_has_its_place_wherever_it_is_entered() -> None:
    """Releases in any order, by weight or by header: the same lanes, the same paths."""
    releases = {name: kube.lane(name, SAMPLE) for name in ("v2", "v3")}
    entered = lanes_of(*kube.base(SAMPLE), *releases["v3"], *releases["v2"])
    assert entered == lanes_of(*gateway_api())


@pytest.mark.parametrize(
    ("match", "entry_rule", "words"),
    [
        (takes(headers={"x-lane": "v3"}), EntryRule({"x-lane": "v3"}), "x-lane: v3"),
        (
            takes(headers={"cookie": f"~{COOKIE}"}),
            EntryRule({"cookie": "lane=v3"}),
            "cookie: lane=v3",
        ),
        (takes("/v3/"), EntryRule(path="/v3"), "path /v3"),
        (takes("/v3", how="Exact"), EntryRule(path="/v3"), "path /v3"),
        (
            takes("/v3", method="POST"),
            EntryRule(path="/v3", method="POST"),
            "path /v3 and method POST",
        ),
        (takes("/", {"x-lane": "v3"}), EntryRule({"x-lane": "v3"}), "x-lane: v3"),
        (takes("/", {"x-lane": "v3"}, "Exact"), EntryRule({"x-lane": "v3"}), "x-lane: v3"),
        (
            takes("/v3", {"x-lane": "v3", "x-key": "~k[0-9]{3}"}, method="GET"),
            EntryRule({"x-lane": "v3", "x-key": "k000"}, path="/v3"),
            "x-lane: v3 and x-key: k000 and path /v3",
        ),
    ],
)
def test_entry_rules_by_header_cookie_and_path(
    match: Document, entry_rule: EntryRule, words: str
) -> None:
    planned = beside_base(to_v3(match))
    assert planned.lanes[2].entry_rules == (entry_rule,)
    assert str(entry_rule) == words
    assert planned.not_planned == ()


def test_an_entry_rule_by_host() -> None:
    planned = beside_base(to_v3(), hostnames=("pr-3.example.org", "*.v3.example.org"))
    assert planned.domain == "*"
    assert planned.lanes[2].entry_rules == (
        EntryRule(host="pr-3.example.org"),
        EntryRule(host="any.v3.example.org"),
    )
    assert entry_rules_of(plan_of(*asm(), host_of_v3()))["v3"] == ["host v3.example.org"]
    assert plan_of(host_of_v3(), *asm()).domain == "*"


def host_of_v3() -> Document:
    tagged = to("mocka", "v3", fallback="v1", headers={"request": {"set": {"version": "v3"}}})
    return virtual_service("v3.example.org", rule(tagged), gateways=["demo-gateway"])


def test_a_request_that_a_lane_answers() -> None:
    by_rule = [
        virtual_service("*", rule(to("a"), match=[match]), gateways=["gw"])
        for match in (
            {"uri": {"prefix": "/a"}},
            header_is("x-lane", "v2"),
            {"uri": {"prefix": "/a"}, **header_is("x-lane", "v2")},
        )
    ]
    rest = virtual_service("*", rule(to("a")), gateways=["gw"])
    known = [service("a"), deployment("a")]
    sent = {"headers": {"X-Team": "blue"}}
    found = [plan_of(*known, entry, path="/x", **sent).request for entry in (rest, by_rule[1])]
    assert found == [
        EntryRule({"x-team": "blue"}, path="/x"),
        EntryRule({"x-team": "blue", "x-lane": "v2"}, path="/x"),
    ]
    assert plan_of(*known, by_rule[0]).request == EntryRule(path="/a")
    home: Document = {"redirect": {"uri": "/home"}}
    hosts = [
        virtual_service("*", home, gateways=["gw"]),
        virtual_service("b.test", rule(to("a")), gateways=["gw"], name="b"),
    ]
    assert plan_of(*known, *hosts).request == EntryRule(host="b.test", path="/")
    assert plan_of(*known, by_rule[2]).request == EntryRule({"x-lane": "v2"}, path="/a")
    lane = rule(to("b"), match=[header_is("x-lane", "v2")])
    both = plan_of(
        *known, service("b"), deployment("b"), put(rest, "spec.http", [lane, rule(to("a"))])
    )
    assert (len(both.enterable), both.request) == (1, EntryRule(path="/"))


def test_a_host_of_its_own_is_planned_alone_when_asked() -> None:
    planned = plan_of(*asm(), host_of_v3(), domain="v3.example.org")
    assert entry_rules_of(planned) == {"v3": []}


def test_a_virtual_services_rules_before_its_split_are_entry_rules() -> None:
    def v3(*match: Document) -> Document:
        headers = {"request": {"set": {"version": "v3"}}}
        return rule(to("mocka", "v3", fallback="v1", headers=headers), match=match)

    documents = asm(weights={"v1": 100, "v2": 0})
    no_example = header_is("x-key", r"v3\b[^ ]", "regex")
    first = [
        v3(no_example, header_is("x-lane", "v3"), header_is("cookie", COOKIE, "regex")),
        v3({"authority": {"exact": "v3.example.org"}}),
        v3({"uri": {"prefix": "/v3/"}}),
    ]
    documents[2] = put(documents[2], "spec.http", [*first, *documents[2]["spec"]["http"]])
    planned = plan_of(*documents)
    assert entry_rules_of(planned) == {
        "v1": [],
        "v2": [],
        "v3": ["x-lane: v3", "cookie: lane=v3", "host v3.example.org", "path /v3/"],
    }
    assert planned.not_planned == (NotPlanned("x-key", "no-example"),)


def test_what_asks_for_more_than_another_entry_rule_is_none_of_its_own() -> None:
    more = takes(headers={"x-lane": "v3", "baggage": "~.*version.*"})
    planned = beside_base(to_v3(more), to_v3(takes(headers={"x-lane": "v3"})))
    assert entry_rules_of(planned)["v3"] == ["x-lane: v3"]
    assert planned.not_planned == ()


def test_an_entry_rule_is_the_same_in_whatever_order_its_headers_stand() -> None:
    assert len({EntryRule({"a": "1", "b": "2"}), EntryRule({"b": "2", "a": "1"})}) == 1


def test_a_rule_that_sets_a_lane_by_the_ordinary_split_is_no_entry_rule() -> None:
    split = [
        backend(f"mocka-{lane}", sets("baggage", f"version={lane}"), weight=weight)
        for lane, weight in {"v1": 90, "v2": 10}.items()
    ]
    suspect = takes(headers={"baggage": "~.*version.*"})
    planned = beside_base(route_rule(*split, matches=[suspect]))
    assert planned == beside_base()


@pytest.mark.parametrize(
    ("own", "refused"),
    [
        (
            route_rule(backend("mocka"), matches=[takes("/raw")]),
            NotPlanned("path /raw", "sets-no-lane"),
        ),
        (
            route_rule(
                backend("mocka-v1", sets("baggage", "version=v1")),
                backend("mocka-v2", sets("baggage", "version=v2")),
                matches=[takes(headers={"x-beta": "1"})],
            ),
            NotPlanned("x-beta: 1", "splits"),
        ),
        (
            route_rule(backend("mocka", weight=0), matches=[takes("/off")]),
            NotPlanned("path /off", "no-weight"),
        ),
        (
            to_v3(takes(headers={"x-lane": r"~v3\b[^ ]"})),
            NotPlanned("x-lane", "no-example"),
        ),
        (
            to_v3(takes("/v3", {"x-lane": r"~v3\b[^ ]"})),
            NotPlanned("x-lane, path", "no-example"),
        ),
        (
            route_rule(backend("mockb-v3", sets("baggage", "version=v2")), matches=[takes("/b")]),
            NotPlanned("path /b", "other-path", "v2"),
        ),
    ],
)
def test_a_rule_that_leads_to_no_one_lane_is_told(own: Document, refused: NotPlanned) -> None:
    planned = beside_base(own)
    assert planned.not_planned == (refused,)
    assert plan_notes(planned)[-1] == f"not planned: {refused!s}"
    assert entry_rules_of(planned) == {"v1": [], "v2": []}


def test_the_plan_shows_entry_rules_where_there_are_any() -> None:
    planned = beside_base(to_v3(takes(headers={"x-lane": "v3"}), takes("/v3")))
    table = plan_table(planned)
    assert table.headings[-1] == "entry rules"
    assert [row[-1] for row in table.rows] == ["", "", "path /v3, x-lane: v3"]
    assert plan_json(mesh_of(*BASE), planned)["lanes"][2]["entry_rules"] == [
        {"headers": {}, "host": None, "path": "/v3", "method": None},
        {"headers": {"x-lane": "v3"}, "host": None, "path": None, "method": None},
    ]
    assert plan_table(beside_base()).headings[-1] == "mockc"


def test_a_lane_that_changes_nothing_where_it_enters_falls_back_there() -> None:
    chain = {"a": ((), ("b",)), "b": (("pr",), ())}
    assert lanes_of(*kube.base(chain), *kube.lane("pr", chain)) == {
        "v1": "a v1, b v1",
        "pr": "a v1 *, b pr",
    }


def test_a_lane_without_pods_ends_at_the_service_that_they_would_be_of() -> None:
    lane = [d for d in kube.lane("v2", SAMPLE) if d["metadata"]["name"] != "mocka-v2"]
    empty = [d for d in kube.lane("v2", SAMPLE) if d["metadata"]["name"] == "mocka-v2"]
    services = [d for d in empty if d["kind"] != "Deployment"]
    assert lanes_of(*kube.base(SAMPLE), *lane, *services)["v2"] == "mocka -"


def test_a_lane_whose_service_is_not_there_is_answered_with_500() -> None:
    gone = [d for d in kube.lane("v2", SAMPLE) if d["metadata"]["name"] != "mockc-v2"]
    routes = [d for d in kube.lane("v2", SAMPLE) if d["kind"] == "HTTPRoute"]
    documents = [*kube.base(SAMPLE), *gone, *(d for d in routes if d not in gone)]
    assert lanes_of(*documents)["v2"] == "mocka v2, mockb v1 *, mockc -"
    planned = plan_of(*documents)
    assert planned.lanes[1].path[-1].status == 500
    absent = Unanswered("no-service", (Host("mockc-v2", "default"),))
    assert planned.lanes[1].path[-1].unanswered == absent


def test_a_backend_that_needs_a_grant_and_has_none_is_answered_with_500() -> None:
    elsewhere = [service("a", namespace="other"), deployment("a", namespace="other")]
    route = http_route("r", to_gateway(), route_rule(backend("a", namespace="other")))
    (lane,) = plan_of(kube.api_gateway(), route, *elsewhere).lanes
    assert lane.entry.status == 500
    assert lane.entry.unanswered == Unanswered("not-permitted")


def test_a_call_that_no_rule_takes_is_answered_with_404() -> None:
    documents = [d for d in kube.base(SAMPLE) if d["metadata"]["name"] != "mockc"]
    only = http_route(
        "mockc",
        kube.to_service("mockc"),
        route_rule(backend("mockc-v1"), matches=[takes(headers={"x-never": "1"})]),
    )
    planned = plan_of(*documents, service("mockc"), only)
    assert planned.lanes[0].path[-1].status == 404
    assert planned.lanes[0].path[-1].unanswered == Unanswered("no-rule")


def test_a_gateway_whose_every_backend_has_weight_0_has_no_lanes() -> None:
    problem, values = problem_of(*kube.base(SAMPLE, {"v1": 0}))
    assert (problem, values["path"], values["status"]) == (Problem.ANSWERS_ITSELF, "/", 500)
    assert str(values["rule"]).endswith("HTTPRoute web: spec.rules[0]")


@pytest.mark.parametrize(("weights", "refused"), [((9, 1), []), ((8, 2), ["splits"])])
def test_a_rule_that_splits_as_every_request_is_split_needs_no_word(
    weights: tuple[int, int], refused: list[str]
) -> None:
    def split(*weights: int, **fields: Any) -> Document:
        backends = [
            backend(f"mocka-v{n}", sets("baggage", f"version=v{n}"), weight=weight)
            for n, weight in enumerate(weights, 1)
        ]
        return route_rule(*backends, **fields)

    documents = [d for d in BASE if d["metadata"]["name"] != "web" or d["kind"] != "HTTPRoute"]
    entry = http_route("web", to_gateway(), split(90, 10), split(*weights, matches=[takes("/b")]))
    planned = plan_of(*documents, *kube.lane("v2", SAMPLE, entry_rule=False), entry)
    assert [one.reason for one in planned.not_planned] == refused


def test_what_another_path_gets_is_told_by_that_path() -> None:
    """Its backend is called by the gateway, and is no service that nobody is known to call."""
    entry = virtual_service(
        "*", rule(to("b"), match=[{"uri": {"prefix": "/b"}}]), rule(to("a")), gateways=["gw"]
    )
    bare = [without(deployment(app, "v1"), "spec.template.spec.containers[0].env") for app in "ab"]
    planned = plan_of(entry, service("a"), service("b"), *bare, path="/b")
    assert (planned.unreached, planned.not_planned) == ((), ())
    assert entry_rules_of(planned) == {"untagged": [], "path /": ["path /"]}
    planned = plan_of(entry, service("a"), service("b"), *bare)
    assert entry_rules_of(planned) == {"untagged": [], "path /b": ["path /b"]}
