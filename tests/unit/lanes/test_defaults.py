"""What fields mean that nobody sets, what each can be, and which kinds there are.

As the schemas have it that Kubernetes, Istio, ASM and the Gateway API publish.
"""

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from lanes import envoy
from lanes.mesh import model, traffic
from lanes.mesh.diagnostics import Finding, Place
from lanes.mesh.matching import StringMatch
from lanes.reading import documents, environment, files, kinds, workloads
from lanes.reading.kinds import (
    asm,
    core,
    destination_rules,
    gateway_api,
    http_route,
    istio,
    listener_set,
    redirects,
    virtual_services,
)
from lanes.reading.kinds import fields as of_fields

HOST = model.Host("a", "default")
NAMED: dict[str, Any] = {"name": "a"}
EJECTION = {
    "splitExternalLocalOriginErrors": False,
    "interval": 10.0,
    "baseEjectionTime": 30.0,
    "maxEjectionPercent": 10,
    "minHealthPercent": 0,
}
RETRIES = {"attempts": 2, "retryRemoteLocalities": False, "retryIgnorePreviousHosts": True}
TO_GATEWAY = {"group": "gateway.networking.k8s.io", "kind": "Gateway"}


@pytest.mark.parametrize(
    ("kind", "said", "meant"),
    [
        (asm.GroupService, NAMED, {"namespace": "default"}),
        (asm.LaneGateway, NAMED, {"namespace": "istio-system", "type": "ASM"}),
        (asm.LaneRouting, {}, {"ingressRoutingStrategy": "rule_based"}),
        (asm.PermissiveMode, {}, {"routeHeader": "x-asm-prefer-tag"}),
        (asm.LaneGroupSpec, {}, {"isPermissive": False, "autoUpdate": False}),
        (asm.LaneIngressRule, {}, {"online": False}),
        (asm.LaneWeight, {}, {"weight": 0}),
        (core.ServicePort, {"port": 80}, {"protocol": "TCP", "targetPort": None}),
        (core.HttpGet, {"port": 80}, {"path": "/"}),
        (core.PodSpec, {"containers": [{}]}, {"hostNetwork": False}),
        (core.WorkloadSpec, {"template": {"spec": {"containers": [{}]}}}, {"replicas": 1}),
        (core.RolloutSpec, {}, {"replicas": 1}),
        (destination_rules.OutlierDetection, {}, EJECTION),
        (destination_rules.LocalityLbSetting, {}, {"enabled": True}),
        (destination_rules.LoadBalancer, {}, {"simple": "LEAST_REQUEST"}),
        (destination_rules.HttpPool, {}, {"h2UpgradePolicy": "DEFAULT"}),
        (of_fields.Metadata, NAMED, {"namespace": "default", "creationTimestamp": None}),
        (gateway_api.RouteKind, {"kind": "A"}, {"group": "gateway.networking.k8s.io"}),
        (gateway_api.RouteNamespaces, {}, {"from": "Same"}),
        (gateway_api.ListenerTls, {}, {"mode": "Terminate"}),
        (gateway_api.Listener, {**NAMED, "port": 1, "protocol": "HTTP"}, {"hostname": "*"}),
        (gateway_api.ListenerNamespaces, {}, {"from": "None"}),
        (http_route.ParentReference, NAMED, TO_GATEWAY),
        (http_route.HeaderMatch, {**NAMED, "value": "b"}, {"type": "Exact"}),
        (http_route.QueryParamMatch, {**NAMED, "value": "b"}, {"type": "Exact"}),
        (http_route.PathMatch, {}, {"type": "PathPrefix", "value": "/"}),
        (http_route.MirrorRef, NAMED, {"group": "", "kind": "Service"}),
        (http_route.Fraction, {"numerator": 1}, {"denominator": 100}),
        (http_route.Cors, {}, {"maxAge": 5, "allowCredentials": False}),
        (http_route.BackendRef, {**NAMED, "port": 80}, {"kind": "Service", "weight": 1}),
        (http_route.Retry, {}, {"attempts": 2}),
        (istio.ServerTls, {}, {"httpsRedirect": False}),
        (istio.EntryPort, {"number": 80}, {"protocol": "TCP"}),
        (listener_set.ParentGateway, NAMED, TO_GATEWAY),
        (redirects.Redirect, {}, {"redirectCode": 301}),
        (redirects.RequestRedirect, {}, {"statusCode": 302}),
        (virtual_services.HttpMatch, {}, {"ignoreUriCase": False}),
        (virtual_services.Retries, {}, RETRIES),
        (virtual_services.Percentage, {}, {"value": 0}),
        (virtual_services.Delay, {}, {"percent": 0}),
        (virtual_services.CorsPolicy, {}, {"allowCredentials": False}),
        (virtual_services.VirtualServiceSpec, {}, {"gateways": ["mesh"]}),
        (virtual_services.VirtualServiceSpec, {"gateways": []}, {"gateways": ["mesh"]}),
    ],
)
def test_what_nobody_says(
    kind: type[BaseModel], said: dict[str, Any], meant: dict[str, Any]
) -> None:
    found = kind.model_validate(said).model_dump(by_alias=True)
    assert {name: found[name] for name in meant} == meant


def field(kind: type[BaseModel], name: str) -> TypeAdapter[Any]:
    """What reads one field of a kind."""
    return TypeAdapter(kind.model_fields[name].rebuild_annotation())


@pytest.mark.parametrize(
    ("read", "taken", "refused"),
    [
        (TypeAdapter(of_fields.Port), [1, 65535], [0, 65536]),
        (TypeAdapter(of_fields.Count), [0, 2**31 - 1], [-1, 2**31]),
        (TypeAdapter(of_fields.Percent), [0, 100], [-1, 101]),
        (TypeAdapter(of_fields.HostName), ["a"], [""]),
        (TypeAdapter(of_fields.ExportTo), [[], ["a"]], [[""]]),
        (TypeAdapter(core.Replicas), [0, 1000], [-1, 1001]),
        (field(core.PodSpec, "containers"), [[{}]], [[]]),
        (field(core.ServicePort, "target_port"), [1, 65535, "a", 0, ""], [-1, 65536, False]),
        (field(asm.Label, "value_from"), [["a"]], [[]]),
        (field(asm.LaneGateway, "type"), ["ASM", "ingress"], ["asm"]),
        (field(asm.LaneRouting, "ingress_routing_strategy"), ["weighted", "rule_based"], [""]),
        (field(destination_rules.OutlierDetection, "interval"), ["1ms"], ["0s"]),
        (field(destination_rules.OutlierDetection, "base_ejection_time"), ["1ms"], ["0s"]),
        (
            field(destination_rules.LoadBalancer, "simple"),
            ["LEAST_REQUEST", "RANDOM", "ROUND_ROBIN", "UNSPECIFIED", "LEAST_CONN"],
            ["PASSTHROUGH"],
        ),
        (
            field(destination_rules.HttpPool, "h2_upgrade_policy"),
            ["DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"],
            [""],
        ),
        (field(destination_rules.HttpPool, "idle_timeout"), ["1ms"], ["0s"]),
        (field(destination_rules.TcpPool, "connect_timeout"), ["1ms"], ["0s"]),
        (field(gateway_api.RouteNamespaces, "from_"), ["Same", "All", "Selector"], ["None"]),
        (
            field(gateway_api.ListenerNamespaces, "from_"),
            ["Same", "All", "Selector", "None"],
            [""],
        ),
        (field(gateway_api.GatewaySpec, "listeners"), [], [[]]),
        (field(http_route.HeaderMatch, "type"), ["Exact", "RegularExpression"], ["Prefix"]),
        (field(http_route.HeaderMatch, "value"), ["a"], [""]),
        (field(http_route.QueryParamMatch, "name"), ["a"], [""]),
        (
            field(http_route.PathMatch, "type"),
            ["Exact", "PathPrefix", "RegularExpression"],
            ["Prefix"],
        ),
        (field(http_route.PathMatch, "value"), ["/"], [""]),
        (field(http_route.Fraction, "denominator"), [1], [0]),
        (field(http_route.BackendRef, "weight"), [0, 1_000_000], [-1, 1_000_001]),
        (field(http_route.Retry, "codes"), [[100, 599]], [[99], [600]]),
        (field(istio.Server, "hosts"), [["*"]], [[]]),
        (field(istio.GatewaySpec, "servers"), [], [[]]),
        (field(istio.ServiceEntrySpec, "hosts"), [["a.org"]], [[], [""]]),
        (field(listener_set.ListenerSetSpec, "listeners"), [], [[]]),
        (field(redirects.Redirect, "redirect_code"), [300, 399], [299, 400]),
        (field(redirects.Redirect, "scheme"), ["", "https"], ["a b", "HTTP"]),
        (field(redirects.DirectResponse, "status"), [200, 599], [199, 600]),
        (field(redirects.RequestRedirect, "status_code"), [301, 302, 303, 307, 308], [300, 304]),
        (field(virtual_services.Percentage, "value"), [0, 0.5, 100], [-0.1, 100.1]),
        (field(virtual_services.Abort, "http_status"), [200, 599], [199, 600]),
    ],
)
def test_what_a_field_can_be(
    read: TypeAdapter[Any], taken: list[object], refused: list[object]
) -> None:
    for value in taken:
        read.validate_python(value)
    for value in refused:
        with pytest.raises(ValidationError):
            read.validate_python(value)


@pytest.mark.parametrize(
    ("part", "meant"),
    [
        (Finding("a", "b", "c", "d", "e"), {"line": 0, "namespace": ""}),
        (StringMatch("exact"), {"value": "", "ignore_case": False}),
        (model.Unrouted(), {"all": False, "ports": (), "only": None}),
        (model.Route((), ()), {"status": 500, "by_scheme": False, "unsupported": ""}),
        (model.ServicePort(HOST, 80, ()), {"http": True, "is_hop": True, "alias": None}),
        (traffic.Retry(1, None, ""), {"next_tier": False, "same_host": False}),
        (traffic.Cors(()), {"credentials": False, "forwards": True}),
        (
            model.Destination("a", HOST, "a", (), traffic.Propagation()),
            {
                "balancer": "LEAST_REQUEST",
                **dict.fromkeys(("hashed", "no_failover", "tls_refused", "http2"), False),
            },
        ),
    ],
)
def test_what_nobody_says_of_the_mesh(part: object, meant: dict[str, Any]) -> None:
    assert {name: getattr(part, name) for name in meant} == meant


def test_where_a_route_was_read_makes_no_other_route() -> None:
    route = model.Route((), ())
    assert replace(route, place=Place("a", "b", "c")) == route


def test_how_much_is_read_and_planned() -> None:
    """More than anybody has, and no more than a machine can hold."""
    assert (files.MOST_BYTES, files.MOST_FILES, files.MOST_DOCUMENTS) == (2**25, 10**4, 10**5)
    assert (documents.MOST_COPIES, documents.MOST_TIMES) == (400_000, 100)
    assert (environment.MOST_BYTES, workloads.MOST_PODS) == (2**18, 10**4)
    assert (of_fields.MOST_RULES, core.MOST_REPLICAS) == (2000, 1000)


GROUPS = {
    "": ["ConfigMap", "Endpoints", "Namespace", "Pod", "Service"],
    "apps": ["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"],
    "argoproj.io": ["Rollout"],
    "discovery.k8s.io": ["EndpointSlice"],
    "gateway.networking.k8s.io": [
        *("BackendTLSPolicy", "GRPCRoute", "Gateway", "HTTPRoute", "ListenerSet", "ReferenceGrant"),
    ],
    "istio.alibabacloud.com": [
        *("ASMHeaderPropagation", "ASMSwimLane", "ASMSwimLaneGroup", "TrafficLabel"),
    ],
    "networking.istio.io": [
        *("DestinationRule", "EnvoyFilter", "Gateway", "ServiceEntry", "Sidecar"),
        *("VirtualService", "WorkloadEntry"),
    ],
    "opentelemetry.io": ["Instrumentation"],
    "security.istio.io": ["PeerAuthentication", "RequestAuthentication"],
}


def test_the_kinds_that_are_understood() -> None:
    found: dict[str, list[str]] = {}
    for group, kind in sorted(kinds.KNOWN):
        found.setdefault(group, []).append(kind)
    assert found == GROUPS
    assert all(one.__name__ == kind for (_, kind), one in kinds.KNOWN.items())


@pytest.mark.parametrize("package", [kinds, envoy])
def test_what_a_package_gives_is_there(package: ModuleType) -> None:
    assert [name for name in package.__all__ if not hasattr(package, name)] == []
