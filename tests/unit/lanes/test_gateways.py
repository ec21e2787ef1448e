"""Gateways: which one a route is bound to, and what requests there get, as with the real istiod."""

from typing import Any

import pytest

from lanes.lint.check import lint
from lanes.mesh.hostnames import Served, gateway_meant
from lanes.planning.lanes import NotPlanned
from tests.kube import (
    Document,
    api_gateway,
    backend,
    deployment,
    exported,
    gateway,
    header_is,
    http_route,
    put,
    route_rule,
    rule,
    service,
    to,
    to_gateway,
    virtual_service,
    write,
)
from tests.unit.lanes.reading import lanes_of, mesh_of, plan_of, refusal

SERVICES = [d for name in ("one", "two") for d in (service(name), deployment(name))]


def bound(*rules: Document, name: str = "web", to: str = "demo-gateway", **more: Any) -> Document:
    """A VirtualService bound to one gateway."""
    return virtual_service("*", *rules, gateways=[to], name=name, **more)


def warnings(*documents: Document) -> list[tuple[str, str]]:
    return [(one.resource, one.message) for one in mesh_of(*documents).warnings]


NAMES = ["./web", "shop/web", "web.shop", "web.shop.svc.cluster.local", "web.shop.svc", "web"]


@pytest.mark.parametrize("name", NAMES)
def test_the_names_of_a_gateway(name: str, tmp_path: Any) -> None:
    assert gateway_meant(name, "shop") == ("shop", "web")
    matched = rule(to("one"), match=[{"gateways": [name]}])
    documents = [put(one, "metadata.namespace", "shop") for one in SERVICES]
    documents += [gateway(name="web", namespace="shop"), bound(matched, to=name, namespace="shop")]
    assert lanes_of(*documents) == {"untagged": "one v1"}
    assert mesh_of(*documents).warnings == ()
    report = lint([write(tmp_path, *documents)])
    assert not [f for f in report.findings if f.rule.startswith(("TL018", "TL019", "TL032"))]


@pytest.mark.parametrize(
    ("served", "wanted", "found"),
    [
        (["*"], ["a.org"], ["a.org"]),
        (["a.org"], ["*"], ["a.org"]),
        (["*"], ["*"], ["*"]),
        (["*.org"], ["a.org", "b.com"], ["a.org"]),
        (["*.org"], ["org"], []),
        (["a.org", "b.com"], ["*.org"], ["a.org"]),
        (["*.org"], ["*.a.org"], ["*.a.org"]),
        (["*.a.org"], ["*.org"], ["*.a.org"]),
        (["shop/A.org", "./b.org"], ["B.org", "a.ORG"], ["a.org", "b.org"]),
        (["*", "a.org"], ["b.org", "a.org"], ["b.org", "a.org"]),
        (["b.org", "*"], ["a.org", "*", "b.org"], ["b.org", "a.org", "*"]),
        (["a.org"], ["a.org.b"], []),
        (["*a.org"], ["ba.org"], ["ba.org"]),
    ],
)
def test_the_domains_that_a_gateway_and_a_route_share(
    served: list[str], wanted: list[str], found: list[str]
) -> None:
    assert Served(served).common(wanted) == found


def test_a_gateway_that_is_not_among_others_gets_404() -> None:
    assert gateway_meant("web.edge", "shop") == ("edge", "web")
    absent = bound(rule(to("one")), to="web.edge", name="absent")
    assert warnings(*SERVICES, gateway(), bound(rule(to("one"))), absent) == [
        ("VirtualService absent", "edge/web is not among the Gateways here: requests there get 404")
    ]


@pytest.mark.parametrize(("exports", "served"), [(["edge"], 1), (["web", "shop"], 0)])
def test_rules_count_at_a_gateway_outside_the_manifests_if_exported_to_its_namespace(
    exports: list[str], served: int
) -> None:
    matched = rule(to("one.default.svc.cluster.local"), match=[{"gateways": ["edge/web"]}])
    own = exported(bound(matched, to="edge/web", namespace="shop"), *exports)
    assert len(mesh_of(*SERVICES, own).gateway) == served


@pytest.mark.parametrize("turned", [True, False])
def test_an_absent_gateway_does_not_change_the_routes_of_another(turned: bool) -> None:
    there = http_route("there", to_gateway(), route_rule(backend("one")))
    absent = http_route("absent", to_gateway("x"), route_rule(backend("two")))
    routes = [there, absent] if turned else [absent, there]
    documents = [*SERVICES, api_gateway(), *routes]
    assert lanes_of(*documents) == {"untagged": "one v1"}
    message = "default/x is not among the Gateways here: requests there get 404"
    assert warnings(*documents) == [("HTTPRoute absent", message)]


def test_rules_for_one_port_leave_the_other_unserved() -> None:
    tls = {"mode": "SIMPLE", "credentialName": "c"}
    port = {"number": 443, "name": "https", "protocol": "HTTPS"}
    servers = [*gateway()["spec"]["servers"], {"port": port, "hosts": ["*"], "tls": tls}]
    both = put(gateway(), "spec.servers", servers)
    secure = bound(rule(to("one"), match=[{"port": 443}]))
    assert lanes_of(*SERVICES, both, secure) == {"untagged": "one v1"}
    message = "no rule applies at port 80: requests for * get 404 there"
    assert warnings(*SERVICES, both, secure) == [("VirtualService web", message)]
    assert warnings(*SERVICES, both, bound(rule(to("one")))) == []


def to_https(**tls: object) -> Document:
    return put(gateway(), "spec.servers[0].tls", {"httpsRedirect": True, **tls})


def test_a_server_that_redirects_to_https_reaches_no_service() -> None:
    documents = [*SERVICES, to_https(), bound(rule(to("one")))]
    assert refusal(*documents).endswith(
        "Gateway demo-gateway: spec.servers[0].tls.httpsRedirect: the rule answers / with 301 by"
        " itself, so there are no lanes. Name another path with --path."
    )
    secure = put(to_https(mode="SIMPLE"), "spec.servers[0].port.protocol", "HTTPS")
    assert lanes_of(*SERVICES, secure, bound(rule(to("one")))) == {"untagged": "one v1"}
    beside = put(put(secure, "metadata.name", "secure"), "spec.servers[0].port.number", 443)
    both = put(bound(rule(to("one"))), "spec.gateways", ["demo-gateway", "secure"])
    assert lanes_of(*SERVICES, to_https(), beside, both) == {"untagged": "one v1"}


@pytest.mark.parametrize(
    ("rest", "status"),
    [
        ([], 404),
        ([{"directResponse": {"status": 403}}], 403),
        ([{"redirect": {"uri": "/x"}}], 301),
    ],
)
def test_lanes_without_a_rule_for_every_request(rest: list[Document], status: int) -> None:
    by_header = rule(to("one"), match=[header_is("x-lane", "v1")])
    planned = plan_of(*SERVICES, gateway(), bound(by_header, *rest))
    (lane,) = planned.lanes
    assert (planned.default_status, planned.share(lane)) == (status, 0)
    assert [str(one) for one in lane.entry_rules] == ["x-lane: v1"]


@pytest.mark.parametrize(
    ("fields", "status"), [({"redirect": {}}, 301), ({"directResponse": {"status": 418}}, 418)]
)
def test_a_rule_that_answers_itself_is_not_planned(fields: Document, status: int) -> None:
    answering = {"match": [{"uri": {"exact": "/own"}}], **fields}
    planned = plan_of(*SERVICES, gateway(), bound(answering, rule(to("one"))))
    assert planned.not_planned == (NotPlanned("path /own", "answers-itself", status=status),)


def test_headers_of_a_destination_of_weight_0_change_no_request() -> None:
    changed = to("two", weight=0, headers={"request": {"set": {"x-canary": "1"}}})
    caller = [service("shop"), deployment("shop", "v1", "one")]
    mesh = virtual_service("one", rule(to("one", weight=1), changed))
    documents = [*SERVICES, *caller, gateway(), bound(rule(to("shop"))), mesh]
    assert lanes_of(*documents) == {"untagged": "shop v1, one v1"}
