"""Lint rules for Services, hosts and ports: faults and near misses."""

from pathlib import Path
from typing import Any

import pytest

from tests.kube import (
    Document,
    api_gateway,
    backend,
    deployment,
    destination_rule,
    gateway,
    header_propagation,
    http_route,
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
from tests.unit.lanes.lint_manifests import (
    ANY,
    CART,
    DESTINATION,
    ENTRY,
    GET,
    GOOD,
    HTTP,
    LANE,
    PODS,
    REST,
    ROUTES,
    SERVICE,
    cases,
    findings,
    matching,
    message,
    namespace,
    of_kind,
    replacing,
    with_rules,
)

HEADLESS = put(CART, "spec.clusterIP", "None")
GRPC: Document = {"name": "grpc"}
BACKEND = "HTTPRoute cart: spec.rules[0].backendRefs[0]"


def route_to_version(service_port: Document, version_port: Document) -> list[Document]:
    """Return a Service, the Service of a version, and an HTTPRoute from one to the other."""
    return [
        service("cart", {"port": 8000, **service_port}),
        service("cart-v2", {"port": 8000, **version_port}),
        http_route("cart", to_service("cart"), route_rule(backend("cart-v2"))),
    ]


def rule_to_version(
    service_port: Document, version_port: Document, **fields: Any
) -> list[Document]:
    """Return a Service, the Service of a version, and a VirtualService from one to the other."""
    return [
        *route_to_version(service_port, version_port)[:2],
        virtual_service("cart", rule(to("cart-v2")), **fields),
    ]


TO_ABSENT = rule(to("carrt"))  # a misspelled host
TCP = {"port": {"number": 5000, "name": "tcp", "protocol": "TCP"}, "hosts": ["*"]}
WEB_SERVER = {"port": {"number": 8000, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
TCP_GATEWAY = put(gateway(), "spec.servers", [WEB_SERVER, TCP])
TWO_PORTS = put(CART, "spec.ports", [HTTP, {"name": "http-admin", "port": 9000}])


def cart_with_port(**fields: Any) -> Document:
    """Return the cart's Service with one port, 8000; `fields` are its name and appProtocol."""
    return put(CART, "spec.ports", [{"port": 8000, **fields}])


def gateway_to_cart(cart: Document, port: int | None = None, **fields: Any) -> list[Document]:
    """Return a Gateway, one rule there that sends requests to the cart, and the cart's Service."""
    entered = rule(to("cart", port=port), **fields)
    return [
        gateway(),
        virtual_service("*", entered, gateways=["demo-gateway"], name="entered"),
        cart,
    ]


TO_PORT_81 = with_rules(LANE, rule(to("cart", "v1", port=81)))


# By rule: manifests, and the resources and fields that the rule reports.
CASES: dict[str, list[tuple[list[Document], list[str]]]] = {
    # port_not_http
    "TL002": [
        *(
            (
                replacing(CART, put(CART, "spec.ports", ports)),
                [f"{SERVICE}: spec.ports[0].{field}" for field in fields],
            )
            for ports, fields in (
                ([{"port": 8000, "name": "tcp"}], ["name"]),
                ([{"port": 8000, "name": "http", "appProtocol": "tcp"}], ["appProtocol"]),
                ([{"port": 3306}], ["port"]),
                ([{"port": 8000, "name": "tcp-web", "appProtocol": "http"}], []),
                ([{"port": 8000, "name": "grpc"}], []),
                ([{"port": 8000, "name": "grpc-web-x"}], []),
                ([HTTP, {"port": 53, "name": "dns"}], []),
                ([{"port": 3306}, {"port": 1, "name": "tcp"}], ["port"]),
            )
        ),
        (
            [
                put(CART, "spec.ports", [{"port": 8000, "name": "tcp"}]),
                put(without(virtual_service("cart"), "spec.http"), "spec.tcp", []),
            ],
            [],
        ),
        (  # a Gateway of the same name
            [
                *(cart_with_port(name="tcp"), api_gateway(name="cart")),
                http_route("cart", to_gateway("cart"), route_rule(backend("cart"))),
            ],
            [],
        ),
    ],
    # port_without_protocol
    "TL003": [
        (replacing(CART, cart_with_port()), [f"{SERVICE}: spec.ports[0].port"]),
        (replacing(CART, cart_with_port(name="web")), [f"{SERVICE}: spec.ports[0].name"]),
        (replacing(CART, cart_with_port(name="http-web")), []),
        (replacing(CART, put(CART, "spec.ports", [{"port": 1, "name": "x"}, HTTP])), []),
        ([CART, cart_with_port()][1:], []),  # nothing routes to it
        (
            [
                *replacing(CART, cart_with_port()),
                service("aaa", HTTP),
                virtual_service("aaa", rule(to("aaa"))),
            ],
            [f"{SERVICE}: spec.ports[0].port"],
        ),
    ],
    # headless_service
    "TL010": [
        (replacing(CART, HEADLESS), [f"{ROUTES}: {DESTINATION}.subset"]),
        (replacing(CART, put(CART, "spec.clusterIP", "10.0.0.1")), []),
        (
            [
                HEADLESS if d is CART else d
                for d in with_rules(rule(to("cart"), match=[GET]), LANE, REST)
            ],
            [f"{ROUTES}: spec.http[1].route[0].destination.subset"],
        ),
        (
            replacing(CART, put(CART, "spec.type", "ExternalName")),
            [f"{ENTRY}: {DESTINATION}.subset"],
        ),
        (
            [
                *(HEADLESS, service("cart-v1", HTTP)),
                *(
                    http_route(name, to_service("cart"), route_rule(backend("cart-v1")))
                    for name in ("a", "b")
                ),
            ],
            ["HTTPRoute a: spec.parentRefs"],
        ),
        (
            [
                put(d, "metadata.namespace", place)
                for place in ("default", "shop")
                for d in (HEADLESS, virtual_service("cart", REST, name=place))
            ],
            [f"VirtualService {place}: {DESTINATION}.subset" for place in ("default", "shop")],
        ),
    ],
    # service_without_pods
    "TL023": [
        (
            replacing(CART, put(CART, "spec.selector", {"app": "other"})),
            [f"{SERVICE}: spec.selector"],
        ),
        ([service("cart", HTTP), deployment("shop"), virtual_service("cart", ANY)], []),
        *(  # a Gateway of the same name
            (
                [
                    service("cart", HTTP, selector={"app": "other"}),
                    *(deployment("cart"), service("shop"), deployment("shop")),
                    api_gateway(name="cart"),
                    http_route("any", parent, route_rule(backend("shop"))),
                ],
                reported,
            )
            for parent, reported in (
                (to_service("cart"), [f"{SERVICE}: spec.selector"]),
                (to_gateway("cart"), []),
            )
        ),
        (
            [
                *(service("aaa"), deployment("aaa"), virtual_service("aaa", rule(to("aaa")))),
                *replacing(CART, put(CART, "spec.selector", {"app": "other"})),
            ],
            [f"{SERVICE}: spec.selector"],
        ),
        *(  # pods with the Service's name, or with one of its labels
            (
                [
                    put(CART, "spec.selector", selector),
                    virtual_service("cart", ANY),
                    put(
                        deployment("cart", name=name, namespace=place),
                        "spec.template.metadata.labels",
                        labels,
                    ),
                ],
                [f"{SERVICE}: spec.selector"] * reported,
            )
            for name, place, selector, labels, reported in (
                ("cart", "default", {"x": "y"}, {}, True),
                ("cart-v1", "default", {"x": "y"}, {}, True),
                ("cart-v1", "shop", {"x": "y"}, {}, False),
                ("carts", "default", {"x": "y"}, {}, False),
                ("carts", "default", {"app": "a", "x": "y"}, {"app": "a"}, True),
                ("carts", "default", {"app": "a", "x": "y"}, {"app": "b"}, False),
                ("cart", "default", {}, {}, False),
            )
        ),
    ],
    # destination_absent
    "TL028": [
        (with_rules(LANE, TO_ABSENT), [f"{ROUTES}: spec.http[1].route[0].destination.host"]),
        (  # one finding for each VirtualService
            [
                *with_rules(LANE, matching({"uri": {"exact": "/x"}}) | TO_ABSENT, TO_ABSENT),
                virtual_service("other.org", TO_ABSENT, name="other"),
            ],
            [
                f"{ROUTES}: spec.http[1].route[0].destination.host",
                f"VirtualService other: {DESTINATION}.host",
            ],
        ),
        (with_rules(LANE, rule(to("cart", "v1", weight=1), to("carrt", weight=0))), []),
        (with_rules(LANE, REST, TO_ABSENT), []),  # no request reaches the rule
        (
            [
                *with_rules(LANE, rule(to("carrt", fallback={"host": "cart", "subset": "v1"}))),
                header_propagation("version"),
            ],
            [],
        ),
    ],
    # host_absent
    "TL029": [
        ([*GOOD, virtual_service("carrt", REST)], ["VirtualService carrt: spec.hosts[0]"]),
        (
            [*GOOD, put(virtual_service("cart", REST, name="x"), "spec.hosts", ["a.org", "carrt"])],
            ["VirtualService x: spec.hosts[1]"],
        ),
        ([*GOOD, virtual_service("carrt", REST, gateways=["demo-gateway"])], []),
        ([*GOOD, virtual_service("a.org", REST)], []),
    ],
    # destination_rule_absent
    "TL030": [
        ([*GOOD, destination_rule("carrt", "v1")], ["DestinationRule carrt: spec.host"]),
        ([*GOOD, destination_rule("cart", "v3", namespace="other")], []),  # TL016 reports this
        ([*GOOD, destination_rule("a.org", "v1")], []),
    ],
    # port_absent
    "TL031": [
        (with_rules(LANE, rule(to("cart", "v1", port=8000))), []),
        *(
            (
                [*TO_PORT_81, *resources],
                [f"{ROUTES}: spec.http[1].route[0].destination.port.number"] * absent,
            )
            for resources, absent in (
                ([], True),
                ([of_kind("ServiceEntry", hosts=["*.svc.cluster.local"])], True),
                ([of_kind("ServiceEntry", hosts=["cart.default.svc.cluster.local"])], False),
                ([namespace(a="b"), namespace(a="c")], True),
                # One of two Services with one name applies; lint cannot tell which.
                ([put(CART, "spec.ports", [{"port": 9}])], False),
            )
        ),
        (
            with_rules(LANE, rule(to("cart", "v1", weight=1), to("cart", "v2", port=81, weight=0))),
            [],
        ),
        *(
            ([changed if d is CART else d for d in TO_PORT_81], [])
            for changed in (
                put(CART, "spec.type", "ExternalName"),
                put(CART, "spec.ports", [HTTP, {"port": "x"}]),  # may be port 81
            )
        ),
        *(  # rules that no request uses, and rules that requests may use
            (
                [
                    *(CART, service("old", *old), *PODS),
                    put(
                        virtual_service("x", rule(to("cart", port=81)), gateways=at),
                        "spec.hosts",
                        hosts,
                    ),
                ],
                [f"VirtualService x: {DESTINATION}.port.number"] * reported,
            )
            for hosts, old, at, reported in (
                (["old"], [HTTP], ["mesh"], True),
                (["old"], [{"port": 8000, "name": "tcp"}], ["mesh"], False),
                (["old"], [{"port": 8000, "name": "tcp"}], ["web"], True),
                (["old"], [{"port": 8000, "name": "tcp"}], ["mesh", "web"], True),
                (["old", "cart"], [{"port": 8000, "name": "tcp"}], ["mesh"], True),
                (["olds"], [HTTP], ["mesh"], False),
                (["old.org"], [HTTP], ["mesh"], True),
                ([], [HTTP], ["mesh"], True),  # a delegate
            )
        ),
    ],
    # protocol_differs
    "TL035": [
        (route_to_version(GRPC, HTTP), [BACKEND]),
        (route_to_version(HTTP, {"appProtocol": "kubernetes.io/h2c"}), [BACKEND]),
        (route_to_version(GRPC, {"name": "http", "appProtocol": "grpc"}), []),
        (route_to_version(GRPC, {"name": "http2-web"}), []),
        (route_to_version(GRPC, {"name": "web"}), []),  # the mesh detects the protocol
        (route_to_version({"name": "tcp"}, HTTP), []),
        (route_to_version(GRPC, HTTP)[::2], []),  # the version's Service is elsewhere
        (rule_to_version(GRPC, HTTP), [f"{ROUTES}: {DESTINATION}.host"]),
        (rule_to_version(GRPC, GRPC), []),
        (  # the gateway calls only cart-v2
            rule_to_version(GRPC, HTTP, gateways=["demo-gateway"]),
            [],
        ),
        # The called port is unknown.
        ([service("cart", {"port": 8000, **GRPC}, 80), *rule_to_version(GRPC, HTTP)[1:]], []),
        (
            [
                *route_to_version(GRPC, HTTP)[:2],
                {**route_to_version(GRPC, HTTP)[2], "kind": "GRPCRoute"},
            ],
            ["GRPCRoute cart: spec.rules[0].backendRefs[0]"],
        ),
        (
            [virtual_service("*", ANY, gateways=["web"]), *rule_to_version(GRPC, HTTP)],
            [f"{ROUTES}: {DESTINATION}.host"],
        ),
        *(  # the port in the rule, or else the first port
            (
                [
                    service("cart", {"port": 8000, **GRPC}),
                    service("cart-v2", {"port": 9000, **GRPC}, {"port": 8000, "name": "http"}),
                    virtual_service("cart", rule(to("cart-v2", port=number))),
                ],
                [f"{ROUTES}: {DESTINATION}.host"] * reported,
            )
            for number, reported in ((8000, True), (9000, False), (None, False))
        ),
        (
            [
                *route_to_version(GRPC, HTTP)[:2],
                http_route(
                    "cart",
                    to_service("cart", namespace="default"),
                    route_rule(backend("cart-v2", namespace="default")),
                    namespace="edge",
                ),
            ],
            [BACKEND],
        ),
    ],
    # port_unspecified
    "TL038": [
        (gateway_to_cart(TWO_PORTS), [f"{ENTRY}: spec.http[0].route[0].destination"]),
        (gateway_to_cart(CART), []),  # its only port
        (gateway_to_cart(TWO_PORTS, match=[{"port": 80}]), [f"{ENTRY}: {DESTINATION}"]),
        (
            gateway_to_cart(TWO_PORTS, match=[{"port": 9000}, {"method": {"exact": "PUT"}}]),
            [f"{ENTRY}: {DESTINATION}"],
        ),
        ([gateway(port=8000), gateway(name="other"), *gateway_to_cart(TWO_PORTS)[1:]], []),
        ([TCP_GATEWAY, *gateway_to_cart(TWO_PORTS)[1:]], []),
        ([TWO_PORTS, service("old", 80), virtual_service("old", ANY, gateways=["x/y"])], []),
        (gateway_to_cart(TWO_PORTS, port=8000), []),
        (gateway_to_cart(TWO_PORTS)[1:], []),  # the Gateway is elsewhere
        ([gateway(port=8000), *gateway_to_cart(TWO_PORTS)[1:]], []),
        (
            gateway_to_cart(TWO_PORTS, match=[{"port": 9000}]),
            [],  # the gateway has no such port
        ),
        (
            [TWO_PORTS, service("old", 80), virtual_service("old", ANY)],
            ["VirtualService old: spec.http[0].route[0].destination"],
        ),
        ([TWO_PORTS, service("old", 8000), virtual_service("old", ANY)], []),
        (
            [
                gateway(),
                virtual_service(
                    "*",
                    *(rule(to("cart", port=8000), match=[GET]), ANY),
                    gateways=["demo-gateway"],
                    name="entered",
                ),
                TWO_PORTS,
            ],
            [f"{ENTRY}: spec.http[1].route[0].destination"],
        ),
    ],
}


@pytest.mark.parametrize(("code", "documents", "expected"), cases(CASES))
def test_service_rules_report_faults_and_no_near_misses(
    code: str, documents: list[Document], expected: list[str], tmp_path: Path
) -> None:
    assert findings(tmp_path, code, documents) == sorted(expected)


@pytest.mark.parametrize(
    ("code", "documents", "phrase"),
    [
        (
            "TL002",
            [
                *replacing(CART, cart_with_port(name="tcp")),
                virtual_service("cart", REST, name="more"),
            ],
            f"the rules of {ROUTES}",
        ),
        ("TL010", replacing(CART, HEADLESS), "is headless"),
        ("TL010", replacing(CART, put(CART, "spec.type", "ExternalName")), "another host's name"),
        (
            "TL023",
            [service("cart", HTTP, selector={"app": "x"}), *(*PODS, virtual_service("cart", ANY))],
            "Deployment cart-v1 lack app: x",
        ),
        ("TL031", with_rules(rule(to("cart", port=9))), "(8000)"),
        (
            "TL035",
            route_to_version(GRPC, HTTP),
            "carries HTTP/1.1, and cart, which callers use, HTTP/2:",
        ),
        (
            "TL038",
            [
                *(gateway(), gateway(name="b", port=81), TWO_PORTS),
                virtual_service("*", ANY, gateways=["demo-gateway", "b"], name="entered"),
            ],
            "a request to port 80 goes to its port 80",
        ),
    ],
)
def test_findings_of_service_rules_name_what_the_manifests_have(
    code: str, documents: list[Document], phrase: str, tmp_path: Path
) -> None:
    assert phrase in message(tmp_path, code, documents)
