"""References resolved: hosts, ports, subsets, tiers, gateways; and those that lead nowhere."""

import pytest

from lanes.mesh.hostnames import host_of
from lanes.mesh.model import Destination, Host, Mesh, ServicePort
from tests.kube import (
    Document,
    backend,
    deployment,
    destination_rule,
    gateway,
    header_is,
    header_propagation,
    http_route,
    put,
    route_rule,
    rule,
    service,
    takes,
    to,
    to_service,
    virtual_service,
)
from tests.unit.lanes.reading import mesh_of, refusal


def port_of(mesh: Mesh, name: str, number: int = 8000, namespace: str = "default") -> ServicePort:
    (port,) = [p for p in mesh.ports if p.host == Host(name, namespace) and p.port == number]
    return port


def destination_of(*documents: Document, name: str = "a", number: int = 8000) -> Destination:
    """The one destination of the first rule of a Service's port."""
    (way,) = port_of(mesh_of(*documents), name, number).routes[0].destinations
    return way.destination


def tiers_of(destination: Destination) -> list[list[str]]:
    return [[e.pod.name for e in tier] for tier in destination.tiers]


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("mockb", Host("mockb", "here")),
        ("mockb.there", Host("mockb", "there")),
        ("mockb.there.svc", Host("mockb", "there")),
        ("mockb.there.svc.cluster.local", Host("mockb", "there")),
        ("mockb.there.example.com", None),
        ("", None),
        ("mockb.", None),
        (".there", None),
    ],
)
def test_a_hosts_short_and_full_names(text: str, host: Host | None) -> None:
    assert host_of(text, "here") == host


@pytest.mark.parametrize("written", ["a", "a.default.svc.cluster.local"])
def test_a_rule_finds_its_service_by_short_and_full_name(written: str) -> None:
    found = destination_of(
        service("a"),
        deployment("a"),
        deployment("a", "v2"),
        destination_rule(written, "v2", name="a"),
        virtual_service(written, rule(to(written, "v2")), name="a"),
    )
    assert found.host == Host("a", "default")
    assert found.name == "outbound|8000|v2|a.default.svc.cluster.local"
    assert tiers_of(found) == [["a-v2"]]


def test_a_service_leads_to_its_own_namespaces_pods() -> None:
    mesh = mesh_of(
        service("a"),
        deployment("a"),
        service("a", namespace="other"),
        deployment("a", "v2", namespace="other"),
    )
    (near,) = port_of(mesh, "a").routes[0].destinations
    (far,) = port_of(mesh, "a", namespace="other").routes[0].destinations
    assert [tiers_of(w.destination) for w in (near, far)] == [[["a-v1"]], [["a-v2"]]]


def test_short_names_belong_to_the_namespace_of_who_writes_them() -> None:
    mesh = mesh_of(
        service("a"),
        service("a", namespace="other"),
        deployment("a", "v2", namespace="other"),
        destination_rule("a", "v2", namespace="other"),
        virtual_service("a", rule(to("a", "v2"), timeout="1s"), namespace="other"),
    )
    assert port_of(mesh, "a").routes[0].timeout is None
    assert port_of(mesh, "a", namespace="other").routes[0].timeout == 1


def test_a_service_without_a_selector_leads_nowhere() -> None:
    bare = put(service("a"), "spec.selector", {})
    assert tiers_of(destination_of(bare, deployment("a"))) == [[]]


def test_a_service_without_rules_leads_to_every_version() -> None:
    found = destination_of(service("a"), deployment("a"), deployment("a", "v2"), deployment("b"))
    assert tiers_of(found) == [["a-v1", "a-v2"]]


def test_a_selector_wants_all_its_labels() -> None:
    chosen = service("a", selector={"app": "a", "version": "v2"})
    assert tiers_of(destination_of(chosen, deployment("a"), deployment("a", "v2"))) == [["a-v2"]]


# Ports


@pytest.mark.parametrize(
    ("written", "reached"),
    [
        ({"port": 80}, 80),
        ({"port": 80, "targetPort": 9000}, 9000),
        ({"port": 80, "targetPort": "http"}, 8000),
        ({"port": 80, "targetPort": "http", "name": "web", "protocol": "TCP"}, 8000),
        ({"port": 80, "targetPort": 9000, "name": "http"}, 9000),
    ],
)
def test_a_services_port_and_its_pods(written: Document, reached: int) -> None:
    found = destination_of(service("a", written), deployment("a"), number=80)
    assert [e.port for e in found.tiers[0]] == [reached]


def test_a_named_port_is_each_pods_own() -> None:
    found = destination_of(
        service("a", {"port": 80, "targetPort": "http"}),
        deployment("a", "v1", port=9001),
        deployment("a", "v2", port=9002),
        number=80,
    )
    assert [e.port for e in found.tiers[0]] == [9001, 9002]


def test_each_port_of_a_service_has_its_routes() -> None:
    mesh = mesh_of(
        service("a", {"port": 80, "targetPort": 8000}, {"port": 81, "targetPort": 8001}),
        deployment("a"),
        virtual_service("a", rule(to("a"))),
    )
    for number, reached in ((80, 8000), (81, 8001)):
        (way,) = port_of(mesh, "a", number).routes[0].destinations
        assert [e.port for e in way.destination.tiers[0]] == [reached]
        assert way.destination.name == f"outbound|{number}||a.default.svc.cluster.local"


def test_a_destination_may_name_its_port() -> None:
    mesh = mesh_of(
        service("a", {"port": 80, "targetPort": 8000}, {"port": 81, "targetPort": 8001}),
        deployment("a"),
        virtual_service("a", rule(to("a", port=81))),
    )
    (way,) = port_of(mesh, "a", 80).routes[0].destinations
    assert [e.port for e in way.destination.tiers[0]] == [8001]


@pytest.mark.parametrize("ports", [(80,), (80, 81), ()])
def test_where_no_port_is_named_another_service_needs_the_one_that_is_called(
    ports: tuple[int, ...],
) -> None:
    """As istiod has it, also where the other Service has one port alone."""
    calls = service("shop"), deployment("shop", "v1", "http://a:8000/")
    other = put(service("b", *ports), "spec.ports", [{"port": one} for one in ports])
    rules = virtual_service("a", rule(to("b")))
    found = destination_of(*calls, service("a"), other, deployment("b"), rules)
    assert found.name == "outbound|8000||b.default.svc.cluster.local"
    assert tiers_of(found) == [[]]
    assert found.missing == "port"


# References that lead nowhere, or two ways


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("b", "b means b.default here, which is not a Service"),
        ("b.other", "b.other is not a Service"),
        ("b.default.svc.cluster.local", "means b.default here, which is not a Service"),
    ],
)
def test_a_service_of_that_name_elsewhere_is_named(host: str, said: str) -> None:
    near = [service("b", namespace="other"), deployment("b", namespace="other")]
    rules = [virtual_service("a", rule(to(host))), destination_rule(host, "v1")]
    warnings = mesh_of(service("a"), deployment("a"), *near, *rules).warnings
    assert [one.resource for one in warnings] == [f"DestinationRule {host}", "VirtualService a"]
    for warning in warnings:
        assert said in warning.message
        assert warning.message.endswith("did you mean b.other.svc.cluster.local?")


def test_a_gateways_host_that_is_no_service_needs_no_word() -> None:
    def warned(served: str, *gateways: str) -> list[str]:
        bound = virtual_service("a", rule(to("a")), gateways=gateways)
        bound = put(bound, "spec.hosts", ["a", "shop.example"])
        way_in = gateway(served, "a.default.svc.cluster.local", name="web")
        mesh = mesh_of(service("a"), deployment("a"), way_in, bound)
        return [one.rule for one in mesh.warnings]

    assert warned("shop.example", "web", "mesh") == []
    assert warned("*.example", "mesh", "web") == []
    assert warned("other.example", "web", "mesh") == ["no-service"]


@pytest.mark.parametrize("host", ["b", "a.other", "x.y.z"])
@pytest.mark.parametrize("fallback", [False, True])
def test_an_unknown_host_is_planned_as_one_without_pods(host: str, *, fallback: bool) -> None:
    way = to("a", "v2", fallback={"host": host}) if fallback else to(host)
    mesh = mesh_of(service("a"), deployment("a"), virtual_service("a", rule(way)))
    field = "fallback.target" if fallback else "destination"
    (warning,) = mesh.warnings
    assert (warning.rule, warning.resource) == ("no-service", "VirtualService a")
    assert warning.field == f"spec.http[0].route[0].{field}.host"
    (found,) = port_of(mesh, "a").routes[0].destinations
    assert not any(found.destination.tiers)


def test_rules_for_what_is_no_service_stop_nothing() -> None:
    others = [
        virtual_service("b", rule(to("a")), name="x"),
        virtual_service("a.default", rule(to("a")), name="y"),
        destination_rule("c", name="x"),
    ]
    mesh = mesh_of(service("a"), deployment("a"), *others)
    assert {(w.resource, w.field) for w in mesh.warnings} == {
        ("VirtualService x", "spec.hosts[0]"),
        ("VirtualService y", "spec.hosts[0]"),
        ("DestinationRule x", "spec.host"),
    }


def test_destination_rules_for_one_host_make_one() -> None:
    found = lane_v2(destination_rule("a", "v1", name="one"), destination_rule("a", "v2", name="2"))
    assert tiers_of(found) == [["a-v2"], ["a-v1"]]


@pytest.mark.parametrize("weights", [(None, None), (0, 0)])
def test_several_destinations_need_weights(weights: tuple[int | None, int | None]) -> None:
    first, second = weights
    sentence = refusal(
        service("a"),
        virtual_service("a", rule(to("a")), rule(to("a", weight=first), to("a", weight=second))),
    )
    assert sentence == (
        "VirtualService a: spec.http[1].route: several destinations need weights above 0"
    )


def test_one_destination_needs_no_weight_and_a_small_one_is_all() -> None:
    for weight in (None, 0, 7):
        mesh = mesh_of(
            service("a"), deployment("a"), virtual_service("a", rule(to("a", weight=weight)))
        )
        assert [w.weight for w in port_of(mesh, "a").routes[0].destinations] == [100]


@pytest.mark.parametrize("service_first", [True, False])
def test_a_propagation_that_takes_some_of_a_services_pods(*, service_first: bool) -> None:
    documents = [
        service("a"),
        deployment("a"),
        deployment("a", "v2"),
        header_propagation("version", labels={"version": "v2"}),
    ]
    assert refusal(*(documents if service_first else reversed(documents))) == (
        "Service a: spec.selector: its pods differ in header propagation, which is not emulated;"
        " let an ASMHeaderPropagation select all of a Service's pods or none"
    )


# Subsets and fallback


def lane_v2(*more: Document, fallback: str | Document | None = "v1") -> Destination:
    return destination_of(
        service("a"),
        deployment("a", "v1"),
        deployment("a", "v2"),
        virtual_service("a", rule(to("a", "v2", fallback=fallback))),
        *more,
    )


def test_a_subset_and_its_fallback_are_two_tiers() -> None:
    found = lane_v2(destination_rule("a", "v1", "v2"))
    assert tiers_of(found) == [["a-v2"], ["a-v1"]]
    assert found.name == "outbound|8000|v2|a.default.svc.cluster.local else v1"


def test_a_subset_without_fallback_is_one_tier() -> None:
    assert tiers_of(lane_v2(destination_rule("a", "v1", "v2"), fallback=None)) == [["a-v2"]]


def test_a_subset_that_is_not_defined_is_one_without_endpoints() -> None:
    assert tiers_of(lane_v2(destination_rule("a", "v1"))) == [[], ["a-v1"]]
    assert tiers_of(lane_v2()) == [[], []]


def test_a_fallback_may_be_another_service() -> None:
    other = [service("b"), deployment("b")]
    found = lane_v2(destination_rule("a", "v1"), *other, fallback={"host": "b"})
    assert tiers_of(found) == [[], ["b-v1"]]
    assert found.name.endswith(" else outbound|8000||b.default.svc.cluster.local")


def test_a_subsets_labels_come_on_top_of_the_selector() -> None:
    found = lane_v2(destination_rule("a", "v2"), deployment("b", "v2"))
    assert tiers_of(found)[0] == ["a-v2"]


def test_a_subsets_policy_replaces_its_rules_setting_by_setting() -> None:
    rules = destination_rule(
        "a",
        {
            "name": "v2",
            "labels": {"version": "v2"},
            "trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}},
        },
        "v1",
        policy={
            "loadBalancer": {"simple": "ROUND_ROBIN"},
            "outlierDetection": {"interval": "1s", "consecutive5xxErrors": 3},
        },
    )
    found = lane_v2(rules, fallback=None)
    assert found.balancer == "RANDOM"
    assert found.outlier is not None
    assert (found.outlier.interval, found.outlier.consecutive_5xx) == (1, 3)


def test_a_rules_policy_acts_on_the_service_as_a_whole() -> None:
    found = destination_of(
        service("a"),
        deployment("a"),
        destination_rule(
            "a",
            policy={
                "loadBalancer": {"simple": "ROUND_ROBIN"},
                "outlierDetection": {
                    "splitExternalLocalOriginErrors": True,
                    "consecutiveLocalOriginFailures": 1,
                    "consecutiveGatewayErrors": 2,
                    "consecutive5xxErrors": 3,
                    "interval": "500ms",
                    "baseEjectionTime": "1m",
                    "maxEjectionPercent": 100,
                    "minHealthPercent": 50,
                },
            },
        ),
    )
    assert found.balancer == "ROUND_ROBIN"
    assert found.outlier is not None
    assert vars(found.outlier) == {
        "split_local_origin": True,
        "consecutive_local_origin": 1,
        "consecutive_gateway": 2,
        "consecutive_5xx": 3,
        "interval": 0.5,
        "base_ejection_time": 60,
        "max_ejection_percent": 100,
        "min_health_percent": 50,
    }


# Failover priority:
# https://istio.io/latest/docs/reference/config/networking/destination-rule/#LocalityLoadBalancerSetting


def failover(*priority: str, **more: object) -> Document:
    return {
        "loadBalancer": {"localityLbSetting": {"failoverPriority": list(priority), **more}},
        "outlierDetection": {},
    }


def by_priority(policy: Document, *, subset: bool = True) -> list[list[str]]:
    """The tiers of four pods that differ in the labels version and zone."""
    pods = [
        deployment("a", version, name=f"{version}-{zone}", labels={"zone": zone})
        for version in ("v1", "v2")
        for zone in ("x", "y")
    ]
    own = {"name": "all", "trafficPolicy": policy}
    rules = destination_rule("a", own) if subset else destination_rule("a", "all", policy=policy)
    if not subset:
        rules = put(rules, "spec.subsets[0].labels", {})
    found = destination_of(service("a"), *pods, rules, virtual_service("a", rule(to("a", "all"))))
    return tiers_of(found)


NO_OUTLIERS = {**failover("version=v2"), "outlierDetection": None}
ALL = ["v1-x", "v1-y", "v2-x", "v2-y"]


@pytest.mark.parametrize(
    ("policy", "tiers"),
    [
        (failover("version=v2"), [["v2-x", "v2-y"], ["v1-x", "v1-y"]]),
        # Labels count from the first: an endpoint with only the second has matched nothing.
        (failover("version=v2", "zone=x"), [["v2-x"], ["v2-y"], ["v1-x", "v1-y"]]),
        (failover("zone=x", "version=v2"), [["v2-x"], ["v1-x"], ["v1-y", "v2-y"]]),
        (failover("version=v9"), [[], ALL]),
        (failover("version=v2", enabled=False), [ALL]),
        (NO_OUTLIERS, [ALL]),
    ],
)
def test_failover_by_labels_makes_tiers(policy: Document, tiers: list[list[str]]) -> None:
    assert by_priority(policy) == tiers


def test_a_rules_failover_reaches_its_subsets() -> None:
    tiers = by_priority(failover("version=v2"), subset=False)
    assert tiers == [["v2-x", "v2-y"], ["v1-x", "v1-y"]]


# The gateway


def domains_of(*documents: Document) -> list[str]:
    return [host.domain for host in mesh_of(service("a"), deployment("a"), *documents).gateway]


@pytest.mark.parametrize(
    ("served", "wanted", "domains"),
    [
        ("*", "*", ["*"]),
        ("*", "shop.example.com", ["shop.example.com"]),
        ("shop.example.com", "*", ["shop.example.com"]),
        ("*.example.com", "shop.example.com", ["shop.example.com"]),
        ("*.example.com", "*.shop.example.com", ["*.shop.example.com"]),
        ("default/shop.example.com", "shop.example.com", ["shop.example.com"]),
        ("*/shop.example.com", "*", ["shop.example.com"]),
    ],
)
def test_a_gateway_takes_what_both_sides_name(served: str, wanted: str, domains: list[str]) -> None:
    way = virtual_service(wanted, rule(to("a")), gateways=["demo-gateway"], name="x")
    assert domains_of(gateway(served), way) == domains


def test_a_gateway_that_does_not_serve_the_host() -> None:
    way = virtual_service("other.org", rule(to("a")), gateways=["demo-gateway"], name="x")
    mesh = mesh_of(service("a"), deployment("a"), gateway("shop.org", "*.shop.org"), way)
    assert [(w.rule, w.field, w.message) for w in mesh.warnings] == [
        (
            "not-attached",
            "spec.hosts",
            "none is served by gateway demo-gateway (shop.org, *.shop.org): its rules apply to no"
            " request there",
        )
    ]


def test_a_gateway_that_stands_elsewhere_serves_any_host() -> None:
    way = virtual_service("shop.org", rule(to("a")), gateways=["istio-system/main"])
    assert domains_of(way) == ["shop.org"]


def test_a_gateway_is_named_from_the_virtual_services_namespace() -> None:
    there = gateway("shop.org", namespace="edge")
    near = virtual_service("*", rule(to("a")), gateways=["demo-gateway"])
    far = virtual_service("*", rule(to("a")), gateways=["edge/demo-gateway"])
    assert domains_of(there, near) == []
    (warning,) = mesh_of(service("a"), deployment("a"), there, near).warnings
    assert "(edge/demo-gateway is): requests there get 404" in warning.message
    assert domains_of(there, far) == ["shop.org"]


def test_rules_for_one_host_follow_each_other() -> None:
    first = virtual_service("*", rule(to("a"), timeout="1s"), gateways=["demo-gateway"], name="1")
    second = virtual_service("*", rule(to("a"), timeout="2s"), gateways=["demo-gateway"], name="2")
    (host,) = mesh_of(service("a"), deployment("a"), gateway(), first, second).gateway
    assert [route.timeout for route in host.routes] == [1, 2]


def test_a_virtual_service_may_be_bound_to_both() -> None:
    both = virtual_service("a", rule(to("a"), timeout="1s"), gateways=["mesh", "demo-gateway"])
    mesh = mesh_of(service("a"), deployment("a"), gateway(), both)
    assert port_of(mesh, "a").routes[0].timeout == 1
    assert [host.domain for host in mesh.gateway] == ["a.default.svc.cluster.local"]


def test_a_gateways_virtual_service_says_nothing_within_the_mesh() -> None:
    way = virtual_service("a", rule(to("a"), timeout="1s"), gateways=["demo-gateway"])
    mesh = mesh_of(service("a"), deployment("a"), gateway(), way)
    assert port_of(mesh, "a").routes[0].timeout is None


@pytest.mark.parametrize(
    ("other", "refused"),
    [
        (gateway(name="other"), False),
        (gateway(name="other", port=8080), True),
        (put(gateway(name="other"), "spec.selector", {"istio": "internal"}), True),
    ],
)
def test_gateways_that_are_entrances_of_their_own(other: Document, *, refused: bool) -> None:
    """Rules that both have alike are planned, and so are those of one port of one gateway."""
    known = [service("a"), deployment("a"), gateway(), other]
    alike = virtual_service("*", rule(to("a")), gateways=["demo-gateway", "other"])
    assert len(mesh_of(*known, alike).gateway) == 1
    ways = [
        virtual_service("*", rule(to("a"), timeout=f"{n}s"), gateways=[name], name=name)
        for n, name in enumerate(("demo-gateway", "other"))
    ]
    if not refused:
        assert len(mesh_of(*known, *ways).gateway[0].routes) == 2
        return
    mesh = mesh_of(*known, *ways)
    assert [route.timeout for route in mesh.gateway[0].routes] == [0]
    (warning,) = mesh.warnings
    assert (warning.rule, warning.resource) == ("another-gateway", "VirtualService other")


@pytest.mark.parametrize(
    ("at", "domains"),
    [
        ({"match": [{"port": 443}]}, []),
        ({"match": [{"port": 80}]}, ["shop.org"]),
        ({"match": [{"gateways": ["other"]}]}, []),
        ({"match": [{"gateways": ["other"]}, {"gateways": ["demo-gateway"]}]}, ["shop.org"]),
        ({"match": [{"scheme": {"exact": "https"}}]}, []),
        ({}, ["shop.org"]),
    ],
)
def test_a_gateway_serves_no_host_for_which_it_has_no_rule(
    at: Document, domains: list[str]
) -> None:
    """Istio leaves such a VirtualService out: route.go, "no routes matched"."""
    way = virtual_service("shop.org", rule(to("a"), **at), gateways=["demo-gateway"])
    assert domains_of(gateway(), gateway(name="other"), way) == domains


def test_tls_at_the_gateway_is_planned_and_not_run() -> None:
    https = {
        "port": {"number": 443, "protocol": "HTTPS"},
        "hosts": ["*"],
        "tls": {"mode": "SIMPLE", "credentialName": "shop"},
    }
    plain = put(gateway(), "spec.servers[0].tls", {"httpsRedirect": True})
    both = put(plain, "spec.servers", [*plain["spec"]["servers"], https])
    way = virtual_service("a", rule(to("a")), gateways=["demo-gateway"])
    mesh = mesh_of(service("a"), deployment("a"), both, way)
    assert [host.domain for host in mesh.gateway] == ["a.default.svc.cluster.local"]
    assert [told.endswith("].tls: not simulated: left out") for told in mesh.not_run] == [True] * 2
    lacking = {key: value for key, value in https.items() if key != "tls"}
    wrong = put(gateway(), "spec.servers", [lacking])
    assert "protocol HTTPS needs tls.mode" in refusal(wrong)


# What a rule says


def test_a_rule_as_a_whole() -> None:
    changes = {
        "request": {"set": {"X-Set": "1"}, "add": {"X-Add": "2"}, "remove": ["X-Gone"]},
        "response": {"set": {"Y-Set": "3"}, "add": {"Y-Add": "4"}, "remove": ["Y-Gone"]},
    }
    mesh = mesh_of(
        service("a"),
        deployment("a"),
        virtual_service(
            "a",
            rule(
                to("a", headers=changes),
                match=[
                    {"headers": {"X-Tag": {"exact": "1"}, "b": {"prefix": "2"}}},
                    {"uri": {"regex": "/x.*"}},
                ],
                headers=changes,
                timeout="2s",
                retries={"attempts": 3, "perTryTimeout": "1s", "retryOn": "5xx,409"},
            ),
        ),
    )
    (route,) = port_of(mesh, "a").routes
    (way,) = route.destinations
    tagged, by_uri = route.matches
    assert {n: (m.kind, m.value) for n, m in tagged.headers.items()} == {
        "x-tag": ("exact", "1"),
        "b": ("prefix", "2"),
    }
    assert tagged.uri is None
    assert by_uri.uri is not None
    assert (by_uri.uri.kind, by_uri.uri.value) == ("regex", "/x.*")
    for request in (route.request, way.request):
        assert (request.set, request.add, request.remove) == (
            {"x-set": "1"},
            {"x-add": "2"},
            ("x-gone",),
        )
    for response in (route.response, way.response):
        assert (response.set, response.add, response.remove) == (
            {"y-set": "3"},
            {"y-add": "4"},
            ("y-gone",),
        )
    assert route.timeout == 2
    assert route.retry is not None
    assert vars(route.retry) == {
        "attempts": 3,
        "per_try_timeout": 1,
        "retry_on": "5xx,409",
        "next_tier": False,
        "backoff": None,
        "same_host": False,
    }


@pytest.mark.parametrize(
    ("more", "provider"),
    [
        ([], "istio"),
        ([header_propagation("version")], "asm"),
        ([virtual_service("a", rule(to("a", fallback={"host": "a"})))], "asm"),
        ([virtual_service("a", rule(to("a")))], "istio"),
    ],
)
def test_which_mesh_the_manifests_are_for(more: list[Document], provider: str) -> None:
    assert mesh_of(service("a"), deployment("a"), *more).provider == provider


def test_a_subset_never_leaves_its_service() -> None:
    found = destination_of(
        service("a", selector={"app": "a", "version": "v1"}),
        deployment("a", "v1"),
        deployment("a", "v2"),
        destination_rule("a", "v2"),
        virtual_service("a", rule(to("a", "v2"))),
    )
    assert tiers_of(found) == [[]]


def test_failover_acts_on_a_service_as_a_whole_too() -> None:
    found = destination_of(
        service("a"),
        deployment("a"),
        deployment("a", "v2"),
        destination_rule("a", policy=failover("version=v2")),
    )
    assert tiers_of(found) == [["a-v2"], ["a-v1"]]


def test_hosts_that_differ_in_case() -> None:
    ways = [
        virtual_service(h, rule(to("a")), gateways=["demo-gateway"], name=h.lower() + str(n))
        for n, h in enumerate(("Shop.org", "shop.org"))
    ]
    assert domains_of(gateway(), *ways) == ["shop.org"]


def test_one_port_for_two_protocols() -> None:
    both = service("a", {"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"})
    assert len(mesh_of(both, deployment("a")).ports) == 1


# More than a plan can try


def matched(*values: str) -> Document:
    return rule(to("a"), match=[header_is("x-lane", value) for value in values])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            [virtual_service("a", matched("v1", "v2"), matched("v3"), matched())],
            "VirtualService a: spec.http: has 4 rules and matches, and no more than 3 are planned;"
            " leave out those that no lane needs",
        ),
        (
            [
                virtual_service("*", matched(f"v{n}"), gateways=["demo-gateway"], name=f"w{n}")
                for n in range(4)
            ],
            "VirtualService w3: spec.http: the resources for this host have 4 rules and matches,",
        ),
        (
            [
                http_route(f"r{n}", to_service("a"), route_rule(backend("a"), matches=[takes("/")]))
                for n in range(4)
            ],
            "HTTPRoute r3: spec.rules: the resources for this host have 4 rules and matches,",
        ),
    ],
)
def test_more_rules_for_a_host_than_are_planned(
    monkeypatch: pytest.MonkeyPatch, more: list[Document], said: str
) -> None:
    for module in ("reading.kinds.fields", "reading.virtual_services"):
        monkeypatch.setattr(f"lanes.{module}.MOST_RULES", 4)
    mesh_of(service("a"), deployment("a"), gateway(), *more)
    for module in ("reading.kinds.fields", "reading.virtual_services"):
        monkeypatch.setattr(f"lanes.{module}.MOST_RULES", 3)
    assert refusal(service("a"), deployment("a"), gateway(), *more).startswith(said)


def test_rules_that_meet_those_of_others_are_told_once() -> None:
    ways = [
        virtual_service("*", matched("v1"), gateways=["demo-gateway"], name=name) for name in "abc"
    ]
    mesh = mesh_of(service("a"), deployment("a"), gateway(), *ways)
    assert [(one.rule, one.resource) for one in mesh.warnings] == [
        ("order", "VirtualService b"),
        ("order", "VirtualService c"),
    ]


A = [service("a"), deployment("a")]
A_V2 = virtual_service("a", rule(to("a", "v2")))
TCP_ALONE = put(
    virtual_service("shop.org", gateways=["demo-gateway"]),
    "spec.tcp",
    [{"route": [{"destination": {"host": "a"}}]}],
)
REFUSED: dict[str, tuple[list[Document], str]] = {
    "a named port that no pod has": (
        [service("a", {"port": 80, "targetPort": "web"}), deployment("a")],
        "Service a: spec.ports: targetPort web is not a port of pod a-v1",
    ),
    "a port that its Service lacks": (
        [*A, service("b", 80, 81), deployment("b"), virtual_service("a", rule(to("b", port=9)))],
        "VirtualService a: spec.http[0].route[0].destination.port: name one of b's ports: 80, 81",
    ),
    "a destination without any port": (
        [*A, put(service("b"), "spec.ports", []), virtual_service("a", rule(to("b", port=80)))],
        ".destination.port: name one of b's ports: it has none",
    ),
    "a VirtualService without HTTP alone": (
        [*A, gateway(), TCP_ALONE],
        "no VirtualService with HTTP rules and no HTTPRoute is bound to a gateway",
    ),
    "a subset that stands twice": (
        [*A, destination_rule("a", "v1", {"name": "v1", "labels": {"version": "v2"}}), A_V2],
        "DestinationRule a: spec.subsets[1].name",
    ),
    "a propagation of some of a Service's subsets": (
        [
            *(*A, deployment("a", "v2"), destination_rule("a", "v1", "v2")),
            virtual_service("a", rule(to("a", "v2", fallback="v1"))),
            header_propagation("version", labels={"version": "v2"}),
        ],
        "its pods differ in header propagation",
    ),
    "failover by the caller's label": (
        [
            *A,
            destination_rule("a", "v1", {"name": "v2", "trafficPolicy": failover("version")}),
            A_V2,
        ],
        "DestinationRule a: spec.subsets[1].trafficPolicy.loadBalancer.localityLbSetting"
        ".failoverPriority: by the caller's label is not emulated; write key=value",
    ),
    "failover by the caller's label for all subsets": (
        [*A, destination_rule("a", "v1", policy=failover("version")), A_V2],
        "DestinationRule a: spec.trafficPolicy.loadBalancer",
    ),
    "failover by one key twice": (
        [
            *(*A, A_V2),
            destination_rule(
                "a", {"name": "v2", "trafficPolicy": failover("version=v2", "version=v1")}
            ),
        ],
        "failoverPriority",
    ),
}


@pytest.mark.parametrize(("documents", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_resolved(documents: list[Document], said: str) -> None:
    assert said in refusal(*documents)
