"""What each warning about manifests is called, and the field that it is about."""

from typing import Any

import pytest

from tests.kube import (
    Document,
    api_gateway,
    backend,
    deployment,
    destination_rule,
    exported,
    gateway,
    http_route,
    listener,
    put,
    route_rule,
    rule,
    service,
    to,
    to_gateway,
    to_service,
    virtual_service,
    without,
)
from tests.unit.lanes.reading import mesh_of

A = [service("a"), deployment("a"), deployment("a", "v2")]
ISTIO, API = "networking.istio.io/v1", "gateway.networking.k8s.io/v1"
GATEWAY = gateway()
WEB = virtual_service("*", rule(to("a")), gateways=["demo-gateway"], name="web")
IN_MESH = virtual_service("a", rule(to("a")))
SUBSETS = destination_rule("a", "v1", "v2")
SPLIT = rule(to("a", "v1", weight=1), to("a", "v2", weight=1))
HASH = {"loadBalancer": {"consistentHash": {"useSourceIp": True}}}


def of(api: str, kind: str, spec: Document, namespace: str = "default", **more: Any) -> Document:
    metadata = {"name": "x", "namespace": namespace, **more}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}


def namespace(name: str, **labels: str) -> Document:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def route(*backends: Document, name: str = "r", parent: Document | None = None) -> Document:
    return http_route(name, parent or to_gateway(), route_rule(*backends or [backend("a")]))


AMBIENT = {"istio.io/dataplane-mode": "ambient", "istio.io/use-waypoint": "gone"}
MIRROR: Document = {"requestMirror": {"backendRef": {"name": "gone", "port": 80}}}
COPIES = route_rule(backend("a"), filters=[{"type": "RequestMirror", **MIRROR}])
TLS: Document = {"targetRefs": [{"group": "", "kind": "Service", "name": "a"}]}
SET = of(API, "ListenerSet", {"parentRef": {"name": "web"}, "listeners": [listener()]})
ABORT = {"abort": {"httpStatus": 503, "percentage": {"value": 1}}}
ELSEWHERE: Document = {"name": "default", "namespace": "other"}


def at(*rules: Document, name: str = "w", at: str = "demo-gateway") -> Document:
    return virtual_service("*", *rules, gateways=[at], name=name)


TWO = [api_gateway(), api_gateway(listener(81), name="o")]
SLOW = route_rule(backend("a"), timeouts={"request": "1s"})
SERVERS = [
    {"port": {"number": n, "name": "x", "protocol": "HTTP"}, "hosts": ["*"]} for n in (80, 81)
]
INGRESS = deployment("ingress", labels={"istio": "ingressgateway"})
EXPORTS = {"networking.istio.io/exportTo": "."}
HIDDEN = put(service("h"), "metadata.annotations", EXPORTS)
IN_B = virtual_service("b", rule(to("h")))
OTHER = deployment("c", namespace="other")
ASKS = rule(to("a"), match=[{"uri": {"prefix": "/x"}}])
NODE = {"istio.io/dataplane-mode": "ambient"}
WAYPOINT = put(api_gateway(name="there"), "spec.gatewayClassName", "istio-waypoint")
ROOT = virtual_service("b", {"delegate": {"name": "a"}, "match": [{"port": 2}]})


@pytest.mark.parametrize(
    ("documents", "found"),
    [
        ([IN_MESH], []),
        ([WEB], [("gateway-given", "VirtualService web", "spec.gateways[0]")]),
        (
            [gateway(name="other"), WEB],
            [("gateway-absent", "VirtualService web", "spec.gateways[0]")],
        ),
        (
            [api_gateway(), route(), route(name="s", parent=to_gateway("gone"))],
            [("gateway-absent", "HTTPRoute s", "spec.parentRefs[0]")],
        ),
        (
            [GATEWAY, exported(WEB, ".")],
            [("gateway-home", "Gateway demo-gateway", "spec.selector")],
        ),
        (
            [
                GATEWAY,
                gateway(name="o", port=81),
                WEB,
                at(rule(to("a"), timeout="1s"), name="b", at="o"),
            ],
            [("another-gateway", "VirtualService b", "spec.gateways")],
        ),
        (
            [*TWO, route(), http_route("s", to_gateway("o"), SLOW)],
            [("another-gateway", "HTTPRoute s", "spec.parentRefs")],
        ),
        (
            [put(GATEWAY, "spec.servers", SERVERS), at(rule(to("a"), match=[{"port": 81}]))],
            [("port-unserved", "VirtualService w", "spec.http")],
        ),
        (
            [GATEWAY, exported(WEB, "other"), INGRESS],
            [("not-exported", "VirtualService web", "spec.exportTo")],
        ),
        (
            [HIDDEN, service("b"), IN_B, OTHER],
            [("not-exported", "VirtualService b", "spec.http[0].route[0].destination.host")],
        ),
        (
            [GATEWAY, *(at(ASKS, name=name) for name in "xy")],
            [("order", "VirtualService y", "spec.http")],
        ),
        (
            [
                exported(SUBSETS, "default", "other"),
                put(exported(SUBSETS, "*"), "metadata.name", "b"),
                IN_MESH,
            ],
            [("rules-not-merged", "DestinationRule a", "spec.exportTo")],
        ),
        (
            [WAYPOINT, put(service("w"), "metadata.labels", AMBIENT), namespace("default", **NODE)],
            [("waypoint-absent", "Service w", "metadata.labels[istio.io/use-waypoint]")],
        ),
        (
            [
                service("b"),
                ROOT,
                put(without(IN_MESH, "spec.hosts"), "spec.http[0].match", [{"port": 1}]),
            ],
            [("delegate", "VirtualService a", "spec.http[0].match")],
        ),
        (
            [of(ISTIO, "EnvoyFilter", {"configPatches": []})],
            [("envoy-filter", "EnvoyFilter x", "")],
        ),
        (
            [put(IN_MESH, "spec.http[0].fault", ABORT)],
            [("fault", "VirtualService a", "spec.http[0].fault")],
        ),
        (
            [put(SUBSETS, "spec.trafficPolicy", HASH), virtual_service("a", SPLIT)],
            [("hash-split", "VirtualService a", "spec.http[0]")],
        ),
        (
            [IN_MESH, namespace("default")],
            [("injection-off", "Namespace default", "metadata.labels")],
        ),
        (
            [api_gateway(listener(), listener(name="t", port=9, protocol="TCP")), route()],
            [("listener", "Gateway web", "spec.listeners[1].protocol")],
        ),
        ([api_gateway(), SET], [("listener-set", "ListenerSet x", "spec.parentRef")]),
        (
            [put(api_gateway(), "spec.allowedListeners", {"namespaces": {"from": "All"}}), SET],
            [("listener-set", "ListenerSet x", "spec.listeners")],
        ),
        (
            [put(IN_MESH, "spec.http[0].mirror", {"host": "gone"})],
            [("mirror-absent", "VirtualService a", "spec.http[0].mirror")],
        ),
        (
            [api_gateway(), http_route("r", to_gateway(), COPIES)],
            [("mirror-absent", "HTTPRoute r", "spec.rules[0].filters[0].requestMirror.backendRef")],
        ),
        (
            [api_gateway(), route(backend("a", kind="Other"))],
            [("no-backend", "HTTPRoute r", "spec.rules[0].backendRefs[0].kind")],
        ),
        (
            [virtual_service("a", {"delegate": {"name": "gone"}})],
            [("no-delegate", "VirtualService a", "spec.http[0].delegate")],
        ),
        ([destination_rule("gone")], [("no-service", "DestinationRule gone", "spec.host")]),
        (
            [virtual_service("a", rule(to("gone")))],
            [("no-service", "VirtualService a", "spec.http[0].route[0].destination.host")],
        ),
        (
            [virtual_service("gone", rule(to("a")))],
            [("no-service", "VirtualService gone", "spec.hosts[0]")],
        ),
        (
            [virtual_service("a.org", rule(to("a")))],
            [("no-service", "VirtualService a.org", "spec.hosts[0]")],
        ),
        (
            [route(parent=to_service("gone"))],
            [("no-service", "HTTPRoute r", "spec.parentRefs[0].name")],
        ),
        (
            [api_gateway(listener(hostname="b.org")), put(route(), "spec.hostnames", ["a.org"])],
            [("not-attached", "HTTPRoute r", "spec.hostnames")],
        ),
        (
            [api_gateway(), route(parent=to_gateway(sectionName="gone"))],
            [("not-attached", "HTTPRoute r", "spec.parentRefs[0]")],
        ),
        (
            [put(route(), "spec.parentRefs", [])],
            [("not-attached", "HTTPRoute r", "spec.parentRefs")],
        ),
        (
            [gateway("b.org"), put(WEB, "spec.hosts", ["a.org"])],
            [("not-attached", "VirtualService web", "spec.hosts")],
        ),
        (
            [api_gateway(), route(backend("a", namespace="other"))],
            [("not-granted", "HTTPRoute r", "spec.rules[0].backendRefs[0].namespace")],
        ),
        (
            [of(API, "BackendTLSPolicy", TLS)],
            [("certificate", "BackendTLSPolicy x", "spec.validation")],
        ),
        (
            [destination_rule("a.default.svc.cluster.local", namespace="nobody")],
            [("rule-unseen", "DestinationRule a.default.svc.cluster.local", "metadata.namespace")],
        ),
        (
            [
                destination_rule("a.default.svc.cluster.local", namespace="callers"),
                deployment("b", namespace="callers"),
            ],
            [],
        ),
        (
            [SUBSETS, destination_rule("a", "v1", name="b")],
            [("second-rule", "DestinationRule b", "spec.subsets[0].name")],
        ),
        (
            [destination_rule("a", policy={}), destination_rule("a", policy={}, name="b")],
            [("second-rule", "DestinationRule b", "spec.trafficPolicy")],
        ),
        (
            [IN_MESH, put(IN_MESH, "metadata.name", "b")],
            [("second-rules", "VirtualService b", "spec.hosts[0]")],
        ),
        (
            [
                put(service("tcp", {"port": 80, "name": "tcp"}), "spec.selector", {"app": "a"}),
                virtual_service("tcp", rule(to("a"))),
            ],
            [("unrouted", "Service tcp", "spec")],
        ),
        (
            [put(service("h"), "spec.clusterIP", "None"), virtual_service("h", rule(to("h")))],
            [("unrouted", "Service h", "spec")],
        ),
        (
            [IN_MESH, put(IN_MESH, "spec.http[0].timeout", "1s")],
            [("twice", "VirtualService a", "")],
        ),
        ([IN_MESH, put(IN_MESH, "apiVersion", f"{ISTIO}beta1")], []),
    ],
)
def test_warnings(documents: list[Document], found: list[tuple[str, str, str]]) -> None:
    warnings = mesh_of(*A, *documents).warnings
    assert [(one.rule, one.resource, one.field) for one in warnings] == found
