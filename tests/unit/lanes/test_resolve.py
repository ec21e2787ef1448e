"""References of routes: hosts, ports, subsets, tiers and gateways, known and unknown."""

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
    """Return the only destination of the first rule at a Service's port."""
    (part,) = port_of(mesh_of(*documents), name, number).routes[0].destinations
    return part.destination


def tiers_of(destination: Destination) -> list[list[str]]:
    """Return the names of the pods in each tier."""
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
def test_the_service_that_a_short_or_full_name_means(text: str, host: Host | None) -> None:
    assert host_of(text, "here") == host


@pytest.mark.parametrize("host", ["a", "a.default.svc.cluster.local"])
def test_a_rule_finds_its_service_by_short_and_full_name(host: str) -> None:
    destination = destination_of(
        service("a"),
        deployment("a"),
        deployment("a", "v2"),
        destination_rule(host, "v2", name="a"),
        virtual_service(host, rule(to(host, "v2")), name="a"),
    )
    assert destination.host == Host("a", "default")
    assert destination.name == "outbound|8000|v2|a.default.svc.cluster.local"
    assert tiers_of(destination) == [["a-v2"]]


def test_a_service_has_the_pods_of_its_own_namespace() -> None:
    mesh = mesh_of(
        service("a"),
        deployment("a"),
        service("a", namespace="other"),
        deployment("a", "v2", namespace="other"),
    )
    (near,) = port_of(mesh, "a").routes[0].destinations
    (far,) = port_of(mesh, "a", namespace="other").routes[0].destinations
    assert [tiers_of(part.destination) for part in (near, far)] == [[["a-v1"]], [["a-v2"]]]


def test_short_names_mean_the_namespace_of_their_resource() -> None:
    mesh = mesh_of(
        service("a"),
        service("a", namespace="other"),
        deployment("a", "v2", namespace="other"),
        destination_rule("a", "v2", namespace="other"),
        virtual_service("a", rule(to("a", "v2"), timeout="1s"), namespace="other"),
    )
    assert port_of(mesh, "a").routes[0].timeout is None
    assert port_of(mesh, "a", namespace="other").routes[0].timeout == 1


def test_a_service_without_a_selector_has_no_pods() -> None:
    bare = put(service("a"), "spec.selector", {})
    assert tiers_of(destination_of(bare, deployment("a"))) == [[]]


def test_a_service_without_rules_has_the_pods_of_all_versions() -> None:
    destination = destination_of(
        service("a"), deployment("a"), deployment("a", "v2"), deployment("b")
    )
    assert tiers_of(destination) == [["a-v1", "a-v2"]]


def test_pods_have_all_labels_of_a_selector() -> None:
    narrow = service("a", selector={"app": "a", "version": "v2"})
    assert tiers_of(destination_of(narrow, deployment("a"), deployment("a", "v2"))) == [["a-v2"]]


# Ports


@pytest.mark.parametrize("ports", [(80,), (80, 81), ()])
def test_a_destination_without_a_port_needs_the_called_port(
    ports: tuple[int, ...],
) -> None:
    """As in istiod, also if the destination's Service has only one port."""
    caller = service("shop"), deployment("shop", "v1", "http://a:8000/")
    other = put(service("b", *ports), "spec.ports", [{"port": port} for port in ports])
    rules = virtual_service("a", rule(to("b")))
    destination = destination_of(*caller, service("a"), other, deployment("b"), rules)
    assert destination.name == "outbound|8000||b.default.svc.cluster.local"
    assert tiers_of(destination) == [[]]
    assert destination.missing == "port"


# Unknown and ambiguous references


@pytest.mark.parametrize(
    ("host", "phrase"),
    [
        ("b", "b means b.default here, which is not a Service"),
        ("b.other", "b.other is not a Service"),
        ("b.default.svc.cluster.local", "means b.default here, which is not a Service"),
    ],
)
def test_an_unknown_hosts_warning_names_a_service_of_another_namespace(
    host: str, phrase: str
) -> None:
    elsewhere = [service("b", namespace="other"), deployment("b", namespace="other")]
    rules = [virtual_service("a", rule(to(host))), destination_rule(host, "v1")]
    warnings = mesh_of(service("a"), deployment("a"), *elsewhere, *rules).warnings
    assert [warning.resource for warning in warnings] == [
        f"DestinationRule {host}",
        "VirtualService a",
    ]
    for warning in warnings:
        assert phrase in warning.message
        assert warning.message.endswith("did you mean b.other.svc.cluster.local?")


def test_a_host_that_a_gateway_serves_needs_no_service() -> None:
    def rules_of_warnings(served: str, *gateways: str) -> list[str]:
        bound = virtual_service("a", rule(to("a")), gateways=gateways)
        bound = put(bound, "spec.hosts", ["a", "shop.example"])
        entry = gateway(served, "a.default.svc.cluster.local", name="web")
        mesh = mesh_of(service("a"), deployment("a"), entry, bound)
        return [warning.rule for warning in mesh.warnings]

    assert rules_of_warnings("shop.example", "web", "mesh") == []
    assert rules_of_warnings("*.example", "mesh", "web") == []
    assert rules_of_warnings("other.example", "web", "mesh") == ["no-service"]


@pytest.mark.parametrize("host", ["b", "a.other", "x.y.z"])
@pytest.mark.parametrize("fallback", [False, True])
def test_an_unknown_host_has_no_pods(host: str, *, fallback: bool) -> None:
    destination = to("a", "v2", fallback={"host": host}) if fallback else to(host)
    mesh = mesh_of(service("a"), deployment("a"), virtual_service("a", rule(destination)))
    field = "fallback.target" if fallback else "destination"
    (warning,) = mesh.warnings
    assert (warning.rule, warning.resource) == ("no-service", "VirtualService a")
    assert warning.field == f"spec.http[0].route[0].{field}.host"
    (part,) = port_of(mesh, "a").routes[0].destinations
    assert not any(part.destination.tiers)


def test_rules_for_unknown_hosts_are_warnings() -> None:
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


def test_a_single_destination_has_all_requests_with_any_weight() -> None:
    for weight in (None, 0, 7):
        mesh = mesh_of(
            service("a"), deployment("a"), virtual_service("a", rule(to("a", weight=weight)))
        )
        assert [w.weight for w in port_of(mesh, "a").routes[0].destinations] == [100]


@pytest.mark.parametrize("service_first", [True, False])
def test_a_propagation_for_some_of_a_services_pods_is_not_supported(*, service_first: bool) -> None:
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
    destination = lane_v2(destination_rule("a", "v1", "v2"))
    assert tiers_of(destination) == [["a-v2"], ["a-v1"]]
    assert destination.name == "outbound|8000|v2|a.default.svc.cluster.local else v1"


def test_a_subset_without_fallback_is_one_tier() -> None:
    assert tiers_of(lane_v2(destination_rule("a", "v1", "v2"), fallback=None)) == [["a-v2"]]


def test_an_undefined_subset_has_no_endpoints() -> None:
    assert tiers_of(lane_v2(destination_rule("a", "v1"))) == [[], ["a-v1"]]
    assert tiers_of(lane_v2()) == [[], []]


def test_a_fallback_may_be_another_service() -> None:
    other = [service("b"), deployment("b")]
    destination = lane_v2(destination_rule("a", "v1"), *other, fallback={"host": "b"})
    assert tiers_of(destination) == [[], ["b-v1"]]
    assert destination.name.endswith(" else outbound|8000||b.default.svc.cluster.local")


def test_the_pods_of_a_subset_match_the_selector_too() -> None:
    destination = lane_v2(destination_rule("a", "v2"), deployment("b", "v2"))
    assert tiers_of(destination)[0] == ["a-v2"]


# Failover priority:
# https://istio.io/latest/docs/reference/config/networking/destination-rule/#LocalityLoadBalancerSetting


def failover(*priority: str, **more: object) -> Document:
    return {
        "loadBalancer": {"localityLbSetting": {"failoverPriority": list(priority), **more}},
        "outlierDetection": {},
    }


def tiers_by_priority(policy: Document) -> list[list[str]]:
    """Return the tiers of a subset of four pods that differ in the labels version and zone."""
    pods = [
        deployment("a", version, name=f"{version}-{zone}", labels={"zone": zone})
        for version in ("v1", "v2")
        for zone in ("x", "y")
    ]
    subset = destination_rule("a", {"name": "all", "trafficPolicy": policy})
    route = virtual_service("a", rule(to("a", "all")))
    return tiers_of(destination_of(service("a"), *pods, subset, route))


NO_OUTLIERS = {**failover("version=v2"), "outlierDetection": None}
ALL = ["v1-x", "v1-y", "v2-x", "v2-y"]


@pytest.mark.parametrize(
    ("policy", "tiers"),
    [
        (failover("version=v2"), [["v2-x", "v2-y"], ["v1-x", "v1-y"]]),
        # Labels count from the first: an endpoint with only the second matches none.
        (failover("version=v2", "zone=x"), [["v2-x"], ["v2-y"], ["v1-x", "v1-y"]]),
        (failover("zone=x", "version=v2"), [["v2-x"], ["v1-x"], ["v1-y", "v2-y"]]),
        (failover("version=v9"), [[], ALL]),
        (failover("version=v2", enabled=False), [ALL]),
        (NO_OUTLIERS, [ALL]),
    ],
)
def test_failover_by_labels_makes_tiers(policy: Document, tiers: list[list[str]]) -> None:
    assert tiers_by_priority(policy) == tiers


# The gateway


def domains_of(*documents: Document) -> list[str]:
    return [host.domain for host in mesh_of(service("a"), deployment("a"), *documents).gateway]


def test_a_virtual_service_whose_hosts_no_gateway_serves_is_a_warning() -> None:
    bound = virtual_service("other.org", rule(to("a")), gateways=["demo-gateway"], name="x")
    mesh = mesh_of(service("a"), deployment("a"), gateway("shop.org", "*.shop.org"), bound)
    assert [(w.rule, w.field, w.message) for w in mesh.warnings] == [
        (
            "not-attached",
            "spec.hosts",
            "none is served by gateway demo-gateway (shop.org, *.shop.org): its rules apply to no"
            " request there",
        )
    ]


def test_a_gateway_outside_the_manifests_serves_any_host() -> None:
    bound = virtual_service("shop.org", rule(to("a")), gateways=["istio-system/main"])
    assert domains_of(bound) == ["shop.org"]


def test_a_gateways_short_name_means_the_virtual_services_namespace() -> None:
    edge = gateway("shop.org", namespace="edge")
    near = virtual_service("*", rule(to("a")), gateways=["demo-gateway"])
    far = virtual_service("*", rule(to("a")), gateways=["edge/demo-gateway"])
    assert domains_of(edge, near) == []
    (warning,) = mesh_of(service("a"), deployment("a"), edge, near).warnings
    assert "(edge/demo-gateway is): requests there get 404" in warning.message
    assert domains_of(edge, far) == ["shop.org"]


def test_rules_of_two_virtual_services_for_one_host_are_joined() -> None:
    first = virtual_service("*", rule(to("a"), timeout="1s"), gateways=["demo-gateway"], name="1")
    second = virtual_service("*", rule(to("a"), timeout="2s"), gateways=["demo-gateway"], name="2")
    (host,) = mesh_of(service("a"), deployment("a"), gateway(), first, second).gateway
    assert [route.timeout for route in host.routes] == [1, 2]


def test_a_virtual_service_may_apply_in_the_mesh_and_at_a_gateway() -> None:
    both = virtual_service("a", rule(to("a"), timeout="1s"), gateways=["mesh", "demo-gateway"])
    mesh = mesh_of(service("a"), deployment("a"), gateway(), both)
    assert port_of(mesh, "a").routes[0].timeout == 1
    assert [host.domain for host in mesh.gateway] == ["a.default.svc.cluster.local"]


def test_a_virtual_service_for_a_gateway_does_not_apply_in_the_mesh() -> None:
    bound = virtual_service("a", rule(to("a"), timeout="1s"), gateways=["demo-gateway"])
    mesh = mesh_of(service("a"), deployment("a"), gateway(), bound)
    assert port_of(mesh, "a").routes[0].timeout is None


@pytest.mark.parametrize(
    ("other", "separate"),
    [
        (gateway(name="other"), False),
        (gateway(name="other", port=8080), True),
        (put(gateway(name="other"), "spec.selector", {"istio": "internal"}), True),
    ],
)
def test_rules_of_a_second_gateway_with_its_own_port_or_pods_are_left_out(
    other: Document, *, separate: bool
) -> None:
    """Rules for both gateways are planned, and so are those of gateways with one port and pods."""
    known = [service("a"), deployment("a"), gateway(), other]
    both = virtual_service("*", rule(to("a")), gateways=["demo-gateway", "other"])
    assert len(mesh_of(*known, both).gateway) == 1
    separately = [
        virtual_service("*", rule(to("a"), timeout=f"{n}s"), gateways=[name], name=name)
        for n, name in enumerate(("demo-gateway", "other"))
    ]
    if not separate:
        assert len(mesh_of(*known, *separately).gateway[0].routes) == 2
        return
    mesh = mesh_of(*known, *separately)
    assert [route.timeout for route in mesh.gateway[0].routes] == [0]
    (warning,) = mesh.warnings
    assert (warning.rule, warning.resource) == ("another-gateway", "VirtualService other")


@pytest.mark.parametrize(
    ("conditions", "domains"),
    [
        ({"match": [{"port": 443}]}, []),
        ({"match": [{"port": 80}]}, ["shop.org"]),
        ({"match": [{"gateways": ["other"]}]}, []),
        ({"match": [{"gateways": ["other"]}, {"gateways": ["demo-gateway"]}]}, ["shop.org"]),
        ({"match": [{"scheme": {"exact": "https"}}]}, []),
        ({}, ["shop.org"]),
    ],
)
def test_a_gateway_does_not_serve_a_host_without_rules(
    conditions: Document, domains: list[str]
) -> None:
    """Istio leaves out such a VirtualService: route.go, "no routes matched"."""
    bound = virtual_service("shop.org", rule(to("a"), **conditions), gateways=["demo-gateway"])
    assert domains_of(gateway(), gateway(name="other"), bound) == domains


def test_tls_at_the_gateway_is_planned_and_not_simulated() -> None:
    https = {
        "port": {"number": 443, "protocol": "HTTPS"},
        "hosts": ["*"],
        "tls": {"mode": "SIMPLE", "credentialName": "shop"},
    }
    plain = put(gateway(), "spec.servers[0].tls", {"httpsRedirect": True})
    both = put(plain, "spec.servers", [*plain["spec"]["servers"], https])
    bound = virtual_service("a", rule(to("a")), gateways=["demo-gateway"])
    mesh = mesh_of(service("a"), deployment("a"), both, bound)
    assert [host.domain for host in mesh.gateway] == ["a.default.svc.cluster.local"]
    assert [message.endswith("].tls: not simulated: left out") for message in mesh.not_run] == [
        True
    ] * 2
    without_tls = {key: value for key, value in https.items() if key != "tls"}
    incomplete = put(gateway(), "spec.servers", [without_tls])
    assert "protocol HTTPS needs tls.mode" in refusal(incomplete)


# Rules


def test_all_fields_of_a_rule() -> None:
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
    (part,) = route.destinations
    by_header, by_uri = route.matches
    assert {n: (m.kind, m.value) for n, m in by_header.headers.items()} == {
        "x-tag": ("exact", "1"),
        "b": ("prefix", "2"),
    }
    assert by_header.uri is None
    assert by_uri.uri is not None
    assert (by_uri.uri.kind, by_uri.uri.value) == ("regex", "/x.*")
    for request in (route.request, part.request):
        assert (request.set, request.add, request.remove) == (
            {"x-set": "1"},
            {"x-add": "2"},
            ("x-gone",),
        )
    for response in (route.response, part.response):
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
def test_the_provider_of_manifests(more: list[Document], provider: str) -> None:
    assert mesh_of(service("a"), deployment("a"), *more).provider == provider


def test_a_subset_has_no_pods_beyond_its_service() -> None:
    destination = destination_of(
        service("a", selector={"app": "a", "version": "v1"}),
        deployment("a", "v1"),
        deployment("a", "v2"),
        destination_rule("a", "v2"),
        virtual_service("a", rule(to("a", "v2"))),
    )
    assert tiers_of(destination) == [[]]


def test_failover_applies_without_a_subset_too() -> None:
    destination = destination_of(
        service("a"),
        deployment("a"),
        deployment("a", "v2"),
        destination_rule("a", policy=failover("version=v2")),
    )
    assert tiers_of(destination) == [["a-v2"], ["a-v1"]]


def test_hosts_are_compared_without_case() -> None:
    bound = [
        virtual_service(h, rule(to("a")), gateways=["demo-gateway"], name=h.lower() + str(n))
        for n, h in enumerate(("Shop.org", "shop.org"))
    ]
    assert domains_of(gateway(), *bound) == ["shop.org"]


def test_a_udp_port_beside_a_tcp_port_of_one_number_is_ignored() -> None:
    both = service("a", {"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"})
    assert len(mesh_of(both, deployment("a")).ports) == 1


# Limits


def matched(*values: str) -> Document:
    return rule(to("a"), match=[header_is("x-lane", value) for value in values])


@pytest.mark.parametrize(
    ("routes", "sentence"),
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
def test_more_rules_for_a_host_than_supported_are_an_error(
    monkeypatch: pytest.MonkeyPatch, routes: list[Document], sentence: str
) -> None:
    for module in ("reading.kinds.fields", "reading.virtual_services"):
        monkeypatch.setattr(f"lanes.{module}.MOST_RULES", 4)
    mesh_of(service("a"), deployment("a"), gateway(), *routes)
    for module in ("reading.kinds.fields", "reading.virtual_services"):
        monkeypatch.setattr(f"lanes.{module}.MOST_RULES", 3)
    assert refusal(service("a"), deployment("a"), gateway(), *routes).startswith(sentence)


def test_rules_that_overlap_with_several_resources_are_one_warning_each() -> None:
    overlapping = [
        virtual_service("*", matched("v1"), gateways=["demo-gateway"], name=name) for name in "abc"
    ]
    mesh = mesh_of(service("a"), deployment("a"), gateway(), *overlapping)
    assert [(warning.rule, warning.resource) for warning in mesh.warnings] == [
        ("order", "VirtualService b"),
        ("order", "VirtualService c"),
    ]


A = [service("a"), deployment("a")]
A_V2 = virtual_service("a", rule(to("a", "v2")))
ONLY_TCP = put(
    virtual_service("shop.org", gateways=["demo-gateway"]),
    "spec.tcp",
    [{"route": [{"destination": {"host": "a"}}]}],
)
NOT_SUPPORTED: dict[str, tuple[list[Document], str]] = {
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
    "only a VirtualService without HTTP": (
        [*A, gateway(), ONLY_TCP],
        "no VirtualService with HTTP rules and no HTTPRoute is bound to a gateway",
    ),
    "a subset that is defined twice": (
        [*A, destination_rule("a", "v1", {"name": "v1", "labels": {"version": "v2"}}), A_V2],
        "DestinationRule a: spec.subsets[1].name",
    ),
    "a propagation for some of a Service's subsets": (
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


@pytest.mark.parametrize(("documents", "phrase"), NOT_SUPPORTED.values(), ids=NOT_SUPPORTED)
def test_references_that_are_errors(documents: list[Document], phrase: str) -> None:
    assert phrase in refusal(*documents)
