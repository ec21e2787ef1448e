"""What Istio makes of manifests: each case planned as istiod does, or refused by its field.

Read in pilot/pkg/networking/core/route/route.go and pilot/pkg/model/push_context.go.
"""

from collections.abc import Mapping
from types import MappingProxyType

import pytest

from lanes.mesh.model import Mesh, Route, pods_behind
from lanes.planning.request import Request
from tests.kube import (
    Document,
    deployment,
    destination_rule,
    gateway,
    header_is,
    put,
    rule,
    service,
    service_entry,
    to,
    virtual_service,
)
from tests.unit.lanes.reading import mesh_of, plan_of, refusal

A = [service("a"), deployment("a"), deployment("a", "v2"), destination_rule("a", "v1", "v2")]
PODS = [deployment("a"), deployment("a", "v2"), destination_rule("a", "v1", "v2")]
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
TO_V2 = virtual_service("a", rule(to("a", "v2")))


def versions(route: Route | None) -> str:
    """The versions that a rule leads to; its own status where it leads nowhere."""
    if route is None:
        return "404"
    if not route.destinations:
        return str(route.status)
    pods = {
        endpoint.pod.version
        for way in route.destinations
        if way.weight
        for endpoint in next((tier for tier in way.destination.tiers if tier), ())
    }
    return "|".join(sorted(pods)) or "503"


def met(
    mesh: Mesh, port: int = 8000, path: str = "/", headers: Mapping[str, str] = NO_HEADERS
) -> str:
    """What a call by the pod of b meets at the Service a."""
    (pod,) = [pod for pod in mesh.pods if pod.app == "b" and pod.namespace == "default"]
    (found,) = [one for one in mesh.ports if (one.host.name, one.port) == ("a", port)]
    return versions(Request(headers, path).rule(found.seen_by(pod).routes))


def entered(mesh: Mesh, path: str = "/", **headers: str) -> str:
    """What a request at the gateway's first host meets."""
    return versions(Request(headers, path).rule(mesh.gateway[0].routes))


def typed(kind: str, spec: Document, name: str = "x", **metadata: object) -> Document:
    core = kind in ("Namespace", "Service")
    return {
        "apiVersion": "v1" if core else "networking.istio.io/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "default", **metadata},
        "spec": spec,
    }


# Services


@pytest.mark.parametrize(
    ("port", "found"),
    [
        ({}, "v2"),
        ({"name": "http"}, "v2"),
        ({"name": "grpc-web-x"}, "v2"),
        ({"name": "whatever"}, "v2"),
        ({"name": "tcp-x"}, "v1|v2"),
        ({"name": "https"}, "v1|v2"),
        ({"name": "tcp", "appProtocol": "http"}, "v2"),
        ({"name": "tcp", "appProtocol": "my.own/thing"}, "v2"),
        ({"name": "http", "appProtocol": "mysql"}, "v1|v2"),
        ({"port": 3306}, "v1|v2"),
    ],
)
def test_rules_count_where_the_port_is_http(port: Document, found: str) -> None:
    ported = service("a", {"port": 8000, **port})
    mesh = mesh_of(ported, *PODS, TO_V2, deployment("b"))
    assert met(mesh, port=port.get("port", 8000)) == found
    assert bool(mesh.warnings) is (found != "v2")


def test_callers_of_a_headless_service_choose_the_pod() -> None:
    headless = put(service("a"), "spec.clusterIP", "None")
    way = virtual_service("*", rule(to("a", "v2")), gateways=["g"], name="in")
    mesh = mesh_of(headless, *PODS, TO_V2, way, deployment("b"))
    assert (met(mesh), entered(mesh)) == ("v1|v2", "v2")
    assert met(mesh_of(headless, *PODS[:2], TO_V2, deployment("b"))) == "503"  # no such subset
    elsewhere = virtual_service("b", rule(to("a", "v2")))
    sentence = refusal(headless, *PODS, service("b"), elsewhere)
    assert "destination.host: a is headless" in sentence


def test_a_service_that_stands_for_another_by_dns() -> None:
    alias = typed("Service", {"type": "ExternalName", "externalName": "x.org"}, name="b")
    mesh = mesh_of(*A, alias)
    assert [port.host.name for port in mesh.ports] == ["a"]
    way = virtual_service("a", rule(to("b")))
    assert "destination.host: b is of type ExternalName" in refusal(*A, alias, way)


# Sidecars


@pytest.mark.parametrize(
    ("where", "labels", "found"),
    [
        ("labels", {"sidecar.istio.io/inject": "false"}, "v1|v2"),
        ("annotations", {"sidecar.istio.io/inject": "false"}, "v1|v2"),
        ("annotations", {"traffic.sidecar.istio.io/excludeOutboundPorts": "1,8000"}, "v1|v2"),
        ("annotations", {"traffic.sidecar.istio.io/excludeOutboundPorts": "8001"}, "v2"),
        ("annotations", {"traffic.sidecar.istio.io/excludeOutboundPorts": "x, 8000"}, "v1|v2"),
        ("annotations", {"traffic.sidecar.istio.io/includeOutboundIPRanges": "*"}, "v2"),
        ("annotations", {"traffic.sidecar.istio.io/includeInboundPorts": "*"}, "v2"),
        ("annotations", {"traffic.sidecar.istio.io/excludeInboundPorts": "9000"}, "v2"),
    ],
)
def test_calls_that_pass_the_sidecar_by(where: str, labels: Document, found: str) -> None:
    own = {"app": "b", **labels}
    caller = put(deployment("b", "v1", "a"), f"spec.template.metadata.{where}", own)
    mesh = mesh_of(*A, TO_V2, caller)
    assert met(mesh) == found
    assert bool(mesh.not_run) is (found != "v2" or "8001" in labels.values())


@pytest.mark.parametrize(
    "option", ["excludeOutboundIPRanges", "includeOutboundIPRanges", "includeInboundPorts"]
)
def test_calls_that_pass_the_sidecar_by_for_some_addresses(option: str) -> None:
    name = f"traffic.sidecar.istio.io/{option}"
    caller = deployment("b", annotations={name: "10.0.0.0/8"})
    assert f"spec.template.metadata.annotations[{name}]" in refusal(*A, caller)


@pytest.mark.parametrize(
    ("labels", "found", "warned"),
    [
        ({"istio-injection": "enabled"}, "v2", []),
        ({"istio.io/rev": "stable"}, "v2", []),
        ({"istio-injection": "disabled"}, "v1|v2", []),
        ({}, "v1|v2", ["injection-off"]),
        ({"istio.io/dataplane-mode": "ambient"}, "v1|v2", []),
        ({"istio.io/dataplane-mode": "ambient", "istio.io/use-waypoint": "waypoint"}, "v2", []),
    ],
)
def test_a_namespace_asks_for_sidecars(labels: Document, found: str, warned: list[str]) -> None:
    namespace = typed("Namespace", {}, name="default", labels=labels)
    mesh = mesh_of(namespace, *A, TO_V2, deployment("b"))
    assert met(mesh) == found
    assert [one.rule for one in mesh.warnings if one.rule == "injection-off"] == warned


@pytest.mark.parametrize(
    ("hosts", "found"),
    [
        (["./*"], "v2"),
        (["*/*"], "v2"),
        (["default/a.default.svc.cluster.local"], "v2"),
        (["other/*"], "v1|v2"),
        (["./x.default.svc.cluster.local"], "v1|v2"),
    ],
)
def test_a_sidecar_that_hides_a_host(hosts: list[str], found: str) -> None:
    sidecar = typed("Sidecar", {"egress": [{"hosts": hosts}]})
    assert met(mesh_of(*A, TO_V2, sidecar, deployment("b"))) == found


@pytest.mark.parametrize(("hosts", "found"), [(["./*"], "v1|v2"), (["./*", "rules/*"], "v2")])
def test_a_sidecar_that_hides_rules(hosts: list[str], found: str) -> None:
    """A VirtualService is imported from its own namespace, as a Service is from its."""
    host = "a.default.svc.cluster.local"
    rules = virtual_service(host, rule(to(host, "v2")), namespace="rules")
    sidecar = typed("Sidecar", {"egress": [{"hosts": hosts}]})
    assert met(mesh_of(*A, rules, sidecar, deployment("b"))) == found


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}, "spec.outboundTrafficPolicy"),
        ({"egress": [{"port": {"number": 80}}]}, "spec.egress[0].port"),
    ],
)
def test_a_sidecar_that_is_not_supported(spec: Document, field: str) -> None:
    assert f"Sidecar x: {field}: " in refusal(*A, typed("Sidecar", spec))


@pytest.mark.parametrize(("to_what", "refused"), [("HTTP_ROUTE", True), ("HTTP_FILTER", False)])
def test_an_envoy_filter(to_what: str, *, refused: bool) -> None:
    patch = typed("EnvoyFilter", {"configPatches": [{"applyTo": to_what}]})
    if refused:
        assert "EnvoyFilter x: spec.configPatches[0].applyTo: " in refusal(*A, patch)
    else:
        assert [w.rule for w in mesh_of(*A, patch).warnings] == ["envoy-filter"]


# What is no pod


def test_machines_and_what_stands_outside() -> None:
    endpoints = [{"address": "10.0.0.1", "labels": {"version": "vm"}}]
    port = {"number": 80, "name": "http", "protocol": "HTTP"}
    spec = {"hosts": ["api.example.org"], "ports": [port], "endpoints": endpoints}
    machine = typed(
        "WorkloadEntry", {"address": "10.0.0.2", "labels": {"app": "a", "version": "m"}}
    )
    split = rule(to("api.example.org", "vm", weight=1), to("a", weight=1))
    mesh = mesh_of(
        *A,
        machine,
        typed("ServiceEntry", spec),
        destination_rule("api.example.org", "vm"),
        virtual_service("*", split, gateways=["g"]),
    )
    assert entered(mesh) == "m|v1|v2|vm"
    assert [w.rule for w in mesh.warnings] == ["gateway-given"]
    assert len(mesh.not_run) == 2


@pytest.mark.parametrize(
    ("host", "app"),
    [
        ("api.example.org", "api.example.org"),
        ("api.shop.svc.cluster.local", "api"),
    ],
)
def test_what_stands_outside_is_called_as_its_host_or_as_its_service(host: str, app: str) -> None:
    port = {"number": 80, "name": "http", "protocol": "HTTP"}
    entry = typed("ServiceEntry", {"hosts": [host], "ports": [port]})
    mesh = mesh_of(*A, entry, virtual_service("*", rule(to(host)), gateways=["g"]))
    (pod,) = pods_behind(mesh.gateway[0].routes)
    assert pod.app == app


OWN = "a-v2.default.svc.cluster.local"
V2 = {"app": "a", "version": "v2"}
OF_V2 = service("a-v2", {"port": 8000, "name": "http"}, selector=V2)


@pytest.mark.parametrize(
    ("host", "own"),
    [(OWN, OF_V2), ("a.v2.internal", service_entry("a.v2.internal", "a", "v2"))],
    ids=["Service and ServiceEntry", "two ServiceEntries"],
)
def test_what_has_one_host_in_one_namespace_has_all_their_pods(host: str, own: Document) -> None:
    prefers = {"localityLbSetting": {"failoverPriority": ["version=v2"]}}
    policy = {"loadBalancer": prefers, "outlierDetection": {}}
    lane = [
        service("a"),
        deployment("a"),
        deployment("b"),
        own,
        service_entry(host, "a", "v1"),
        destination_rule(host, policy=policy, name="lane"),
        virtual_service("a", rule(to(host))),
    ]
    assert met(mesh_of(*lane)) == "v1"
    both = mesh_of(*lane, deployment("a", "v2"))
    assert met(both) == "v2"
    assert both.not_run == ()
    (port,) = [one for one in both.ports if one.host.name == "a"]
    tiers = port.routes[0].destinations[0].destination.tiers
    assert [[e.pod.version for e in tier] for tier in tiers] == [["v2"], ["v1"]]
    elsewhere = put(service_entry(host, "a", "v1"), "metadata.namespace", "other")
    assert met(mesh_of(*lane[:4], elsewhere, *lane[5:])) == "503"


@pytest.mark.parametrize(
    ("host", "own"),
    [(OWN, OF_V2), ("a.v2.internal", service_entry("a.v2.internal", "a", "v2"))],
    ids=["Service and ServiceEntry", "two ServiceEntries"],
)
def test_at_the_gateway_it_is_called_as_its_app(host: str, own: Document) -> None:
    ways = [
        to(name, version, weight=50, headers={"request": {"set": {"baggage": f"version={lane}"}}})
        for name, version, lane in (("a", "v1", "v1"), (host, None, "v2"))
    ]
    entry = virtual_service("*", rule(*ways), gateways=["demo-gateway"])
    lanes = plan_of(*A, gateway(), entry, own, service_entry(host, "a", "v1")).lanes
    assert [lane.entry.service for lane in lanes] == ["a", "a"]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("http", service_entry(OWN, "a", "v1", port="web")),
        ("web", service_entry(OWN, "a", "v1", port="web", targetPort=9000)),
    ],
    ids=["name", "target"],
)
def test_they_have_to_agree_in_their_ports(name: str, other: Document) -> None:
    own = put(OF_V2, "spec.ports[0].name", name)
    lane = [*A, own, other, virtual_service("a", rule(to(OWN)))]
    assert "ServiceEntry a-v2.default.svc.cluster.local-v1: spec.ports: " in refusal(*lane)


# Which DestinationRule


def beside(namespace: str, **more: object) -> list[Document]:
    pods = [service("a"), deployment("a"), deployment("a", "v2")]
    host = "a.default.svc.cluster.local"
    return [*pods, destination_rule(host, "v2", namespace=namespace, name="r", **more), TO_V2]  # type: ignore[arg-type]


def test_a_rule_in_the_meshs_root_is_found_and_one_nobody_looks_for_is_not() -> None:
    assert met(mesh_of(*beside("istio-system"), deployment("b"))) == "v2"
    unseen = mesh_of(*beside("other"), deployment("b"))
    assert met(unseen) == "503"
    assert [(w.rule, w.field) for w in unseen.warnings] == [("rule-unseen", "metadata.namespace")]


def test_a_rule_for_a_host_outside_is_looked_for_in_any_namespace() -> None:
    outside = service_entry("db.example.com", "db", "v1")
    rules = destination_rule("db.example.com", "v1", namespace="nobody")
    assert mesh_of(outside, rules).warnings == ()


def test_a_rule_by_wildcard_counts_where_none_names_the_host() -> None:
    pods = [service("a"), deployment("a"), deployment("a", "v2"), deployment("b"), TO_V2]
    wild = destination_rule("*.default.svc.cluster.local", "v2", name="wild")
    assert met(mesh_of(*pods, wild)) == "v2"
    assert met(mesh_of(*pods, wild, destination_rule("a", "v1"))) == "503"


def test_a_ports_own_policy_takes_the_place_of_its_rules() -> None:
    prefers = {
        "loadBalancer": {"localityLbSetting": {"failoverPriority": ["version=v2"]}},
        "outlierDetection": {},
    }
    at_port = {"portLevelSettings": [{"port": {"number": 8000}, **prefers}]}
    pods = [service("a"), deployment("a"), deployment("a", "v2"), deployment("b")]
    plain = [virtual_service("a", rule(to("a")))]
    assert met(mesh_of(*pods, *plain, destination_rule("a", policy=at_port))) == "v2"
    emptied = {**prefers, "portLevelSettings": [{"port": {"number": 8000}}]}
    assert met(mesh_of(*pods, *plain, destination_rule("a", policy=emptied))) == "v1|v2"
    other = {**prefers, "portLevelSettings": [{"port": {"number": 1}}]}
    assert met(mesh_of(*pods, *plain, destination_rule("a", policy=other))) == "v2"


# Matches


@pytest.mark.parametrize(
    ("match", "path", "headers", "found"),
    [
        ({"headers": {"x": {}}}, "/", {"x": ""}, "v2"),
        ({"headers": {"x": {}}}, "/", {}, "v1"),
        ({"headers": {"x": {"regex": "*"}}}, "/", {"x": "1"}, "v2"),
        ({"withoutHeaders": {"x": {"exact": "1"}}}, "/", {"x": "1"}, "v1"),
        ({"withoutHeaders": {"x": {"exact": "1"}}}, "/", {"x": "2"}, "v2"),
        ({"withoutHeaders": {"x": {"exact": "1"}}}, "/", {}, "v2"),
        ({"withoutHeaders": {"x": {}}}, "/", {}, "v2"),
        ({"withoutHeaders": {"x": {}}}, "/", {"x": "1"}, "v1"),
        ({"withoutHeaders": {"x": {"regex": ".*"}}}, "/", {}, "v1"),
        ({"uri": {"prefix": "/AB"}, "ignoreUriCase": True}, "/abc", {}, "v2"),
        ({"uri": {"prefix": "/AB"}}, "/abc", {}, "v1"),
        ({"uri": {"regex": "/AB.*"}, "ignoreUriCase": True}, "/abc", {}, "v1"),
        ({"queryParams": {"q": {"exact": "1"}}}, "/?q=1&q=2", {}, "v2"),
        ({"queryParams": {"q": {"exact": "1"}}}, "/?q=2", {}, "v1"),
        ({"queryParams": {"q": {}}}, "/?q", {}, "v2"),
        ({"uri": {"exact": "/x"}}, "/x?q=1", {}, "v2"),
        ({"method": {"exact": "GET"}}, "/", {}, "v2"),
        ({"method": {"regex": "POST|PUT"}}, "/", {}, "v1"),
        ({"scheme": {"exact": "http"}}, "/", {}, "v2"),
        ({"scheme": {"exact": "https"}}, "/", {}, "v1"),
        ({"port": 8000}, "/", {}, "v2"),
        ({"port": 80}, "/", {}, "v1"),
        ({"gateways": ["mesh"]}, "/", {}, "v2"),
        ({"gateways": ["g"]}, "/", {}, "v1"),
        ({"gateways": ["mesh"], "sourceNamespace": "other"}, "/", {}, "v2"),
        ({"sourceNamespace": "default"}, "/", {}, "v2"),
        ({"sourceNamespace": "other"}, "/", {}, "v1"),
        ({"sourceLabels": {"app": "nobody"}}, "/", {}, "v1"),
    ],
)
def test_what_a_match_takes(
    match: Document, path: str, headers: dict[str, str], found: str
) -> None:
    rules = virtual_service("a", rule(to("a", "v2"), match=[match]), rule(to("a", "v1")))
    assert met(mesh_of(*A, rules, deployment("b")), path=path, headers=headers) == found


def test_a_weight_that_is_missing_is_none() -> None:
    split = virtual_service("a", rule(to("a", "v1"), to("a", "v2", weight=40)))
    assert met(mesh_of(*A, split, deployment("b"))) == "v2"


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"redirect": {"uri": "/x"}}, "301"),
        ({"redirect": {"uri": "/x", "redirectCode": 307}}, "307"),
        ({"directResponse": {"status": 418}}, "418"),
        ({"fault": {"abort": {"httpStatus": 555}}}, "v2"),
        ({"fault": {"abort": {"httpStatus": 555, "percentage": {"value": 100}}}}, "555"),
        ({"fault": {"abort": {"httpStatus": 555, "percentage": {"value": 5}}}}, "v2"),
        ({"fault": {"delay": {"fixedDelay": "7s"}}}, "v2"),
        ({"rewrite": {"uri": "/x"}}, "v2"),
    ],
)
def test_rules_that_do_more_than_lead_on(fields: Document, found: str) -> None:
    first = rule(to("a", "v2"), **fields)
    if "redirect" in fields or "directResponse" in fields:
        del first["route"]
    assert met(mesh_of(*A, virtual_service("a", first), deployment("b"))) == found


def test_no_rule_that_takes_a_call_is_404() -> None:
    rules = virtual_service("a", rule(to("a", "v2"), match=[header_is("x", "1")]))
    assert met(mesh_of(*A, rules, deployment("b"))) == "404"


def test_no_rule_for_these_callers_leads_to_every_pod() -> None:
    rules = virtual_service("a", rule(to("a", "v2"), match=[{"port": 1}]))
    assert met(mesh_of(*A, rules, deployment("b"))) == "v1|v2"


@pytest.mark.parametrize(
    ("host", "found"),
    [("*.default.svc.cluster.local", "v2"), ("*.other.svc.cluster.local", "v1|v2")],
)
def test_a_virtual_service_by_wildcard(host: str, found: str) -> None:
    rules = virtual_service(host, rule(to("a", "v2")), name="wild")
    assert met(mesh_of(*A, rules, deployment("b"))) == found
    own = virtual_service("a", rule(to("a", "v1")))
    assert met(mesh_of(*A, rules, own, deployment("b"))) == "v1"


def test_no_gateway_named_is_the_mesh() -> None:
    mesh = mesh_of(*A, virtual_service("a", rule(to("a", "v2")), gateways=[]), deployment("b"))
    assert met(mesh) == "v2"


# Gateways


def at(name: str, *rules: Document, **more: object) -> Document:
    return virtual_service("*", *rules, gateways=["demo-gateway"], name=name, **more)  # type: ignore[arg-type]


def test_virtual_services_of_one_host_by_name_and_catch_alls_last() -> None:
    everything = at("a", rule(to("a", "v1")), rule(to("a", "v1"), match=[header_is("x", "1")]))
    marked = at("b", rule(to("a", "v2"), match=[header_is("x", "1"), {"uri": {"prefix": "/y"}}]))
    mesh = mesh_of(*A, gateway(), everything, marked)
    assert (entered(mesh), entered(mesh, x="1"), entered(mesh, "/y")) == ("v1", "v2", "v2")
    assert mesh.warnings == ()
    also = at("c", rule(to("a", "v1"), match=[{"uri": {"prefix": "/y/z"}}]))
    (warning,) = mesh_of(*A, gateway(), everything, marked, also).warnings
    assert (warning.rule, warning.resource) == ("order", "VirtualService c")


@pytest.mark.parametrize(
    ("host", "taken"),
    [("default/*", True), ("*/*", True), ("./*", True), ("other/*", False)],
)
def test_a_server_takes_virtual_services_of_a_namespace(host: str, *, taken: bool) -> None:
    known = [*A, gateway(host), at("in", rule(to("a")))]
    if taken:
        assert mesh_of(*known).gateway
    else:
        assert "none is served by gateway" in refusal(*known)


@pytest.mark.parametrize(
    ("match", "found"),
    [
        ({"port": 80}, "v2"),
        ({"port": 8000}, "v1"),
        ({"gateways": ["demo-gateway"]}, "v2"),
        ({"gateways": ["mesh"]}, "v1"),
    ],
)
def test_a_match_at_the_gateway(match: Document, found: str) -> None:
    way = at("in", rule(to("a", "v2"), match=[match]), rule(to("a", "v1")))
    assert entered(mesh_of(*A, gateway(), way)) == found


def test_the_gateways_own_port_stands_in_for_one_that_is_not_named() -> None:
    several = service("a", {"port": 80, "targetPort": 8000}, {"port": 81, "targetPort": 8001})
    mesh = mesh_of(several, *PODS, gateway(), at("in", rule(to("a", "v2"))))
    (way,) = mesh.gateway[0].routes[0].destinations
    assert way.destination.name.startswith("outbound|80|")


@pytest.mark.parametrize("protocol", ["HTTP", "http", "HTTP2", "GRPC", "GRPC-WEB"])
def test_servers_of_what_is_http_serve_rules(protocol: str) -> None:
    only = put(gateway(), "spec.servers[0].port.protocol", protocol)
    assert len(mesh_of(*A, only, at("in", rule(to("a")))).gateway) == 1


@pytest.mark.parametrize(
    ("protocol", "mode", "serves"),
    [
        ("TLS", "", False),
        ("TCP", "", False),
        ("MONGO", "", False),
        ("TLS", "SIMPLE", False),
        ("HTTPS", "PASSTHROUGH", False),
        ("HTTPS", "AUTO_PASSTHROUGH", False),
        ("HTTPS", "SIMPLE", True),
        ("https", "MUTUAL", True),
    ],
)
def test_servers_that_pass_bytes_on_serve_no_http(protocol: str, mode: str, serves: bool) -> None:
    servers = gateway("a.org")["spec"]["servers"]
    other: Document = {
        "port": {"number": 9, "name": "x", "protocol": protocol},
        "hosts": ["b.org"],
        **({"tls": {"mode": mode}} if mode else {}),
    }
    both = put(gateway(), "spec.servers", [*servers, other])
    mesh = mesh_of(*A, both, at("in", rule(to("a"))))
    assert [host.domain for host in mesh.gateway] == ["a.org", *["b.org"] * serves]


def test_a_gateway_in_another_namespace_is_none_and_the_refusal_says_so() -> None:
    sentence = refusal(*A, gateway(namespace="edge"), at("in", rule(to("a"))))
    assert "spec.gateways[0]: default/demo-gateway is not among the Gateways here" in sentence
    assert "(edge/demo-gateway is): requests there get 404" in sentence
