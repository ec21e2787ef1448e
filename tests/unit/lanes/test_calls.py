"""Who calls whom: from the user, the environment, an annotation; and who is in no known path."""

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

NEXT = rule(to("cart", "v2"), match=[header_is("baggage", "lane=next")])


def shop(annotation: str = "", **env: str) -> list[Document]:
    page = service("shop")
    if annotation:
        page = put(page, "metadata.annotations", {"traffic-lanes/calls": annotation})
    return [
        virtual_service("*", rule(to("shop")), gateways=["gw"]),
        page,
        foreign("shop", **env),
        service("cart"),
        *(foreign("cart", v) for v in ("v1", "v2")),
        destination_rule("cart", "v1", "v2"),
        virtual_service("cart", NEXT, rule(to("cart", "v1"))),
        service("users"),
        foreign("users"),
    ]


def paths(planned: Plan) -> list[str]:
    return [one_line(lane) for lane in planned.lanes]


BOTH = ["shop v1, cart v1, users v1", "shop v1 *, cart v2, users v1 *"]


@pytest.mark.parametrize(
    ("documents", "where"),
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
def test_calls_are_told(documents: list[Document], where: dict[str, Any]) -> None:
    planned = plan_of(*documents, **where)
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
def test_what_is_not_taken_for_a_call(env: dict[str, str]) -> None:
    planned = plan_of(*shop(**env))
    assert (paths(planned)[0], planned.unreached) == ("shop v1", ("cart", "users"))


def test_the_sample_calls_what_upstream_url_names_and_nothing_else() -> None:
    others = [d for d in shop() if d["metadata"]["name"] != "shop-v1"]
    sample = deployment("shop", env={"CART_URL": "http://cart:8000"})
    assert paths(plan_of(*others, sample))[0] == "shop v1"


def test_a_list_of_what_speaks_no_http_is_none_of_calls() -> None:
    documents = [
        put(d, "spec.ports[0].name", "tcp-kafka") if d["kind"] == "Service" else d
        for d in shop(BROKERS="cart:8000,users:8000")
    ]
    assert paths(plan_of(*documents))[0] == "shop v1"


def test_a_call_to_a_port_that_is_not_there_is_told() -> None:
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
    found = [one for one in of_manifests(mesh) if one.rule == NO_PORT]
    assert {(one.resource, one.field) for one in found} == {("Deployment shop-v1", "spec.template")}
    assert [one.message for one in found] == [
        "CART names cart:80, and cart has port 8000 alone, so this is not planned as a call",
        "BOTH names users:9000, and users has port 8000 alone, so this is not planned as a call",
        "HTTP names users:80, and users has port 8000 alone, so this is not planned as a call",
    ]
    lines = headline(mesh, plan_of(*documents))
    assert all(f"warning: {one}" in lines for one in found)


def test_what_nobody_is_known_to_call_is_distinguished() -> None:
    planned = plan_of(*shop())
    assert paths(planned) == ["shop v1", "shop v1 *"]
    assert planned.unreached == ("cart", "users")
    assert [hop.version for hop in planned.lanes[1].unreached] == ["v2", "v1"]
    assert plan_table(planned).headings[3:5] == ["cart ?", "users ?"]


def test_where_all_calls_are_told_a_service_without_rules_needs_no_word() -> None:
    documents = [*shop("cart,users"), service("db"), foreign("db")]
    assert plan_of(*documents).unreached == ("db",)  # cart may call it, for all that is known
    silent = {"cart": (), "users": ()}
    assert plan_of(*documents, calls=silent).unreached == ()
    knowing = [deployment("cart"), foreign("cart", "v2"), deployment("users")]
    others = [d for d in shop("cart,users") if d["kind"] != "Deployment"]
    assert plan_of(*others, foreign("shop"), *knowing, service("db"), foreign("db")).unreached == ()
    empty = [service("empty"), virtual_service("empty", rule(to("empty")))]  # and has no pods
    called = {"shop": ("cart", "users", "empty"), **silent}
    assert plan_of(*documents, *empty, calls=called).unreached == ()
    alias = service("a-shop", selector={"app": "shop"})  # the pods of one that is reached
    ruled = [
        virtual_service(name, rule(to(name), match=[{"uri": {"prefix": "/x"}}]))
        for name in ("a-shop", "db")
    ]
    assert plan_of(*shop(), alias, ruled[0], calls={"shop": ()}).unreached == ("cart",)
    assert plan_of(*documents, alias, *ruled, calls=silent).unreached == ("db",)
    plain = virtual_service("db", rule(to("db"), timeout="1s"))
    assert plan_of(*documents, plain, calls=silent).unreached == ()


@pytest.mark.parametrize(
    ("calls", "problem"),
    [
        ({"shop": ("carts",)}, (Problem.UNKNOWN_CALLEE, {"caller": "shop", "target": "carts"})),
        ({"shops": ("cart",)}, (Problem.UNKNOWN_CALLER, {"caller": "shops"})),
    ],
)
def test_calls_of_what_is_no_service(
    calls: dict[str, tuple[str, ...]], problem: tuple[Problem, dict[str, str]]
) -> None:
    assert problem_of(*shop(), calls=calls) == problem


def test_what_is_assumed_is_told_with_the_service() -> None:
    planned = plan_of(*shop("cart,users"))
    assert planned.assumed == {"shop": "baggage"}
    both = [*shop(), deployment("shop", "v2")]  # the sample hands it on
    assert plan_of(*both, calls={"shop": ("cart",)}).assumed == {"shop": "baggage"}
    by_header = rule(to("cart", "v2"), match=[header_is("end-user", "jason")])
    documents = [*shop("cart")[:-3], virtual_service("cart", by_header, rule(to("cart", "v1")))]
    assert plan_of(*documents).assumed == {"shop": "end-user"}


def test_calls_are_those_of_pods_by_the_name_that_they_answer_with() -> None:
    documents = shop()
    page = put(documents[1], "metadata.name", "page")
    entry = virtual_service("*", rule(to("page")), gateways=["gw"])
    planned = plan_of(entry, page, *documents[2:], calls={"shop": ("cart", "users")})
    assert paths(planned)[0] == "page v1, cart v1, users v1"


def test_a_call_that_upstream_url_names_is_always_made() -> None:
    entry = virtual_service("*", rule(to("page")), gateways=["gw"])
    back = [service("cart"), foreign("cart", PAGE="page:8000")]
    planned = plan_of(entry, service("page"), deployment("page", "v1", "cart"), *back)
    assert planned.lanes[0].optional_cycles == {("cart", "page")}
    assert [hop.may_stop for hop in planned.lanes[0].path[:2]] == [False, True]
    more = {"page": ("http://cart:8000/", "http://users:8000/")}
    documents = [entry, service("page"), deployment("page", "v1", "cart"), *shop()[3:]]
    assert plan_of(*documents, calls=more).lanes[0].entry.may_stop


def test_cycles_that_answer_alike() -> None:
    def cycle(version: str, port: int) -> tuple[Hop, dict[CallKey, Hop]]:
        key = CallKey(Host("a", ""), port)
        again = Hop("a", (version,), Reason.MATCH, repeats=key)
        hop = replace(again, repeats=None, upstreams=(again,))
        return hop, {key: hop}

    one, other, different = cycle("v1", 1), cycle("v1", 2), cycle("v2", 3)
    known = one[1] | other[1] | different[1]

    def whole(hop: Hop) -> Hop:
        return known[hop.repeats] if hop.repeats else hop

    assert alike((one[0],), (other[0],), whole)
    assert not alike((one[0],), (different[0],), whole)
    assert not alike((one[0],), (replace(one[0], upstreams=()),), whole)


def test_a_hop_that_several_call_stands_once_in_a_path() -> None:
    last = Hop("d", ("v1",), Reason.MATCH)
    both = [Hop(name, ("v1",), Reason.MATCH, (last,)) for name in ("b", "c")]
    entry = Hop("a", ("v1",), Reason.MATCH, tuple(both))
    assert [hop.service for hop in entry.walk()] == ["a", "b", "d", "c"]
    assert [hop.service for hop in entry.calls()] == ["a", "b", "d", "c", "d"]


def test_a_cycle_of_calls_that_are_told_ends_where_it_began() -> None:
    documents = shop("cart, users")
    cart = next(d for d in documents if d["kind"] == "Service" and d["metadata"]["name"] == "cart")
    documents[documents.index(cart)] = put(
        cart, "metadata.annotations", {"traffic-lanes/calls": "shop"}
    )
    planned = plan_of(*documents)
    assert paths(planned)[0] == "shop v1, cart v1, users v1"
    assert planned.lanes[0].optional_cycles == {("shop", "cart"), ("cart", "shop")}


def test_a_host_outside_of_the_mesh_is_none_of_its_services() -> None:
    def entry(host: str) -> Document:
        ports = [{"number": 80, "name": "http", "protocol": "HTTP"}]
        ends = [{"address": f"10.0.0.{n}", "labels": {"version": f"v{n}"}} for n in (1, 2)]
        spec = {"hosts": [host], "ports": ports, "endpoints": ends}
        metadata = {"name": host, "namespace": "default"}
        api = "networking.istio.io/v1"
        return {"apiVersion": api, "kind": "ServiceEntry", "metadata": metadata, "spec": spec}

    documents = [*shop(API="http://users.example.org"), entry("users.example.org")]
    planned, mesh = plan_of(*documents), mesh_of(*documents)
    assert (paths(planned)[0], planned.unreached) == ("shop v1", ("cart", "users"))
    assert headline(mesh, planned)[0].startswith("3 services, 4 pods, ")
    host = "users.example.org"
    chosen = [
        destination_rule(host, "v1", "v2"),
        virtual_service(host, rule(to(host, "v2"), match=NEXT["match"]), rule(to(host, "v1"))),
    ]
    assert paths(plan_of(*documents, *chosen))[1] == "shop v1 *, users.example.org v2"
    onward = virtual_service(host, rule(to(host, weight=1), to("users", weight=1)))
    assert paths(plan_of(*documents, onward))[0].startswith("shop v1, users.example.org ")
    partly = virtual_service(host, rule(to(host, weight=1), to(host, "v2", weight=1)))
    assert paths(plan_of(*documents, *chosen[:1], partly))[0] == "shop v1, users.example.org v1|v2"
    told = plan_of(*shop(), entry(host), *chosen)
    assert told.unreached == ("cart", "users", "users.example.org")
    assert plan_of(*documents, *chosen, calls={"shop": (host,)}).unreached == ("cart", "users")


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        # Called by the first path that leads to a destination, or else by "/".
        ([rule(to("cart", "v2"), match=[{"uri": {"prefix": "/items"}}])], (("v2",), 200)),
        ([{"match": [{"uri": {"exact": "/"}}], "redirect": {"uri": "/x"}}], ((), 301)),
    ],
)
def test_what_a_service_in_no_known_path_would_answer(
    rules: list[Document], found: tuple[tuple[str, ...], int]
) -> None:
    documents = [d for d in shop() if d["kind"] != "VirtualService" or "gateways" in d["spec"]]
    planned = plan_of(*documents, virtual_service("cart", *rules))
    hop = planned.lanes[0].unreached[0]
    assert (hop.service, hop.versions, hop.status) == ("cart", *found)


def test_the_service_that_a_rule_leads_to_says_whom_it_calls() -> None:
    calls = {"traffic-lanes/calls": "users"}
    basket = put(service("basket", selector={"app": "cart"}), "metadata.annotations", calls)
    onward = virtual_service("cart", rule(to("basket")))
    documents = [
        d for d in shop("cart") if d["metadata"]["name"] != "cart" or d["kind"] == "Service"
    ]
    assert paths(plan_of(*documents, basket, onward)) == ["shop v1, cart v1|v2, users v1"]


def test_services_of_one_name_are_distinguished() -> None:
    there = [
        put(d, "metadata.namespace", "other") for d in (service("cart"), foreign("cart", "v7"))
    ]
    planned = plan_of(*shop("users"), *there, calls={"shop": ("cart", "users")})
    assert planned.unreached == ("cart.other",)
    assert plan_of(*shop(), *there, calls={"shop": planned.unreached}).unreached == (
        "cart.default",
        "users.default",
    )
    headings = plan_table(with_distinct_names(planned)).headings
    assert headings[2:6] == ["shop", "cart.default", "users", "cart.other ?"]
    lane = plan_json(mesh_of(*shop(), *there), planned)["lanes"][0]
    told = [(hop["service"], hop["namespace"]) for hop in (*lane["path"], *lane["unreached"])]
    assert told[1::2] == [("cart", "default"), ("cart", "other")]


def test_what_services_call_as_far_as_anything_tells() -> None:
    called = {"shop": ("cart", "users")}
    assert known_calls(call_graph(mesh_of(*shop("cart,users")))) == called
    assert known_calls(call_graph(mesh_of(*shop("cart,users,shop")))) == called
    alias = service("a-shop", selector={"app": "shop"})
    assert known_calls(call_graph(mesh_of(*shop("cart,users"), alias))) == called


def test_what_the_user_says_is_what_stand_ins_call() -> None:
    mesh = with_calls(mesh_of(*shop("cart")), {"cart": ("shop",)})
    assert {host.name: called for host, called in mesh.calls.items()} == {
        "shop": ("cart",),
        "cart": ("shop",),
    }
