"""Which version answers each lane at each service, and why."""

from typing import Any

import pytest
from hypothesis import given, settings

from lanes.planning.hop import Reason, Unanswered
from lanes.planning.messages import Problem
from lanes.planning.plan import plan, serves
from lanes.planning.result import Lane
from lanes.report.plan_json import plan_json
from tests.kube import (
    SAMPLE,
    Chain,
    Document,
    asm,
    deployment,
    destination_rule,
    gateway,
    gateway_api,
    header_is,
    header_propagation,
    istio,
    put,
    rule,
    service,
    to,
    virtual_service,
    without,
)
from tests.unit.lanes.generated import MESHES, Generated, expected_path
from tests.unit.lanes.reading import REPOSITORY, lanes_of, mesh_of, plan_of, problem_of

SAMPLE_PATHS = {
    "v1": "mocka v1, mockb v1, mockc v1",
    "v2": "mocka v2, mockb v1 *, mockc v2",
    "v3": "mocka v3, mockb v3, mockc v1 *",
}


def sets(name: str, value: str) -> Document:
    return {"request": {"set": {name: value}}}


def at_gateway(*destinations: Document, **fields: Any) -> Document:
    return virtual_service("*", rule(*destinations, **fields), gateways=["gw"])


def pair(*more: Document, rules: tuple[Document, ...] = ()) -> list[Document]:
    """Service a in v1 and v2 calls b, which has v1 and v2; lanes v1 and v2, set at the gateway.

    `rules` are those of b's VirtualService; without any there is none.
    """
    ways = [to("a", v, weight=50, headers=sets("version", v)) for v in ("v1", "v2")]
    documents = [
        at_gateway(*ways),
        header_propagation("version"),
        service("a"),
        service("b"),
        destination_rule("a", "v1", "v2"),
        destination_rule("b", "v1", "v2"),
        *(deployment("a", v, "b") for v in ("v1", "v2")),
        *(deployment("b", v) for v in ("v1", "v2")),
    ]
    if rules:
        documents.append(virtual_service("b", *rules))
    return [*documents, *more]


def test_the_sample() -> None:
    planned = plan_of(*asm())
    assert planned.header == "version"
    assert planned.domain == "*"
    assert [(lane.name, lane.weight) for lane in planned.lanes] == [
        ("v1", 40),
        ("v2", 30),
        ("v3", 30),
    ]
    assert lanes_of(*asm()) == SAMPLE_PATHS
    assert [hop.reason for hop in planned.lanes[1].path] == [
        Reason.MATCH,
        Reason.FALLBACK,
        Reason.MATCH,
    ]


def test_the_sample_on_stock_istio() -> None:
    assert lanes_of(*istio()) == SAMPLE_PATHS
    assert plan_of(*istio()).header == "version"


@pytest.mark.parametrize("folder", ["asm", "istio"])
def test_the_manifests_of_the_repository(folder: str) -> None:
    from lanes.reading.reader import read
    from lanes.reading.resolve import resolve
    from lanes.report.plan import one_line

    planned = plan(resolve(read([str(REPOSITORY / "k8s" / folder)])))
    assert {lane.name: one_line(lane) for lane in planned.lanes} == SAMPLE_PATHS


def test_json_is_as_documented() -> None:
    def lane(name: str, weight: int, *hops: tuple[str, str]) -> dict[str, Any]:
        services = zip(("mocka", "mockb", "mockc"), hops, strict=True)
        more = {"namespace": "default", "message": "", "status": 200}
        more |= {"shares": {}, "services": [], "error_shares": {}}
        path = [{"service": s, "version": v, "reason": why, **more} for s, (v, why) in services]
        lane = {"name": name, "weight": weight, "client_header": "", "path": path}
        return {**lane, "unreached": [], "entry_rules": []}

    v1 = ("v1", "match")
    mesh = mesh_of(*asm())
    assert plan_json(mesh, plan(mesh)) == {
        "version": 2,
        "lane_header": "version",
        "virtual_host": "*",
        "path": "/",
        "default_status": 200,
        "lanes": [
            lane("v1", 40, v1, v1, v1),
            lane("v2", 30, ("v2", "match"), ("v1", "fallback"), ("v2", "match")),
            lane("v3", 30, ("v3", "match"), ("v3", "match"), ("v1", "fallback")),
        ],
        "not_planned": [],
        "other_rules": [],
        "ports": [],
        "unset_headers": [],
        "unreached": [],
        "not_simulated": {},
        "errors": [],
        "warnings": [],
    }


def test_a_lane_that_strict_mode_ends_has_no_version_there() -> None:
    mesh = mesh_of(*asm(strict=True))
    assert lanes_of(*asm(strict=True)) == {
        "v1": "mocka v1, mockb v1, mockc v1",
        "v2": "mocka v2, mockb -",
        "v3": "mocka v3, mockb v3, mockc -",
    }
    assert plan_json(mesh, plan(mesh))["lanes"][1]["path"][1] == {
        "service": "mockb",
        "namespace": "default",
        "version": "",
        "reason": "none",
        "message": str(Unanswered("no-version")),
        "status": 503,
        "shares": {},
        "services": [],
        "error_shares": {},
    }


def test_four_lanes_by_another_header() -> None:
    chain = {"web": (("main", "red", "blue", "green"), ("db",)), "db": (("main", "blue"), ())}
    weights = {"main": 70, "red": 10, "blue": 10, "green": 10}
    documents = asm(chain, weights, header="X-Lane", baseline="main")
    assert plan_of(*documents).header == "x-lane"
    assert lanes_of(*documents) == {
        "main": "web main, db main",
        "red": "web red, db main *",
        "blue": "web blue, db blue",
        "green": "web green, db main *",
    }


def test_a_fan_out_is_told_in_the_order_of_the_answer() -> None:
    chain = {
        "a": (("v1", "v2"), ("b", "c")),
        "b": (("v1", "v2"), ("d",)),
        "c": (("v1",), ()),
        "d": (("v1", "v2"), ()),
    }
    paths = lanes_of(*asm(chain, {"v1": 50, "v2": 50}))
    assert paths == {"v1": "a v1, b v1, d v1, c v1", "v2": "a v2, b v2, d v2, c v1 *"}


def test_two_ways_to_one_service_are_no_loop() -> None:
    chain = {"a": (("v1",), ("b", "c")), "b": (("v1",), ("c",)), "c": (("v1",), ())}
    assert lanes_of(*asm(chain, {"v1": 100})) == {"v1": "a v1, b v1, c v1"}


def test_a_service_outside_the_chain_is_in_no_path() -> None:
    assert lanes_of(*asm(), service("db"), deployment("db", "v9")) == SAMPLE_PATHS


def test_shares_follow_the_weights() -> None:
    planned = plan_of(*asm(weights={"v1": 4, "v2": 3, "v3": 3}))
    assert [planned.share(lane) for lane in planned.lanes] == [0.4, 0.3, 0.3]


def test_a_lane_of_weight_zero_is_planned_and_gets_nothing() -> None:
    planned = plan_of(*asm(weights={"v1": 100, "v2": 0}))
    assert [planned.share(lane) for lane in planned.lanes] == [1, 0]
    assert [hop.version for hop in planned.lanes[1].path] == ["v2", "v1", "v2"]


@settings(max_examples=40)
@given(MESHES)
def test_a_lane_has_its_version_where_it_is_deployed_else_the_baseline(made: Generated) -> None:
    planned = plan_of(*made.documents)
    found = {lane.name: hops_of(lane) for lane in planned.lanes}
    assert found == {lane: expected_path(made, lane) for lane in made.weights}
    total = sum(made.weights.values())
    shares = {lane.name: planned.share(lane) for lane in planned.lanes}
    assert shares == {lane: weight / total for lane, weight in made.weights.items()}


def hops_of(lane: Lane) -> list[tuple[str, str, str]]:
    return [(hop.service, hop.version, hop.reason) for hop in lane.entry.calls()]


# Without a VirtualService, and with other rules than the chart's


def is_version(value: str, how: str = "exact") -> list[Document]:
    return [header_is("version", value, how)]


B1, B2 = to("b", "v1"), to("b", "v2")


@pytest.mark.parametrize(
    ("rules", "v1", "v2"),
    [
        ([], "v1|v2", "v1|v2"),  # without a VirtualService
        ([rule(B1 | {"weight": 90}, B2 | {"weight": 10})], "v1 90% v2 10%", "v1 90% v2 10%"),
        ([rule(B1 | {"weight": 100}, B2 | {"weight": 0})], "v1", "v1 !"),
        ([rule(B1, match=is_version("v1"))], "v1", "-"),
        (
            [rule(B2, match=is_version("v", "prefix")), rule(B1, match=is_version("v", "prefix"))],
            "v2 !",
            "v2",
        ),
        ([rule(to("b", "v7"))], "-", "-"),
        ([rule(B1)], "v1", "v1 !"),
        ([rule(B1, match=[])], "v1", "v1 !"),
        ([rule(B1, match=[{}])], "v1", "v1 !"),
        ([rule(B1, match=[{"uri": {"prefix": "/"}}])], "v1", "v1 !"),
    ],
)
def test_the_rules_of_a_service_choose_the_version(rules: list[Document], v1: str, v2: str) -> None:
    assert lanes_of(*pair(rules=tuple(rules))) == {"v1": f"a v1, b {v1}", "v2": f"a v2, b {v2}"}


@pytest.mark.parametrize(
    ("match", "taken"),
    [
        (is_version("v2"), True),
        (is_version("v"), False),
        (is_version("V2"), False),
        (is_version("v", "prefix"), True),
        (is_version("v2", "prefix"), True),
        (is_version("v20", "prefix"), False),
        (is_version("v[2-9]", "regex"), True),
        (is_version("v", "regex"), False),
        (is_version("2", "regex"), False),
        (is_version(".*2", "regex"), True),
        (is_version("v1|v2", "regex"), True),
        (is_version("(?i)V2", "regex"), True),
        (is_version("[[:alpha:]]2", "regex"), True),
        (is_version(r"\pL2", "regex"), True),
        ([{"uri": {"exact": "/"}}], True),
        ([{"uri": {"exact": "/x"}}], False),
        ([{"uri": {"prefix": "/"}}], True),
        ([{"uri": {"regex": "/.*"}}], True),
        ([{"uri": {"regex": ""}}], False),
        ([{"uri": {"exact": "/"}, "headers": {"version": {"exact": "v2"}}}], True),
        ([{"uri": {"exact": "/x"}, "headers": {"version": {"exact": "v2"}}}], False),
        ([{"uri": {"exact": "/x"}}, header_is("version", "v2")], True),
        ([{"headers": {"version": {"exact": "v2"}, "none": {"prefix": "x"}}}], False),
        ([{}], True),
        ([header_is("Version", "v2")], True),
        ([header_is("x-client", ".*", "regex")], False),
    ],
)
def test_one_match_is_enough_and_all_its_conditions_hold(
    match: list[Document], *, taken: bool
) -> None:
    rules = (rule(B2, match=match), rule(B1))
    assert lanes_of(*pair(rules=rules))["v2"] == ("a v2, b v2" if taken else "a v2, b v1 !")


def test_a_uri_is_the_upstreams() -> None:
    by_uri = (rule(to("b", "v2"), match=[{"uri": {"exact": "/x/y"}}]), rule(to("b", "v1")))
    documents = pair(rules=by_uri)
    for number, document in enumerate(documents):
        if document["kind"] == "Deployment" and document["metadata"]["name"] == "a-v2":
            path = "spec.template.spec.containers[0].env[2].value"
            documents[number] = put(document, path, "http://b:8000/x/y?z=1")
    assert lanes_of(*documents) == {"v1": "a v1, b v1", "v2": "a v2, b v2"}


def test_a_request_at_the_gateway_has_a_path() -> None:
    documents = asm()
    elsewhere = rule(
        to("mockc", "v1"), match=[{"uri": {"prefix": "/c"}}], headers=sets("version", "c")
    )
    documents[2] = put(documents[2], "spec.http", [elsewhere, *documents[2]["spec"]["http"]])
    assert lanes_of(*documents) == SAMPLE_PATHS | {"c": "mockc v1 *"}
    assert lanes_of(*documents, path="/c/d") == {"c": "mockc v1"}


def test_a_gateway_has_a_plan_for_each_host() -> None:
    ways = [
        virtual_service(
            host, rule(to("mocka", "v1", headers=sets("version", tag))), gateways=["demo-gateway"]
        )
        for host, tag in (("one.org", "v1"), ("two.org", "v7"))
    ]
    documents = [d for d in asm() if d["spec"].get("gateways") is None]
    assert list(lanes_of(*documents, *ways)) == ["v1", "v7"]
    assert list(lanes_of(*documents, *ways, domain="two.org")) == ["v7"]
    assert plan_of(*documents, *ways, domain="two.org").domain == "two.org"


# Upstreams: hosts, ports, namespaces


@pytest.mark.parametrize(
    "url",
    [
        "http://b:8000/",
        "http://b:8000",
        "http://b.default:8000/",
        "http://b.default.svc:8000/",
        "http://b.default.svc.cluster.local:8000/",
        "http://B.Default.svc.cluster.local:8000/",
    ],
)
def test_an_upstreams_short_and_full_names(url: str) -> None:
    assert lanes_of(*asm({"a": (("v1",), (url,)), "b": (("v1",), ())}, {"v1": 1})) == {
        "v1": "a v1, b v1"
    }


def test_an_upstream_in_another_namespace() -> None:
    """Without propagation there, its rules see no header, and the lane ends."""
    there = "there"
    documents = [
        *asm({"a": (("v1", "v2"), ("http://b.there:8000/",))}, {"v1": 1, "v2": 1}),
        service("b", namespace=there),
        deployment("b", "v1", "c", namespace=there),
        deployment("b", "v2", "c", namespace=there),
        service("c", namespace=there),
        *(deployment("c", v, namespace=there) for v in ("v1", "v2")),
        *(
            document
            for host in ("b", "c")
            for document in (
                destination_rule(host, "v1", "v2", namespace=there),
                virtual_service(
                    host,
                    rule(to(host, "v2"), match=[header_is("version", "v2")]),
                    rule(to(host, "v1")),
                    namespace=there,
                ),
            )
        ),
    ]
    assert lanes_of(*documents)["v2"] == "a v2, b v2, c v1 !"
    carried = header_propagation("version", namespace=there)
    assert lanes_of(*documents, carried)["v2"] == "a v2, b v2, c v2"


@pytest.mark.parametrize(
    "url",
    [
        "http://x:8000/",
        "http://b:9000/",
        "http://b:80x/",
        "http://b.other:8000/",
        "http://b.com/",
        "https://b:8000/",
        "b:8000/",
        "b/",
    ],
)
def test_an_upstream_that_is_no_service(url: str) -> None:
    documents = asm({"a": (("v1",), (url,)), "b": (("v1",), ())}, {"v1": 1})
    assert problem_of(*documents) == (Problem.NO_SERVICE_URL, {"pod": "a-v1", "url": url})


@pytest.mark.parametrize(
    ("calls", "cycle"),
    [({"a": "b", "b": "c", "c": "a"}, "b -> c -> a -> b"), ({"a": "a"}, "a -> a")],
)
def test_an_endless_cycle_is_named_by_its_services(calls: dict[str, str], cycle: str) -> None:
    chain = {caller: (("v1",), (callee,)) for caller, callee in calls.items()}
    found = {"lane": "v1", "cycle": cycle}
    assert problem_of(*asm(chain, {"v1": 1})) == (Problem.NEVER_ENDS, found)


def test_a_chain_longer_than_any_walk() -> None:
    chain = {f"s{n}": (("v1",), (f"s{n + 1}",) if n < 101 else ()) for n in range(102)}
    too_long = (Problem.CHAIN_TOO_LONG, {"lane": "v1", "most": 100})
    assert problem_of(*asm(chain, {"v1": 1})) == too_long
    del chain["s0"]
    assert len(plan_of(*asm(chain, {"v1": 1})).lanes[0].path) == 101


def test_pods_that_disagree_on_what_comes_next() -> None:
    documents = pair(service("c"), deployment("c"), deployment("b", "v3", "c"))
    found = {"lane": "v1", "service": "b", "versions": "v1, v2, v3"}
    assert problem_of(*documents) == (Problem.UPSTREAMS_DIFFER, found)


def test_versions_may_call_different_upstreams_when_routed_apart() -> None:
    chain: Chain = {**SAMPLE, "mockb": (("v1", "v3"), ()), "mockc": (("v1", "v2"), ())}
    documents = [d for d in asm(chain) if d["metadata"]["name"] != "mockb-v3"]
    paths = lanes_of(*documents, deployment("mockb", "v3", "mockc"))
    assert paths["v1"] == "mocka v1, mockb v1"
    assert paths["v3"] == "mocka v3, mockb v3, mockc v1 *"


def test_replicas_agree() -> None:
    documents = [put(d, "spec.replicas", 3) if d["kind"] == "Deployment" else d for d in asm()]
    assert lanes_of(*documents) == SAMPLE_PATHS


# What the gateway sets


def setting(*headers: Document, names: tuple[str, ...] = ("version",)) -> list[Document]:
    ways = [to("a", f"v{n}", weight=1, headers=h) for n, h in enumerate(headers, start=1)]
    return [
        at_gateway(*ways),
        service("a"),
        destination_rule("a", "v1", "v2"),
        deployment("a"),
        deployment("a", "v2"),
        header_propagation(*names),
    ]


@pytest.mark.parametrize(
    "headers",
    [
        [sets("version", "v1"), sets("tenant", "v2")],
        [{"request": {"set": {"version": v, "tenant": "t"}}} for v in ("v1", "v2")],
        [sets("baggage", "version=v1,tenant=t"), sets("baggage", "version=v2,tenant=t")],
    ],
)
def test_a_gateway_that_sets_two(headers: list[Document]) -> None:
    several = (Problem.SEVERAL_LANE_HEADERS, {"names": "tenant, version"})
    assert problem_of(*setting(*headers, names=("version", "tenant"))) == several


@pytest.mark.parametrize("headers", [[{}, {}], [sets("other", "v1"), sets("other", "v2")]])
def test_a_gateway_that_sets_none_has_one_lane_with_its_split(headers: list[Document]) -> None:
    planned = plan_of(*setting(*headers))
    assert (planned.header, [lane.weight for lane in planned.lanes]) == ("", [2])
    assert lanes_of(*setting(*headers)) == {"untagged": "a v1 50% v2 50%"}


def test_a_gateway_that_sets_a_part() -> None:
    assert lanes_of(*setting({}, sets("version", "v2"))) == {
        "untagged": "a v1",
        "v2": "a v2",
    }


def test_a_gateway_that_sets_one_lane_twice() -> None:
    documents = setting(sets("version", "v1"), sets("version", "v1"))
    assert problem_of(*documents) == (Problem.LANE_SET_TWICE, {"lane": "v1"})


@pytest.mark.parametrize(
    "headers",
    [
        [sets("version", "v1"), sets("version", "v2")],
        [sets("Version", "v1"), sets("VERSION", "v2")],
        [sets("baggage", "version=v1"), sets("baggage", "version = v2;ttl=1")],
        [{"request": {"add": {"version": "v1"}}}, sets("version", "v2")],
        [{"request": {"set": {"version": v, "unheard": "x"}}} for v in ("v1", "v2")],
    ],
)
def test_forms_of_setting_a_lane(headers: list[Document]) -> None:
    planned = plan_of(*setting(*headers))
    assert planned.header == "version"
    assert [lane.name for lane in planned.lanes] == ["v1", "v2"]


def test_a_prefix_carries_the_tag_too() -> None:
    documents = [d for d in asm(header="x-lane-tag") if d["kind"] != "ASMHeaderPropagation"]
    assert lanes_of(*documents, header_propagation(prefixes=["X-Lane-"])) == SAMPLE_PATHS
    elsewhere = header_propagation(prefixes=["x-lanes-"])
    assert plan_of(*documents, elsewhere).lanes == plan_of(*documents).lanes


def test_without_propagation_services_have_to_hand_a_header_on_by_themselves() -> None:
    documents = [d for d in asm() if d["kind"] != "ASMHeaderPropagation"]
    assert lanes_of(*documents) == SAMPLE_PATHS


# Header changes on the way


def changing(**changes: object) -> dict[str, str]:
    """Three services; the rule at the middle one changes the request's headers."""
    documents = asm(dict.fromkeys("ac", (("v1", "v2"), ())), {"v1": 1, "v2": 1})
    documents = [d for d in documents if d["metadata"]["name"] not in ("a-v1", "a-v2")]
    middle = [
        service("b"),
        deployment("b", "v1", "c"),
        virtual_service("b", rule(to("b"), headers={"request": changes})),
        *(deployment("a", v, "b") for v in ("v1", "v2")),
    ]
    return lanes_of(*documents, *middle)


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        ({}, "c v2"),
        ({"set": {"version": "v1"}}, "c v1 !"),
        ({"set": {"baggage": "version=v1"}}, "c v2"),  # the header beats it on arrival
        ({"set": {"baggage": "version=v1"}, "remove": ["version"]}, "c v1 !"),
        ({"remove": ["version"]}, "c v2"),  # the baggage still holds it
        ({"remove": ["version", "baggage"]}, "c v1 !"),
        ({"add": {"version": "v1"}}, "c v1 !"),  # now v2,v1
        ({"add": {"x": "y"}}, "c v2"),
        ({"set": {"Version": "v1"}}, "c v1 !"),
    ],
)
def test_a_rule_that_changes_headers(changes: dict[str, object], after: str) -> None:
    assert changing(**changes)["v2"] == f"a v2, b v1 *, {after}"


def test_a_split_that_changes_headers_by_destination() -> None:
    split = rule(to("b", "v1", weight=1, headers=sets("x", "y")), to("b", "v2", weight=1))
    found = {"lane": "v1", "service": "b"}
    assert problem_of(*pair(rules=(split,))) == (Problem.SPLITS_AND_SETS, found)


# No entrance


def test_manifests_without_pods() -> None:
    """Each subset stands for its pods; without Services and routes there is nothing to plan."""
    documents = [d for d in asm() if d["kind"] != "Deployment"]
    assert lanes_of(*documents) == {"v1": "mocka v1", "v2": "mocka v2", "v3": "mocka v3"}
    assert problem_of(gateway()) == (Problem.NO_PODS, {})


def test_pods_that_are_assumed_are_those_of_the_version_services_too() -> None:
    of_version = service("a-v2", selector={"app": "a", "version": "v2"})
    named = put(service("a"), "spec.ports[0].targetPort", "web")
    assert lanes_of(named, of_version, at_gateway(to("a"))) == {"untagged": "a v2"}


def test_manifests_without_an_entrance() -> None:
    documents = [d for d in asm() if d["spec"].get("gateways") is None]
    assert problem_of(*documents) == (Problem.NO_GATEWAY, {})


def test_a_path_that_is_not_served() -> None:
    way = virtual_service(
        "*", rule(to("mocka"), match=[{"uri": {"prefix": "/x"}}]), gateways=["demo-gateway"]
    )
    documents = [d for d in asm() if d["spec"].get("gateways") is None]
    assert plan_of(*documents, way).path == "/x"
    unserved = problem_of(*documents, way, path="/y")
    assert unserved == (Problem.NO_GATEWAY_RULE, {"path": "/y"})


def test_a_header_that_first_clears_the_clients() -> None:
    headers = [{"request": {"remove": ["version"], "set": {"version": v}}} for v in ("v1", "v2")]
    assert [lane.name for lane in plan_of(*setting(*headers)).lanes] == ["v1", "v2"]


def test_a_rules_own_headers_win_over_its_destinations() -> None:
    one = at_gateway(to("a", "v2", headers=sets("version", "v2")), headers=sets("version", "v1"))
    documents = [d for d in setting({}, {}) if d["spec"].get("gateways") is None]
    assert [lane.name for lane in plan_of(*documents, one).lanes] == ["v1"]


@pytest.mark.parametrize("documents", [asm(), istio(), gateway_api()])
def test_what_the_gateway_sets_no_client_has_to_send(documents: list[Document]) -> None:
    assert plan_of(*documents).unset_headers == ()


@pytest.mark.parametrize(
    ("domain", "served"),
    [
        ("one.org", True),
        ("ONE.org", True),
        ("one.org:8080", True),
        ("one.org:http", False),
        ("www.one.org", False),
        ("[::1]", False),
    ],
)
def test_a_host_is_served_whatever_port_it_names(domain: str, served: bool) -> None:
    way = virtual_service("one.org", rule(to("mocka", "v1")), gateways=["demo-gateway"])
    assert serves(mesh_of(*asm(), way), domain) is True  # by *
    assert serves(mesh_of(*asm()[3:], gateway("one.org"), way), domain) is served


def test_a_host_that_the_gateway_does_not_serve() -> None:
    documents = [d for d in asm() if d["spec"].get("gateways") is None]
    way = virtual_service("one.org", rule(to("mocka", "v1")), gateways=["demo-gateway"])
    found = {"host": "two.org", "served": "one.org"}
    assert problem_of(*documents, way, domain="two.org") == (Problem.HOST_NOT_SERVED, found)


def test_a_propagation_that_does_not_act_on_the_first_service() -> None:
    chain = {"a": (("v1", "v2"), ()), "b": (("v1",), ())}
    documents = [d for d in asm(chain, {"v1": 1, "v2": 1}) if d["kind"] != "ASMHeaderPropagation"]
    elsewhere = header_propagation("version", labels={"app": "b"})
    assert lanes_of(*documents, elsewhere)["untagged"] == "a v1 50% v2 50%"


def test_a_lane_that_is_named_otherwise_than_its_version() -> None:
    documents = setting(sets("version", "stable"), sets("version", "canary"))
    assert lanes_of(*documents) == {"stable": "a v1", "canary": "a v2"}


def test_a_lane_that_a_rule_names_otherwise_than_its_version() -> None:
    canary = [rule(to("b", "v2"), match=[header_is("version", "v2")]), rule(to("b", "v1"))]
    documents = [
        put(d, "spec.http[0].route[1].headers", sets("version", "canary"))
        if d["spec"].get("gateways")
        else d
        for d in pair(rules=tuple(canary))
    ]
    canary[0] = rule(to("b", "v2"), match=[header_is("version", "canary")])
    documents[-1] = virtual_service("b", *canary)
    found = plan_of(*documents).lanes[1]
    assert [(hop.version, hop.reason) for hop in found.path][1] == ("v2", Reason.MATCH)


def test_a_mesh_without_a_gateway_resource_still_has_its_entrance() -> None:
    documents = [d for d in asm() if d["kind"] != "Gateway"]
    assert lanes_of(*documents) == SAMPLE_PATHS
    assert problem_of(*documents, gateway(name="other"))[0] is Problem.NO_GATEWAY


def test_a_missing_entry_is_none_and_nothing_comes_behind_it() -> None:
    documents = asm({"a": (("v1",), ("b",)), "b": (("v1",), ())}, {"v1": 1, "v2": 1}, strict=True)
    assert lanes_of(*documents) == {"v1": "a v1, b v1", "v2": "a -"}


def test_pods_without_a_version_are_told_as_such() -> None:
    bare = without(deployment("b"), "spec.template.metadata.labels.version")
    bare = put(bare, "spec.template.spec.containers[0].env[1].value", "")
    documents = [*asm({"a": (("v1",), ("b",))}, {"v1": 1}), service("b"), bare]
    assert [(h.service, h.versions, h.reason) for h in plan_of(*documents).lanes[0].path] == [
        ("a", ("v1",), Reason.MATCH),
        ("b", ("",), Reason.FALLBACK),
    ]


def test_a_pod_that_does_not_carry_baggage_ends_the_lane() -> None:
    off = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"}
    documents = [
        deployment("mocka", "v3", "mockb", env=off) if d["metadata"]["name"] == "mocka-v3" else d
        for d in asm()
    ]
    lost = {**SAMPLE_PATHS, "v3": "mocka v3, mockb v1 !, mockc v1 *"}
    assert lanes_of(*documents) == lost
    one_of_two = deployment("mocka", "v3", "mockb", env=off, name="mocka-off")
    assert lanes_of(*asm(), one_of_two) == lost


def test_a_first_service_without_pods_is_none_and_its_lanes_have_names() -> None:
    documents = [d for d in asm() if not d["metadata"]["name"].startswith("mocka-")]
    assert lanes_of(*documents) == dict.fromkeys(("v1", "v2", "v3"), "mocka -")


def test_more_lanes_and_rules_than_are_planned_together(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = mesh_of(*asm())
    lanes, services = len(plan(mesh).lanes), len(mesh.ports)
    rules = sum(len(port.routes) for port in mesh.ports)
    monkeypatch.setattr(
        "lanes.planning.lane_context.MOST_TRIALS", lanes * (rules + 12 * services) - 1
    )
    counts = {"lanes": lanes, "services": services, "rules": rules}
    assert problem_of(*asm()) == (Problem.TOO_MUCH_TO_PLAN, counts)
