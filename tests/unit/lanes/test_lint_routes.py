"""Lint rules for VirtualServices, from weights to misrouted lanes: faults and near misses."""

from pathlib import Path
from typing import Any

import pytest

from lanes.lint.check import lint
from tests.kube import (
    Document,
    destination_rule,
    exported,
    header_is,
    header_propagation,
    put,
    rule,
    service,
    to,
    virtual_service,
    write,
)
from tests.unit.lanes.lint_manifests import (
    CART,
    CHAIN,
    DNS,
    ENTRY,
    GET,
    GOOD,
    LANE,
    NO_PODS,
    PODS,
    PREFERRED,
    REST,
    ROUTED,
    ROUTES,
    RULE,
    SERVICE,
    SETS_LANE,
    SUBSETS,
    at_gateway,
    cases,
    chain_with,
    findings,
    matching,
    message,
    namespace,
    of_kind,
    with_rules,
    without_baggage,
)

SETS_V1 = {"request": {"set": {"baggage": "version=v1"}}}
MISROUTED = at_gateway(
    matching(header_is("x-lane", "v2"), subset="v1") | {"headers": SETS_LANE},
    rule(to("cart", "v1"), headers=SETS_V1),
)
MISROUTED_WEB = virtual_service(
    "*",
    rule(to("web", "v1"), match=[header_is("x-lane", "v2")], headers=SETS_LANE),
    rule(to("web", "v1"), headers=SETS_V1),
    gateways=["demo-gateway"],
)
MORE = "VirtualService more: spec.hosts[0]"
TO_V3 = {"host": "cart", "subset": "v3"}


def mirroring(**fields: Any) -> list[Document]:
    """Return GOOD with a mirror for all requests to the cart."""
    return with_rules(rule(to("cart", "v1"), **fields))


TO_V2 = {"host": "cart", "subset": "v2"}
V2_UNKNOWN = put(SUBSETS, "spec.subsets[1].labels.version", 2)  # the subset is left out


# By rule: manifests, and the resources and fields that the rule reports.
CASES: dict[str, list[tuple[list[Document], list[str]]]] = {
    # mesh_split
    "TL004": [
        (with_rules(rule(to("cart", "v1", weight=9), to("cart", "v2", weight=1))), []),
        (with_rules(rule(to("cart", "v1", weight=9), to("cart", "v1", weight=1))), []),
        *(
            (
                [
                    virtual_service("a", rule(to("a", "v1", weight=9), to("a", "v2", weight=1))),
                    virtual_service("b", *rules, gateways=gateways),
                ],
                [f"VirtualService {name}: spec.http[0].route" for name in names],
            )
            for gateways, rules, names in (
                (["web"], [rule(to("b", "v1"), to("b", "v2"))], ["a"]),
                (["mesh", "web"], [rule(to("b", "v1"), to("b", "v2"))], ["a", "b"]),
                (["web"], [rule(to("b", "v1"), to("b", "v2"), headers=SETS_LANE)], []),
                (
                    ["web"],
                    [rule(to("b", "v1", headers=SETS_LANE), to("b", "v2", headers=SETS_LANE))],
                    [],
                ),
                (["mesh"], [rule(to("b", "v1"), to("b", "v2"), headers=SETS_LANE)], ["a", "b"]),
                (["mesh"], [rule(to("b", "v1", weight=1), to("b", "v2", weight=0))], []),
                (["mesh"], [rule(to("b", "v1"), match=[GET]), rule(to("b", "v2"))], []),
                (["mesh"], [rule(to("b.org"), to("c.org"))], []),
            )
        ),
    ],
    # weight_zero
    "TL006": [
        *(
            (
                [*with_rules(LANE, rule(*destinations)), *resources],
                [f"{ROUTES}: spec.http[1].route[1].weight"] * idle,
            )
            for destinations, resources, idle in (
                ([to("cart", "v1", weight=1), to("cart", "v2", weight=0)], [], True),
                ([to("cart", "v1", weight=1), to("cart", "v2")], [], True),
                ([to("cart", "v1", weight=0)], [], False),  # the only destination
                ([to("cart", "v1"), to("cart", "v2")], [], False),  # Istio refuses this
                *(
                    ([to("cart", "v1", weight=1), to("cart", "v2", weight=0)], [owner], False)
                    for owner in (
                        of_kind("Canary", "flagger.app/v1beta1"),
                        of_kind("Rollout", "argoproj.io/v1alpha1"),
                    )
                ),
            )
        )
    ],
    # removed_field
    "TL013": [
        (
            [destination_rule("cart", policy={"outlierDetection": {"consecutiveErrors": 5}})],
            [],  # istiod ignores it
        ),
        (
            [put(destination_rule("cart"), "spec.appendHeaders", {"x": "y"})],
            [],  # not a VirtualService
        ),
        ([put(virtual_service("cart", REST), "spec.appended", {"x": "y"})], []),
        ([of_kind("Deployment", "apps/v1")], []),
        ([of_kind("AuthorizationPolicy", "security.istio.io/v1")], []),
    ],
    # two_virtual_services
    "TL020": [
        (
            [virtual_service("*.shop.org", rule(to("shop")), name=name) for name in ("a", "b")],
            ["VirtualService b: spec.hosts[0]"],
        ),
        ([*GOOD, virtual_service("cart", REST, gateways=["demo-gateway"], name="more")], []),
        ([*GOOD, virtual_service(f"cart.default.{DNS}", REST, name="more")], [MORE]),
        *(  # VirtualServices for one host, and where each is visible
            (
                [
                    exported(virtual_service("cart", REST, name=name), *places)
                    for name, places in visible.items()
                ],
                [MORE] * reported,
            )
            for visible, reported in (
                ({"a": ["*"], "more": ["."]}, False),
                ({"a": ["."], "more": ["."]}, True),
                ({"a": ["."], "b": ["~"], "c": ["~"], "more": ["default"]}, True),
                ({"a": ["x"], "b": ["y"], "more": ["x", "z"]}, True),
            )
        ),
    ],
    # fallback_without_asm
    "TL025": [
        ([*with_rules(LANE, rule(to("cart", "v1", fallback="v2"))), header_propagation("x")], []),
        (
            [
                *with_rules(LANE, rule(to("cart", "v1", fallback="v2"))),
                of_kind("ASMSwimLane", "istio.alibabacloud.com/v1"),
            ],
            [],
        ),
        (
            with_rules(
                LANE | {"route": [to("cart", "v2", fallback="v1")]},
                rule(to("cart", "v1", fallback="v2")),
            ),
            [f"{ROUTES}: spec.http[0].route[0].fallback"],  # one finding
        ),
        (
            [
                virtual_service("cart", rule(to("cart", fallback="v2")), namespace=place)
                for place in ("a", "b")
            ],
            [f"{ROUTES}: spec.http[0].route[0].fallback"] * 2,
        ),
    ],
    # duplicate_resource
    "TL033": [
        ([*GOOD, put(CART, "spec.selector.x", "y")], [f"{SERVICE}: metadata.name"]),
        (
            [
                *GOOD,
                put(CART, "spec.selector.x", "y"),
                of_kind("Kustomization", "kustomize.config.k8s.io/v1beta1"),
            ],
            [],
        ),
        ([namespace(a="b"), namespace(a="c")], []),
    ],
    # misrouted_lane
    "TL034": [
        (CHAIN, []),
        (chain_with({ROUTES: None}), []),  # any version may answer
        # TL014, TL009 and TL024 report these.
        (chain_with({ROUTES: virtual_service("cart", REST, LANE, name="x")}), []),
        (chain_with({RULE: destination_rule("cart", "v1", NO_PODS, name="x")}), []),
        (chain_with({"Deployment web-v2": without_baggage("v2", "cart")}), []),
        (
            chain_with(
                {
                    "Deployment web-v1": without_baggage("v1", "cart"),
                    "VirtualService any": MISROUTED_WEB,
                }
            ),
            ["VirtualService any: spec.http[0]"],
        ),
        (MISROUTED, [f"{ENTRY}: spec.http[0]"]),
        (chain_with({RULE: PREFERRED}), []),  # TL043 reports this
        *(  # no plan: a document is not readable, or occurs twice
            ([*MISROUTED, unread], [])
            for unread in (
                {"kind": "Service", "apiVersion": "v1", "metadata": []},
                put(service("x"), "spec.ports[0].port", "80"),
                put(CART, "spec.selector.x", "y"),
            )
        ),
    ],
    # mirror_absent
    "TL041": [
        *(
            (mirroring(**mirror), [f"{ROUTES}: spec.http[0].{field}" for field in fields])
            for mirror, fields in (
                ({"mirror": TO_V3}, ["mirror"]),
                ({"mirror": {"host": "carrt"}}, ["mirror"]),
                ({"mirror": {"host": "mirror.org"}}, []),
                ({"mirror": {"host": "cart"}}, []),
                ({"mirror": TO_V2}, []),
                ({"mirrors": [{"destination": TO_V3}]}, ["mirrors[0].destination"]),
            )
        ),
        *(
            (
                [*(d for d in mirroring(mirror=mirror) if d not in absent), *others],
                [f"{ROUTES}: spec.http[0].mirror"] * wrong,
            )
            for mirror, absent, others, wrong in (
                (TO_V3, [CART], [], True),
                (TO_V2, PODS[1:], [], True),
                (TO_V2, PODS, [], False),  # the manifests have no pods
                (TO_V3, [SUBSETS], [V2_UNKNOWN], False),
                (
                    TO_V3,
                    [SUBSETS],
                    [V2_UNKNOWN, destination_rule("cart", "v1", name="more")],
                    False,
                ),
                (  # the pods have these labels and no others
                    TO_V3,
                    [SUBSETS],
                    [
                        destination_rule(
                            "cart", {"name": "v3", "labels": {"app": "cart", "version": "v2"}}
                        )
                    ],
                    False,
                ),
            )
        ),
    ],
}


@pytest.mark.parametrize(("code", "documents", "expected"), cases(CASES))
def test_route_rules_report_faults_and_no_near_misses(
    code: str, documents: list[Document], expected: list[str], tmp_path: Path
) -> None:
    assert findings(tmp_path, code, documents) == sorted(expected)


@pytest.mark.parametrize(
    ("code", "documents", "phrase"),
    [
        *(
            ("TL006", with_rules(rule(to("cart", "v1", weight=1), idle)), f"{name} has weight 0")
            for idle, name in ((to("cart", "v2", weight=0), "v2"), (to("shop", weight=0), "shop"))
        ),
        *(
            (
                "TL020",
                [ROUTED, virtual_service(f"cart.default.{DNS}", REST, name="a", namespace=place)],
                said,
            )
            for place, said in (
                ("default", f"{ROUTES} has rules"),
                ("shop", f"{ROUTES} of namespace default has rules"),
            )
        ),
    ],
)
def test_findings_of_route_rules_name_what_the_manifests_have(
    code: str, documents: list[Document], phrase: str, tmp_path: Path
) -> None:
    assert phrase in message(tmp_path, code, documents)


REMOVED: list[tuple[Document, str, str]] = [
    *(
        (
            virtual_service("cart", {**LANE, field: {"x": "y"}}, REST),
            f"spec.http[0].{field}",
            replacement,
        )
        for field, replacement in {
            "appendHeaders": "headers.request.add",
            "appendRequestHeaders": "headers.request.add",
            "appendResponseHeaders": "headers.response.add",
            "removeRequestHeaders": "headers.request.remove",
            "removeResponseHeaders": "headers.response.remove",
            "websocketUpgrade": "nothing: WebSockets work without",
        }.items()
    ),
    *(
        (of_kind(kind, version), "apiVersion", replacement)
        for version, kind, replacement in (
            ("apps/v1beta1", "Deployment", "apps/v1"),
            ("apps/v1beta2", "Deployment", "apps/v1"),
            ("extensions/v1beta1", "Ingress", "apps/v1 or networking.k8s.io/v1"),
            ("networking.k8s.io/v1beta1", "Ingress", "networking.k8s.io/v1"),
            ("gateway.networking.k8s.io/v1alpha1", "Gateway", "gateway.networking.k8s.io/v1"),
            (
                "authentication.istio.io/v1alpha1",
                "Policy",
                "PeerAuthentication and RequestAuthentication",
            ),
            ("config.istio.io/v1alpha2", "rule", "Telemetry, or an EnvoyFilter"),
            ("rbac.istio.io/v1alpha1", "ServiceRole", "AuthorizationPolicy"),
        )
    ),
]


@pytest.mark.parametrize(("document", "field", "replacement"), REMOVED)
def test_removed_fields_and_versions_are_reported_with_their_replacement(
    document: Document, field: str, replacement: str, tmp_path: Path
) -> None:
    (finding,) = (f for f in lint([write(tmp_path, document)]).findings if f.rule == "TL013")
    assert (finding.field, finding.message.partition("write ")[2]) == (field, replacement)
