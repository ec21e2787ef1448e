"""The host as a header: Envoy takes `Host` for `:authority`, in matches and changes."""

import json

import pytest

from tests.kube import (
    Document,
    api_gateway,
    backend,
    deployment,
    destination_rule,
    gateway,
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
)
from tests.unit.lanes.reading import config_of, lanes_of, mesh_of, plan_of, refusal

A = [service("a"), deployment("a"), deployment("a", "v2"), destination_rule("a", "v1", "v2")]
NAMES = ["host", "Host", ":authority"]


def web(*rules: Document) -> list[Document]:
    return [*A, gateway(), virtual_service("*", *rules, gateways=["demo-gateway"])]


def to_v2(**match: Document) -> list[Document]:
    return web(rule(to("a", "v2"), match=[match]), rule(to("a", "v1")))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["exact", "prefix"])
def test_a_rule_for_a_host_by_its_header(name: str, how: str) -> None:
    documents = to_v2(headers={name: {how: "b.test"}})
    by_field = to_v2(authority={how: "b.test"})
    assert (
        lanes_of(*documents) == lanes_of(*by_field) == {"untagged": "a v1", "host b.test": "a v2"}
    )
    assert plan_of(*documents, domain="b.test").lanes[0].entry.version == "v2"
    assert config_of(mesh_of(*documents)) == config_of(mesh_of(*by_field))


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_for_other_hosts_than_one(name: str) -> None:
    documents = to_v2(withoutHeaders={name: {"exact": "b.test"}})
    assert plan_of(*documents, domain="b.test").lanes[0].entry.version == "v1"
    assert plan_of(*documents, domain="c.test").lanes[0].entry.version == "v2"


def test_a_route_of_the_gateway_api_by_the_host_header() -> None:
    selected = put(service("a-v2"), "spec.selector", {"app": "a", "version": "v2"})
    rules = [
        route_rule(backend("a-v2"), matches=[takes(headers={"Host": "b.test"})]),
        route_rule(backend("a")),
    ]
    documents = [*A, selected, api_gateway(), http_route("r", to_gateway(), *rules)]
    assert plan_of(*documents, domain="b.test").lanes[0].entry.version == "v2"
    assert plan_of(*documents, domain="c.test").lanes[0].entry.version == "v1|v2"


@pytest.mark.parametrize(
    ("match", "named"),
    [
        ({"authority": {"exact": "b"}, "headers": {"Host": {"exact": "b"}}}, "authority and Host"),
        ({"headers": {"host": {"exact": "b"}, ":authority": {}}}, "host and :authority"),
        ({"withoutHeaders": {"host": {}, "Host": {}}}, "host and Host"),
    ],
)
def test_two_conditions_on_the_host(match: dict[str, Document], named: str) -> None:
    assert f"matches the host by {named}; keep one" in refusal(*to_v2(**match))
    either: Document = {"authority": {"exact": "b"}, "withoutHeaders": {"host": {"exact": "c"}}}
    assert len(lanes_of(*to_v2(**either))) == 2


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["set", "add"])
def test_a_host_that_a_rule_sets_chooses_no_route(name: str, how: str) -> None:
    """It is forwarded; of a response, and to be removed, there is none."""
    changed = {"request": {how: {name: "b.test"}, "remove": [name]}, "response": {how: {name: "x"}}}
    plain = web(rule(to("a", "v1")))
    for at in ("spec.http[0].headers", "spec.http[0].route[0].headers"):
        documents = [*plain[:-1], put(plain[-1], at, changed)]
        assert lanes_of(*documents) == lanes_of(*plain)
        config = json.dumps(config_of(mesh_of(*documents)))
        assert config.count('"host_rewrite_literal": "b.test"') == 1
        assert '"headers_to_add"' not in config
        assert config.replace(', "host_rewrite_literal": "b.test"', "").replace(
            '"host_rewrite_literal": "b.test", ', ""
        ) == json.dumps(config_of(mesh_of(*plain)))


def test_a_split_that_sets_the_host_by_destination_has_one_path() -> None:
    legs = [to("a", "v1", weight=1), to("a", "v2", weight=1)]
    legs[1]["headers"] = {"request": {"set": {"Host": "b.test"}}}
    entered = [service("w"), deployment("w", "v1", "a"), gateway()]
    web = virtual_service("*", rule(to("w")), gateways=["demo-gateway"])
    planned = lanes_of(*A, *entered, web, virtual_service("a", rule(*legs)))
    assert planned == {"untagged": "w v1, a v1 50% v2 50%"}


def test_a_filter_of_a_route_sets_the_host() -> None:
    ruled = route_rule(backend("a"), filters=[sets("Host", "b.test")])
    mesh = mesh_of(*A, api_gateway(), http_route("r", to_gateway(), ruled))
    assert '"host_rewrite_literal": "b.test"' in json.dumps(config_of(mesh))


@pytest.mark.parametrize("name", NAMES)
def test_in_the_mesh_no_plan_knows_it(name: str) -> None:
    ruled = virtual_service("a", rule(to("a", "v2"), match=[{"headers": {name: {"exact": "a"}}}]))
    assert f"headers.{name}: manifests do not say which value clients send" in refusal(*A, ruled)
