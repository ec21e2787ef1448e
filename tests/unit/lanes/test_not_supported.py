"""What is not supported is left out and marked, and the rest is planned."""

import json
from pathlib import Path

import pytest

from lanes.errors import LanesError
from lanes.mesh.model import Host
from lanes.planning.hop import Hop, Reason
from lanes.planning.plan import plan
from lanes.planning.result import Plan
from lanes.reading.reader import read
from lanes.reading.resolve import resolve
from tests.kube import (
    Document,
    backend,
    deployment,
    destination_rule,
    foreign,
    gateway,
    header_is,
    header_propagation,
    http_route,
    istio,
    put,
    route_rule,
    rule,
    service,
    to,
    to_service,
    virtual_service,
    write,
)
from tests.unit.lanes.reading import config_of
from tests.unit.lanes.test_cli import lanes

NEW = "may choose routes, and is not supported; correct or remove it"


def changed(kind: str, name: str, path: str, value: object) -> list[Document]:
    """The sample with one field of one resource set."""
    documents = list(istio())
    for number, document in enumerate(documents):
        if (document["kind"], document["metadata"]["name"]) == (kind, name):
            documents[number] = put(document, path, value)
            return documents
    raise AssertionError(f"no {kind} {name}")


def plan_partly(folder: Path, *documents: Document) -> Plan:
    return plan(resolve(read([write(folder, *documents)], strict=False), strict=False))


def hops(planned: Plan, service: str) -> dict[str, Hop]:
    return {lane.name: hop for lane in planned.lanes for hop in lane.path if hop.service == service}


LANE_RULE = changed("VirtualService", "mockb", "spec.http[0].newField", "x")
EVERY_RULE = changed("VirtualService", "mockb", "spec.newField", "x")
SUBSETS = changed("DestinationRule", "mockb", "spec.trafficPolicy.newField", "x")
ONE_VERSION = {"app": "mockb", "version": "v3"}
SERVICE = [*istio(), header_propagation("x", labels=ONE_VERSION)]


@pytest.mark.parametrize(
    ("documents", "unknown", "why"),
    [
        (LANE_RULE, {"v2"}, "VirtualService mockb: spec.http[0].newField is not supported"),
        (EVERY_RULE, {"v1", "v2", "v3"}, "VirtualService mockb: spec.newField is not supported"),
        (
            SUBSETS,
            {"v1", "v2", "v3"},
            "DestinationRule mockb: spec.trafficPolicy.newField is not supported",
        ),
        (
            SERVICE,
            {"v1", "v2", "v3"},
            "Service mockb: spec.selector: its pods differ in header propagation, which is not"
            " emulated; let an ASMHeaderPropagation select all of a Service's pods or none",
        ),
        (
            [*istio(), http_route("r", to_service("mockb"), route_rule(backend("mockb")))],
            {"v1", "v2", "v3"},
            "VirtualService mockb: spec.hosts[0]: mockb already has HTTPRoute r; keep one kind",
        ),
        (
            changed("VirtualService", "mockb", "spec.http", [rule(to("mockb", port=1))]),
            {"v1", "v2", "v3"},
            "VirtualService mockb: spec.http[0].route[0].destination.port: name one of mockb's"
            " ports: 8000",
        ),
    ],
)
def test_what_depends_on_it_is_marked_and_the_rest_planned(
    tmp_path: Path, documents: list[Document], unknown: set[str], why: str
) -> None:
    planned = plan_partly(tmp_path, *documents)
    found = hops(planned, "mockb")
    marked = {name: hop for name, hop in found.items() if hop.reason == Reason.UNSUPPORTED}
    assert marked.keys() == unknown
    assert {hop.unsupported for hop in marked.values()} == {why}
    mockb = Host("mockb", "default")
    assert {host for hop in marked.values() for host in hop.hosts} == {mockb}
    assert all(hop.place.resource for hop in marked.values())
    assert all(hop.versions == () and hop.upstreams == () for hop in marked.values())
    assert all(hop.version for name, hop in found.items() if name not in unknown)
    assert {hop.version for hop in hops(planned, "mocka").values()} == {"v1", "v2", "v3"}


def test_an_entry_hop_that_is_not_supported_has_its_port(tmp_path: Path) -> None:
    lane = [header_is("x-lane", "v2")]
    to_api = virtual_service(
        "*",
        rule(to("api", port=9000), match=lane),
        rule(to("shop")),
        gateways=["demo-gateway"],
        name="web",
    )
    planned = plan_partly(
        tmp_path,
        *(gateway(), to_api, service("shop"), foreign("shop", CART_URL="http://cart:8000/")),
        *(service("api", {"name": "http", "port": 9000}), deployment("api")),
        put(destination_rule("api"), "spec.trafficPolicy", {"newField": "x"}),
        *(service("cart"), deployment("cart"), deployment("cart", "v2")),
        destination_rule("cart", "v1", "v2"),
        virtual_service("cart", rule(to("cart", "v2"), match=lane), rule(to("cart", "v1"))),
    )
    found = hops(planned, "api").values()
    assert [(hop.reason, hop.port) for hop in found] == [(Reason.UNSUPPORTED, 9000)]


def test_a_virtual_service_that_a_cluster_refuses_is_left_out_alone(tmp_path: Path) -> None:
    star = virtual_service("*", rule(to("mockb", "v1")), gateways=["mesh"], name="star")
    mesh = resolve(read([write(tmp_path, *istio(), star)], strict=False), strict=False)
    assert [str(error).split(": ")[1] for error in mesh.not_supported] == ["VirtualService star"]
    assert plan(mesh).lanes == plan_partly(tmp_path, *istio()).lanes


def test_the_laptop_mesh_answers_501(tmp_path: Path) -> None:
    partly = read([write(tmp_path, *LANE_RULE)], strict=False)
    found = config_of(resolve(partly, strict=False))["static_resources"]["listeners"][1]
    (chain,) = found["filter_chains"][0]["filters"]
    hosts = chain["typed_config"]["route_config"]["virtual_hosts"]
    (routes,) = [one["routes"] for one in hosts if one["name"].startswith("mockb.")]
    first, *others = routes
    assert [one["name"] for one in first["match"]["headers"]] == ["baggage"]
    assert first["direct_response"]["status"] == 501
    assert "spec.http[0].newField" in first["direct_response"]["body"]["inline_string"]
    assert all("route" in one for one in others)


def test_strict_refuses_the_same_documents(tmp_path: Path) -> None:
    for documents in (LANE_RULE, EVERY_RULE, SUBSETS, SERVICE):
        with pytest.raises(LanesError, match=r"not (supported|emulated)"):
            resolve(read([write(tmp_path, *documents)]))


def test_the_command_tells_and_marks_it(tmp_path: Path) -> None:
    file = write(tmp_path, *LANE_RULE)
    done = lanes("plan", file)
    assert done.exit_code == 0
    error = f"error: {file}: VirtualService mockb: spec.http[0].newField: {NEW}"
    mark = "? mockb, lane v2: not known: VirtualService mockb: spec.http[0].newField is not"
    joined = " ".join(done.stdout.split())
    assert error in joined
    assert mark in joined
    told = json.loads(lanes("plan", "--format", "json", file).stdout)
    assert [one["field"] for one in told["errors"]] == ["spec.http[0].newField"]
    strict = lanes("plan", "--strict", file)
    assert (strict.exit_code, strict.stdout) == (2, "")


def test_a_listener_is_left_out_and_the_others_serve(tmp_path: Path) -> None:
    servers = [
        {"port": {"number": 80, "protocol": "HTTP"}, "hosts": ["a.org"], "newField": "x"},
        {"port": {"number": 80, "protocol": "HTTP"}, "hosts": ["b.org"]},
    ]
    documents = changed("Gateway", "demo-gateway", "spec.servers", servers)
    assert plan_partly(tmp_path, *documents).domain == "b.org"


REST = istio()[1]["spec"]["http"]


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (
            [{"match": [header_is("x-lane", "v2"), {"uri": {"prefix": "/v2"}}]}, *REST],
            ["x-lane: v2", "path /v2"],
        ),
        # Nothing but its place names a rule for every request, and one without an example.
        ([*REST, {}], ["spec.http[1]"]),
        ([{"match": [header_is("x-lane", r"v3\b[^ ]", "regex")]}, *REST], ["spec.http[0]"]),
    ],
)
def test_a_rule_of_the_gateway_is_named_by_each_of_its_matches(
    tmp_path: Path, rules: list[Document], words: list[str]
) -> None:
    marked = [r if r in REST else {**r, "route": REST[0]["route"], "newField": "x"} for r in rules]
    planned = plan_partly(tmp_path, *changed("VirtualService", "any", "spec.http", marked))
    assert [(one.rule, one.reason) for one in planned.not_planned] == [
        (word, "not-supported") for word in words
    ]


def test_where_nothing_can_be_said_it_ends(tmp_path: Path) -> None:
    documents = changed("VirtualService", "any", "spec.http[0].newField", "x")
    with pytest.raises(LanesError, match="nothing can be planned: VirtualService any: "):
        plan_partly(tmp_path, *documents)
