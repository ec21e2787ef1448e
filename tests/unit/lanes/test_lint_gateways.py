"""Lint rules for gateways and the rules there: faults and near misses."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.kube import (
    Document,
    api_gateway,
    backend,
    deployment,
    gateway,
    header_is,
    http_route,
    put,
    route_rule,
    rule,
    service,
    sets,
    takes,
    to,
    to_gateway,
    to_service,
    virtual_service,
)
from tests.unit.lanes.lint_manifests import (
    ANY,
    CART,
    DESTINATION,
    DNS,
    ENTERED,
    ENTRY,
    GATEWAY,
    GET,
    GOOD,
    HTTP,
    LANE,
    PODS,
    REST,
    ROUTED,
    ROUTES,
    SETS_LANE,
    at_gateway,
    cases,
    entry_match,
    findings,
    message,
    no_namespace,
    of_kind,
    replacing,
    with_rules,
)

LANE_AT_PATH = rule(to("cart", "v1", headers=SETS_LANE), match=[{"uri": {"exact": "/y"}}])
BYPASSING = at_gateway(ANY)
LANE_SET = sets("baggage", "version=v2")
BY_BAGGAGE = route_rule(backend("cart"), matches=[takes(headers={"baggage": "version=v2"})])
ROUTE_TO_CART = route_rule(backend("cart", namespace="default"))
CLAIM = "spec.http[0].match[0].headers.@request.auth.claims.group"
SECURITY = "security.istio.io/v1"
REFERRED = of_kind("RequestAuthentication", SECURITY, targetRefs=[{"kind": "Gateway", "name": "x"}])
OF_CART = put(gateway(name="b"), "spec.selector", {"app": "cart"})
NOT_IN_MESH = with_rules(LANE, REST, gateways=["demo-gateway"])


def request_authentication(namespace: str = "default", **labels: str) -> Document:
    """Return a RequestAuthentication for the pods of a namespace with these labels."""
    policy = of_kind("RequestAuthentication", SECURITY, selector={"matchLabels": labels})
    return put(policy, "metadata.namespace", namespace)


def claim_rules(*documents: Document, at: Sequence[str] = ("demo-gateway",)) -> list[Document]:
    """Return GOOD and further documents, with a gateway rule that matches a claim of a token."""
    return [*entry_match(header_is("@request.auth.claims.group", "beta"), at), *documents]


# By rule: manifests, and the resources and fields that the rule reports.
CASES: dict[str, list[tuple[list[Document], list[str]]]] = {
    # gateway_elsewhere
    "TL018": [
        (replacing(GATEWAY, gateway(namespace="other")), [f"{ENTRY}: spec.gateways[0]"]),
        (
            [
                no_namespace(GATEWAY),
                *(put(each, "metadata.namespace", "shop") for each in GOOD[1:]),
            ],
            [],
        ),
    ],
    # gateway_absent
    "TL019": [
        (replacing(GATEWAY), [f"{ENTRY}: spec.gateways[0]"]),
        ([*replacing(GATEWAY, gateway(name="x")), gateway()], []),
        (
            replacing(GATEWAY, of_kind("Secret", "v1", "demo-gateway")),
            [f"{ENTRY}: spec.gateways[0]"],
        ),
        *(  # a Gateway whose spec cannot be read
            (
                [put(unread, "spec", []), *(put(d, "metadata.namespace", place) for d in GOOD[1:])],
                reported,
            )
            for place, unread, reported in (
                ("default", GATEWAY, []),
                ("default", no_namespace(GATEWAY), []),
                ("edge", put(GATEWAY, "metadata.namespace", "edge"), []),
                ("edge", GATEWAY, [f"{ENTRY}: spec.gateways[0]"]),
            )
        ),
    ],
    # client_baggage
    "TL026": [
        *(
            (at_gateway(LANE_AT_PATH, last), [f"{ENTRY}: spec.http[1]"] * reported)
            for last, reported in (
                (rule(to("cart", headers=SETS_LANE), to("cart")), True),
                (rule(to("cart", headers=SETS_LANE), to("cart", headers=SETS_LANE)), False),
                (rule(to("cart"), headers=SETS_LANE), False),
                (rule(to("cart"), headers={"request": {"remove": ["Baggage"]}}), False),
                (rule(to("cart"), headers={"request": {"add": {"baggage": "x=y"}}}), True),
                ({"redirect": {"uri": "/"}}, False),
            )
        ),
        (at_gateway(REST), []),  # no rule sets the lane header
        *(  # filters of an HTTPRoute's rules and backends
            (
                [
                    http_route(
                        "web",
                        to_gateway(),
                        *(
                            route_rule(backend("cart", *of_backend), filters=of_rule)
                            for of_rule, of_backend in (([LANE_SET], []), ([], [LANE_SET]), last)
                        ),
                    ),
                    http_route("cart", to_service("cart"), BY_BAGGAGE),
                ],
                ["HTTPRoute web: spec.rules[2]"] * reported,
            )
            for last, reported in (
                (([], []), True),
                (([LANE_SET], []), False),
                (([], [LANE_SET]), False),
            )
        ),
        (
            [GATEWAY, at_gateway({**LANE, "headers": SETS_LANE}, REST)[-1]],
            [],  # no rule in the mesh matches the lane header
        ),
    ],
    # host_not_served
    "TL032": [
        (replacing(GATEWAY, gateway("shop.org")), []),
        (
            [
                gateway("shop.org"),
                *replacing(ENTERED, put(ENTERED, "spec.hosts", ["shop.net"]))[1:],
            ],
            [f"{ENTRY}: spec.hosts"],
        ),
        *(
            (replacing(GATEWAY, gateway(host)), reported)
            for host, reported in (
                ("default/shop.org", []),
                ("*/shop.org", []),
                ("other/shop.org", [f"{ENTRY}: spec.hosts"]),
            )
        ),
        ([*replacing(ENTERED, no_namespace(ENTERED))[1:], gateway("other/shop.org")], []),
        (
            [
                gateway(f"cart.default.{DNS}"),
                *replacing(ENTERED, put(ENTERED, "spec.hosts", ["cart"]))[1:],
            ],
            [],
        ),
        *(  # two Gateways; one serves another host, or is not in the manifests
            (
                [
                    gateway("shop.net"),
                    *(gateway("shop.org", name="b") for _ in range(there)),
                    put(put(ENTERED, "spec.hosts", [host]), "spec.gateways", ["demo-gateway", "b"]),
                ],
                reported,
            )
            for there, host, reported in (
                (1, "shop.org", []),
                (1, "shop.com", [f"{ENTRY}: spec.hosts"]),
                (0, "shop.com", []),
            )
        ),
    ],
    # mesh_rules_bypassed
    "TL036": [
        (BYPASSING, [f"{ENTRY}: {DESTINATION}.host"]),
        ([d for d in BYPASSING if d is not PODS[1]], []),  # one version
        ([*GOOD, service("shop", HTTP), virtual_service("shop", ANY)], []),  # in the mesh
        (at_gateway(rule(to("cart", "v1", weight=1), to("cart", weight=0))), []),
        (  # the rules apply at the gateway too
            with_rules(LANE, ANY, gateways=["mesh", "demo-gateway"]),
            [],
        ),
        (
            [
                *(d for d in BYPASSING if d is not ROUTED),
                *(service("cart-v1", HTTP), virtual_service("cart", rule(to("cart-v1")), ANY)),
            ],
            [f"{ENTRY}: {DESTINATION}.host"],
        ),
        ([d for d in BYPASSING if d is not ROUTED], []),
        ([d if d is not ROUTED else put(d, "spec.http", [ANY]) for d in BYPASSING], []),
        *(
            (
                [
                    api_gateway(),
                    http_route("cart", to_service("cart"), route_rule(*backends)),
                    put(
                        http_route("web", to_gateway(), ROUTE_TO_CART, namespace="edge"),
                        "spec.parentRefs",
                        parents,
                    ),
                    *(CART, *PODS),
                    service("cart-v1", HTTP, selector={"app": "cart", "version": "v1"}),
                ],
                ["HTTPRoute web: spec.rules[0].backendRefs[0]"] * reported,
            )
            for parents, backends, reported in (
                ([to_gateway()], [backend("cart-v1")], True),
                ([to_gateway()], [backend("cart"), backend("cart-v1")], True),
                ([to_gateway()], [backend("cart")], False),
                ([to_gateway(), to_service("shop")], [backend("cart-v1")], False),
            )
        ),
        (
            [
                service("shop", HTTP),
                deployment("shop"),
                *at_gateway(
                    rule(to("shop"), match=[{"uri": {"exact": "/x"}}]), ANY | {"match": [GET]}, ANY
                ),
            ],
            [f"{ENTRY}: spec.http[1].route[0].destination.host"],  # one finding
        ),
    ],
    # any_host_in_mesh
    "TL039": [
        ([virtual_service("*", REST)], ["VirtualService any: spec.hosts[0]"]),
        ([virtual_service("*.org", REST)], []),
    ],
    # claim_unchecked
    "TL044": [
        *(
            (claim_rules(*resources), [f"{ENTRY}: {CLAIM}"] * unchecked)
            for resources, unchecked in (
                ([], True),
                ([of_kind("RequestAuthentication", SECURITY)], False),
                ([request_authentication(istio="ingressgateway")], False),
                ([request_authentication(app="cart")], True),
                ([request_authentication("other")], True),
                ([request_authentication("istio-system")], False),
                ([put(REFERRED, "metadata.namespace", "other")], False),
                ([request_authentication(app="cart"), OF_CART], True),
            )
        ),
        (claim_rules(request_authentication("other"))[1:], [f"{ENTRY}: {CLAIM}"]),
        (  # one gateway checks tokens
            claim_rules(request_authentication(app="cart"), OF_CART, at=("demo-gateway", "b")),
            [],
        ),
        (
            claim_rules(request_authentication(app="cart"))[1:],
            [],
        ),  # the Gateway is not in the manifests
        (
            claim_rules(of_kind("RequestAuthentication", SECURITY), at=("mesh", "edge/gw")),
            [f"{ENTRY}: {CLAIM}"],
        ),
    ],
    # rules_without_mesh
    "TL046": [
        (NOT_IN_MESH, [f"{ROUTES}: spec.gateways"]),
        ([*NOT_IN_MESH, virtual_service("cart", REST, name="inside")], []),
        ([d for d in NOT_IN_MESH if d is not PODS[1]], []),
        (with_rules(ANY, gateways=["demo-gateway"]), []),
        *(
            (
                [*NOT_IN_MESH[:-1], put(NOT_IN_MESH[-1], "spec.hosts", hosts), *others],
                [f"{ROUTES}: spec.gateways"] * reported,
            )
            for hosts, others, reported in (
                (["a.org"], [], False),
                (["a.org", "cart"], [], True),
                (  # one finding
                    ["cart", "shop"],
                    [service("shop", HTTP), deployment("shop"), deployment("shop", "v2")],
                    True,
                ),
            )
        ),
    ],
}


@pytest.mark.parametrize(("code", "documents", "expected"), cases(CASES))
def test_gateway_rules_report_faults_and_no_near_misses(
    code: str, documents: list[Document], expected: list[str], tmp_path: Path
) -> None:
    assert findings(tmp_path, code, documents) == sorted(expected)


@pytest.mark.parametrize(
    ("code", "documents", "phrase"),
    [
        (
            "TL032",
            [gateway("a.org", "b.org"), put(ENTERED, "spec.hosts", ["c.org"])],
            "(a.org, b.org)",
        ),
        ("TL032", replacing(GATEWAY, gateway("other/shop.org")), "(nothing of namespace default)"),
    ],
)
def test_findings_of_gateway_rules_name_what_the_manifests_have(
    code: str, documents: list[Document], phrase: str, tmp_path: Path
) -> None:
    assert phrase in message(tmp_path, code, documents)
