"""The call graph from `--calls`, variables and annotations; services in no known path."""

from dataclasses import replace
from typing import Any

import pytest

from lanes.mesh.model import Host
from lanes.planning.call_graph import call_graph, known_calls, with_calls
from lanes.planning.cycles import alike
from lanes.planning.hop import CallKey, Hop, Reason
from lanes.planning.messages import Problem
from lanes.planning.result import Plan
from lanes.report.names import with_distinct_names
from lanes.report.plan import headline, one_line, plan_table
from lanes.report.plan_json import plan_json
from lanes.report.plan_warnings import NO_PORT, of_manifests
from tests.kube import (
    Document,
    deployment,
    destination_rule,
    foreign,
    header_is,
    put,
    rule,
    service,
    to,
    virtual_service,
)
from tests.unit.lanes.reading import mesh_of, plan_of, problem_of

NEXT_LANE = rule(to("cart", "v2"), match=[header_is("baggage", "lane=next")])


def shop(annotation: str = "", **env: str) -> list[Document]:
    """Return shop with an annotation of its calls and variables, cart with two versions, users."""
    entry = service("shop")
    if annotation:
        entry = put(entry, "metadata.annotations", {"traffic-lanes/calls": annotation})
    return [
        virtual_service("*", rule(to("shop")), gateways=["gw"]),
        entry,
        foreign("shop", **env),
        service("cart"),
        *(foreign("cart", v) for v in ("v1", "v2")),
        destination_rule("cart", "v1", "v2"),
        virtual_service("cart", NEXT_LANE, rule(to("cart", "v1"))),
        service("users"),
        foreign("users"),
    ]


def paths(planned: Plan) -> list[str]:
    return [one_line(lane) for lane in planned.lanes]


BOTH = ["shop v1, cart v1, users v1", "shop v1 *, cart v2, users v1 *"]


@pytest.mark.parametrize(
    ("documents", "options"),
    [
        (shop("cart, users"), {}),
        (shop("cart:8000,http://users.default:8000/x"), {}),
        (shop(CART_ADDR="cart:8000", USERS_URL="http://users:8000/?of=a,b", NAME="users"), {}),
        (shop(CART="grpc://cart:8000", USERS="dns:///users:8000"), {}),
        (shop(BOTH="cart:8000, users:8000"), {}),
        (shop(OTHER="nobody:8000", CART="cart:8000", USERS="users:8000"), {}),
        (shop(), {"calls": {"shop": ("cart", "users")}}),
        (shop("users"), {"calls": {"shop.default": ("cart", "users")}}),
        (shop("cart,users", CART_ADDR="users:8000"), {}),
    ],
)
def test_sources_of_calls(documents: list[Document], options: dict[str, Any]) -> None:
    planned = plan_of(*documents, **options)
    assert (paths(planned), planned.unreached) == (BOTH, ())


@pytest.mark.parametrize(
    "env",
    [
        {"DB": "postgres://cart:8000/x", "CACHE": "redis://users:8000"},
        {"LIST": "cart:8000,other:8000"},
        {"HOST": "cart", "PORT": "8000", "OTEL_X": "http://cart:8000"},
        {"OWN": "shop:8000"},
    ],
)
def test_variables_that_are_not_calls(env: dict[str, str]) -> None:
    planned = plan_of(*shop(**env))
    assert (paths(planned)[0], planned.unreached) == ("shop v1", ("cart", "users"))


def test_the_sample_calls_only_the_upstreams_of_upstream_url() -> None:
    others = [d for d in shop() if d["metadata"]["name"] != "shop-v1"]
    sample = deployment("shop", env={"CART_URL": "http://cart:8000"})
    assert paths(plan_of(*others, sample))[0] == "shop v1"


def test_a_list_of_ports_without_http_is_not_calls() -> None:
    documents = [
        put(d, "spec.ports[0].name", "tcp-kafka") if d["kind"] == "Service" else d
        for d in shop(BROKERS="cart:8000,users:8000")
    ]
    assert paths(plan_of(*documents))[0] == "shop v1"


def test_a_variable_with_a_port_that_its_service_lacks_is_a_warning() -> None:
    env = {"CART": "http://cart:80/x", "BOTH": "users:8000,users:9000", "IMAGE": "users:7"}
    env |= {"LOW": "users:79", "HTTP": "users:80"}
    documents = shop(**env, OWN="shop:9000", STATSD="users:8125")
    datagrams = {"port": 8125, "protocol": "UDP", "name": "statsd"}
    users = next(
        d for d in documents if d["kind"] == "Service" and d["metadata"]["name"] == "users"
    )
    ports = [*users["spec"]["ports"], datagrams]
    documents[documents.index(users)] = put(users, "spec.ports", ports)
    mesh = mesh_of(*documents)
    findings = [finding for finding in of_manifests(mesh) if finding.rule == NO_PORT]
    assert {(finding.resource, finding.field) for finding in findings} == {
        ("Deployment shop-v1", "spec.template")
    }
    assert [finding.message for finding in findings] == [
        "CART names cart:80, and cart has port 8000 alone, so this is not planned as a call",
        "BOTH names users:9000, and users has port 8000 alone, so this is not planned as a call",
        "HTTP names users:80, and users has port 8000 alone, so this is not planned as a call",
    ]
    lines = headline(mesh, plan_of(*documents))
    assert all(f"warning: {finding}" in lines for finding in findings)


def test_unreached_services_are_marked() -> None:
    planned = plan_of(*shop())
    assert paths(planned) == ["shop v1", "shop v1 *"]
    assert planned.unreached == ("cart", "users")
    assert [hop.version for hop in planned.lanes[1].unreached] == ["v2", "v1"]
    assert plan_table(planned).headings[3:5] == ["cart ?", "users ?"]


def test_services_without_rules_are_unreached_only_if_calls_may_be_unknown() -> None:
    documents = [*shop("cart,users"), service("db"), foreign("db")]
    assert plan_of(*documents).unreached == ("db",)  # cart may call it
    no_calls = {"cart": (), "users": ()}
    assert plan_of(*documents, calls=no_calls).unreached == ()
    samples = [deployment("cart"), foreign("cart", "v2"), deployment("users")]
    others = [d for d in shop("cart,users") if d["kind"] != "Deployment"]
    assert plan_of(*others, foreign("shop"), *samples, service("db"), foreign("db")).unreached == ()
    empty = [service("empty"), virtual_service("empty", rule(to("empty")))]  # no pods
    all_calls = {"shop": ("cart", "users", "empty"), **no_calls}
    assert plan_of(*documents, *empty, calls=all_calls).unreached == ()
    alias = service("a-shop", selector={"app": "shop"})  # has the pods of shop
    ruled = [
        virtual_service(name, rule(to(name), match=[{"uri": {"prefix": "/x"}}]))
        for name in ("a-shop", "db")
    ]
    assert plan_of(*shop(), alias, ruled[0], calls={"shop": ()}).unreached == ("cart",)
    assert plan_of(*documents, alias, *ruled, calls=no_calls).unreached == ("db",)
    plain = virtual_service("db", rule(to("db"), timeout="1s"))
    assert plan_of(*documents, plain, calls=no_calls).unreached == ()


@pytest.mark.parametrize(
    ("calls", "problem"),
    [
        ({"shop": ("carts",)}, (Problem.UNKNOWN_CALLEE, {"caller": "shop", "target": "carts"})),
        ({"shops": ("cart",)}, (Problem.UNKNOWN_CALLER, {"caller": "shops"})),
    ],
)
def test_calls_with_an_unknown_service_are_an_error(
    calls: dict[str, tuple[str, ...]], problem: tuple[Problem, dict[str, str]]
) -> None:
    assert problem_of(*shop(), calls=calls) == problem


def test_assumed_headers_are_listed_by_service() -> None:
    planned = plan_of(*shop("cart,users"))
    assert planned.assumed == {"shop": "baggage"}
    both = [*shop(), deployment("shop", "v2")]  # the sample propagates baggage
    assert plan_of(*both, calls={"shop": ("cart",)}).assumed == {"shop": "baggage"}
    by_header = rule(to("cart", "v2"), match=[header_is("end-user", "jason")])
    documents = [*shop("cart")[:-3], virtual_service("cart", by_header, rule(to("cart", "v1")))]
    assert plan_of(*documents).assumed == {"shop": "end-user"}


def test_calls_of_a_service_are_named_by_the_app_of_its_pods() -> None:
    documents = shop()
    page = put(documents[1], "metadata.name", "page")
    entry = virtual_service("*", rule(to("page")), gateways=["gw"])
    planned = plan_of(entry, page, *documents[2:], calls={"shop": ("cart", "users")})
    assert paths(planned)[0] == "page v1, cart v1, users v1"


def test_calls_of_upstream_url_are_always_made_and_others_may_not_be() -> None:
    entry = virtual_service("*", rule(to("page")), gateways=["gw"])
    back = [service("cart"), foreign("cart", PAGE="page:8000")]
    planned = plan_of(entry, service("page"), deployment("page", "v1", "cart"), *back)
    assert planned.lanes[0].optional_cycles == {("cart", "page")}
    assert [hop.may_stop for hop in planned.lanes[0].path[:2]] == [False, True]
    more = {"page": ("http://cart:8000/", "http://users:8000/")}
    documents = [entry, service("page"), deployment("page", "v1", "cart"), *shop()[3:]]
    assert plan_of(*documents, calls=more).lanes[0].entry.may_stop


def test_cycles_with_the_same_versions_are_alike() -> None:
    def cycle(version: str, port: int) -> tuple[Hop, dict[CallKey, Hop]]:
        key = CallKey(Host("a", ""), port)
        again = Hop("a", (version,), Reason.MATCH, repeats=key)
        hop = replace(again, repeats=None, upstreams=(again,))
        return hop, {key: hop}

    first, same, different = cycle("v1", 1), cycle("v1", 2), cycle("v2", 3)
    known = first[1] | same[1] | different[1]

    def whole(hop: Hop) -> Hop:
        return known[hop.repeats] if hop.repeats else hop

    assert alike((first[0],), (same[0],), whole)
    assert not alike((first[0],), (different[0],), whole)
    assert not alike((first[0],), (replace(first[0], upstreams=()),), whole)


def test_a_hop_with_several_callers_is_once_in_a_walk() -> None:
    last = Hop("d", ("v1",), Reason.MATCH)
    both = [Hop(name, ("v1",), Reason.MATCH, (last,)) for name in ("b", "c")]
    entry = Hop("a", ("v1",), Reason.MATCH, tuple(both))
    assert [hop.service for hop in entry.walk()] == ["a", "b", "d", "c"]
    assert [hop.service for hop in entry.calls()] == ["a", "b", "d", "c", "d"]


def test_an_annotated_cycle_ends_at_its_first_service() -> None:
    documents = shop("cart, users")
    cart = next(d for d in documents if d["kind"] == "Service" and d["metadata"]["name"] == "cart")
    documents[documents.index(cart)] = put(
        cart, "metadata.annotations", {"traffic-lanes/calls": "shop"}
    )
    planned = plan_of(*documents)
    assert paths(planned)[0] == "shop v1, cart v1, users v1"
    assert planned.lanes[0].optional_cycles == {("shop", "cart"), ("cart", "shop")}


def test_a_host_outside_the_mesh_is_a_service_only_if_it_has_lanes() -> None:
    def external(host: str) -> Document:
        ports = [{"number": 80, "name": "http", "protocol": "HTTP"}]
        endpoints = [{"address": f"10.0.0.{n}", "labels": {"version": f"v{n}"}} for n in (1, 2)]
        spec = {"hosts": [host], "ports": ports, "endpoints": endpoints}
        metadata = {"name": host, "namespace": "default"}
        api = "networking.istio.io/v1"
        return {"apiVersion": api, "kind": "ServiceEntry", "metadata": metadata, "spec": spec}

    documents = [*shop(API="http://users.example.org"), external("users.example.org")]
    planned, mesh = plan_of(*documents), mesh_of(*documents)
    assert (paths(planned)[0], planned.unreached) == ("shop v1", ("cart", "users"))
    assert headline(mesh, planned)[0].startswith("3 services, 4 pods, ")
    host = "users.example.org"
    lane_rules = [
        destination_rule(host, "v1", "v2"),
        virtual_service(host, rule(to(host, "v2"), match=NEXT_LANE["match"]), rule(to(host, "v1"))),
    ]
    assert paths(plan_of(*documents, *lane_rules))[1] == "shop v1 *, users.example.org v2"
    onward = virtual_service(host, rule(to(host, weight=1), to("users", weight=1)))
    assert paths(plan_of(*documents, onward))[0].startswith("shop v1, users.example.org ")
    split = virtual_service(host, rule(to(host, weight=1), to(host, "v2", weight=1)))
    assert (
        paths(plan_of(*documents, *lane_rules[:1], split))[0] == "shop v1, users.example.org v1|v2"
    )
    uncalled = plan_of(*shop(), external(host), *lane_rules)
    assert uncalled.unreached == ("cart", "users", "users.example.org")
    assert plan_of(*documents, *lane_rules, calls={"shop": (host,)}).unreached == ("cart", "users")


@pytest.mark.parametrize(
    ("rules", "answer"),
    [
        # The path of the first rule with a destination, or else "/".
        ([rule(to("cart", "v2"), match=[{"uri": {"prefix": "/items"}}])], (("v2",), 200)),
        ([{"match": [{"uri": {"exact": "/"}}], "redirect": {"uri": "/x"}}], ((), 301)),
    ],
)
def test_the_answer_of_an_unreached_service(
    rules: list[Document], answer: tuple[tuple[str, ...], int]
) -> None:
    documents = [d for d in shop() if d["kind"] != "VirtualService" or "gateways" in d["spec"]]
    planned = plan_of(*documents, virtual_service("cart", *rules))
    hop = planned.lanes[0].unreached[0]
    assert (hop.service, hop.versions, hop.status) == ("cart", *answer)


def test_the_annotation_of_a_rules_destination_names_the_calls() -> None:
    calls = {"traffic-lanes/calls": "users"}
    basket = put(service("basket", selector={"app": "cart"}), "metadata.annotations", calls)
    onward = virtual_service("cart", rule(to("basket")))
    documents = [
        d for d in shop("cart") if d["metadata"]["name"] != "cart" or d["kind"] == "Service"
    ]
    assert paths(plan_of(*documents, basket, onward)) == ["shop v1, cart v1|v2, users v1"]


def test_services_with_one_name_are_shown_with_their_namespace() -> None:
    elsewhere = [
        put(d, "metadata.namespace", "other") for d in (service("cart"), foreign("cart", "v7"))
    ]
    planned = plan_of(*shop("users"), *elsewhere, calls={"shop": ("cart", "users")})
    assert planned.unreached == ("cart.other",)
    assert plan_of(*shop(), *elsewhere, calls={"shop": planned.unreached}).unreached == (
        "cart.default",
        "users.default",
    )
    headings = plan_table(with_distinct_names(planned)).headings
    assert headings[2:6] == ["shop", "cart.default", "users", "cart.other ?"]
    lane = plan_json(mesh_of(*shop(), *elsewhere), planned)["lanes"][0]
    hops = [(hop["service"], hop["namespace"]) for hop in (*lane["path"], *lane["unreached"])]
    assert hops[1::2] == [("cart", "default"), ("cart", "other")]


def test_known_calls_are_those_of_other_services() -> None:
    expected = {"shop": ("cart", "users")}
    assert known_calls(call_graph(mesh_of(*shop("cart,users")))) == expected
    assert known_calls(call_graph(mesh_of(*shop("cart,users,shop")))) == expected
    alias = service("a-shop", selector={"app": "shop"})
    assert known_calls(call_graph(mesh_of(*shop("cart,users"), alias))) == expected


def test_stand_ins_make_the_calls_of_the_option() -> None:
    mesh = with_calls(mesh_of(*shop("cart")), {"cart": ("shop",)})
    assert {host.name: upstreams for host, upstreams in mesh.calls.items()} == {
        "shop": ("cart",),
        "cart": ("shop",),
    }
