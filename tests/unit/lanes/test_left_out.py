"""What a plan leaves out: rules that no call matches, other ports of Services, and databases."""

import re

import pytest

from lanes.planning.callers_view import as_called
from lanes.planning.chosen_ports import with_ports
from lanes.planning.messages import PlanError
from lanes.planning.plan import plan
from lanes.reading.kinds.core import ServiceSpec
from lanes.reading.protocols import database_port
from tests.kube import (
    Document,
    deployment,
    destination_rule,
    foreign,
    gateway,
    header_is,
    put,
    rule,
    service,
    to,
    virtual_service,
)
from tests.unit.lanes.reading import lanes_of, mesh_of, plan_of

CART = [deployment("cart"), deployment("cart", "v2"), destination_rule("cart", "v1", "v2")]
AT = virtual_service("*", rule(to("shop")), gateways=["demo-gateway"], name="web")
REST = rule(to("cart", "v1"))


def shop(**env: str) -> list[Document]:
    return [gateway(), AT, service("shop"), foreign("shop", **env)]


def v2(**match: object) -> Document:
    return rule(to("cart", "v2"), match=[dict(match)])


LANE = header_is("x-lane", "v2")["headers"]


@pytest.mark.parametrize(
    ("first", "url", "found"),
    [
        (v2(uri={"prefix": "/items"}), "http://cart:8000/", ["cart, path /items"]),
        (v2(uri={"prefix": "/items"}), "http://cart:8000/items/7", []),
        (v2(method={"exact": "POST"}), "http://cart:8000/", ["cart, method POST"]),
        (v2(queryParams={"q": {"exact": "1"}}), "http://cart:8000/", ["cart, path /?q=1"]),
        (v2(queryParams={"q": {"exact": "1"}}), "http://cart:8000/?q=1", []),
        (
            v2(headers=LANE, method={"exact": "POST"}),
            "http://cart:8000/",
            ["cart, x-lane: v2 and method POST"],
        ),
        (v2(headers=LANE), "http://cart:8000/", []),
    ],
)
def test_mesh_rules_that_no_planned_call_matches(
    first: Document, url: str, found: list[str]
) -> None:
    rules = virtual_service("cart", first, REST)
    planned = plan_of(*shop(CART_URL=url), service("cart"), *CART, rules)
    assert [str(one) for one in planned.other_rules] == found


def test_mesh_rules_do_not_apply_to_the_gateways_requests() -> None:
    rules = virtual_service("shop", rule(to("shop"), match=[{"uri": {"prefix": "/x"}}]))
    assert plan_of(*shop(), rules).other_rules == ()
    lane = rule(to("shop", "v2"), match=[header_is("x-lane", "v2")])
    subsets = [foreign("shop", "v2"), destination_rule("shop", "v1", "v2")]
    at = put(AT, "spec.http", [lane, rule(to("shop", "v1"))])
    two = plan_of(gateway(), at, *shop()[2:], *subsets, rules)
    assert (len(two.lanes), two.other_rules) == (2, ())


TWO: list[Document] = [{"name": "http", "port": 8000}, {"name": "http-admin", "port": 9000}]


@pytest.mark.parametrize(
    ("url", "ports", "found"),
    [
        ("http://cart:8000/", TWO, ["cart is planned at port 8000, and not at 9000"]),
        ("http://cart:9000/", TWO, ["cart is planned at port 9000, and not at 8000"]),
        ("http://cart:8000/", TWO[:1], []),
        ("http://cart:8000/", [TWO[0], {"name": "tcp-x", "port": 9000}], []),
        ("http://cart:8000/", [TWO[0], {"name": "dns", "port": 53, "protocol": "UDP"}], []),
    ],
)
def test_the_port_that_is_planned_is_named(
    url: str, ports: list[Document], found: list[str]
) -> None:
    planned = plan_of(*shop(CART_URL=url), service("cart", *ports), *CART)
    assert [str(one) for one in planned.ports] == found


def test_the_planned_port_of_the_entry_service() -> None:
    at = put(AT, "spec.http[0].route[0].destination.port", {"number": 9000})
    documents = [gateway(), at, service("shop", *TWO), deployment("shop")]
    assert [str(one) for one in plan_of(*documents).ports] == [
        "shop is planned at port 9000, and not at 8000"
    ]


def test_the_planned_port_where_the_gateway_splits_between_services() -> None:
    split = rule(*(to(f"shop-{v}", weight=1, port=8000) for v in ("v1", "v2")))
    own = [service(f"shop-{v}", *TWO, selector={"app": "shop", "version": v}) for v in ("v1", "v2")]
    pods = [deployment("shop"), deployment("shop", "v2")]
    planned = plan_of(gateway(), put(AT, "spec.http", [split]), *own, *pods)
    assert [str(one) for one in planned.ports] == [
        "shop-v1 is planned at port 8000, and not at 9000"
    ]


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (1433, "SQL Server"),
        (1521, "Oracle"),
        (2181, "ZooKeeper"),
        (2379, "etcd"),
        (3306, "MySQL"),
        (4222, "NATS"),
        (5432, "PostgreSQL"),
        (5672, "AMQP"),
        (6379, "Redis"),
        (8529, "ArangoDB"),
        (9042, "Cassandra"),
        (9092, "Kafka"),
        (11211, "memcached"),
        (26257, "CockroachDB"),
        (27017, "MongoDB"),
    ],
)
def test_the_ports_of_databases(number: int, name: str) -> None:
    spec = ServiceSpec.model_validate({"ports": [{"port": 80, "name": "http"}, {"port": number}]})
    port, found = database_port(spec) or (spec.ports[0], "")
    assert (port.port, found) == (number, name)


@pytest.mark.parametrize(
    ("port", "hop"),
    [
        ({"port": 6379}, False),
        ({"port": 5432, "name": "db"}, False),
        ({"port": 7777, "name": "tcp-cache"}, False),
        ({"port": 7777, "name": "redis"}, False),
        ({"port": 6379, "name": "http"}, True),
        ({"port": 7777, "name": "cache"}, True),
        ({"port": 7000, "name": "service"}, True),  # of Cassandra's nodes, and of many others
    ],
)
def test_databases_and_ports_without_http_are_not_hops(port: Document, hop: bool) -> None:
    data = [service("cart", port), foreign("cart")]
    planned = plan_of(*shop(CART_ADDR=f"cart:{port['port']}"), *data)
    assert [one.service for one in planned.lanes[0].path] == ["shop", "cart"][: 1 + hop]
    assert (planned.unreached, planned.assumed) == ((), {})


def test_a_database_is_never_unreached() -> None:
    assert lanes_of(*shop(), service("db", {"port": 5432}), foreign("db")) == {
        "untagged": "shop v1"
    }
    exporter: Document = {"name": "exporter", "port": 9187}
    for ports in ([{"port": 5432}], [exporter, {"name": "db", "port": 5432}]):
        assert plan_of(*shop(), service("db", *ports), foreign("db")).unreached == ()


def test_a_chosen_port_applies_to_calls_without_one() -> None:
    mesh = mesh_of(*shop(), service("cart", *TWO), *CART)
    calls = {"shop": ("cart",)}
    found = {
        number: [str(one) for one in plan(with_ports(mesh, {name: number}), calls=calls).ports]
        for name, number in (("cart", 9000), ("cart.default", 8000))
    }
    assert found == {
        9000: ["cart is planned at port 9000, and not at 8000"],
        8000: ["cart is planned at port 8000, and not at 9000"],
    }
    named = plan(with_ports(mesh, {"cart": 9000}), calls={"shop": ("http://cart:8000/",)})
    assert [str(one) for one in named.ports] == found[8000]
    assert len(with_ports(mesh, {"cart": 9000}).ports) == len(mesh.ports)
    alone = as_called(with_ports(mesh_of(service("cart", *TWO), *CART), {"cart": 9000}))
    assert plan(alone).lanes[0].entry.port == 9000


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({"cart": 7}, "--port cart=7: cart has no HTTP port 7 here, but 8000, 9000"),
        ({"car": 80}, "--port car=80: car has no HTTP port 80 here, but none"),
    ],
)
def test_a_chosen_port_that_does_not_exist(chosen: dict[str, int], sentence: str) -> None:
    mesh = mesh_of(service("cart", *TWO), *CART)
    with pytest.raises(PlanError, match=re.escape(sentence)):
        with_ports(mesh, chosen)
