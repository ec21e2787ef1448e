"""Lint rules for DestinationRules and subsets: faults and near misses."""

from pathlib import Path

import pytest

from tests.kube import (
    Document,
    deployment,
    destination_rule,
    exported,
    gateway,
    header_propagation,
    put,
    rule,
    service,
    to,
    virtual_service,
    without,
)
from tests.unit.lanes.lint_manifests import (
    ANY,
    CART,
    DESTINATION,
    DNS,
    ENTERED,
    ENTRY,
    GET,
    GOOD,
    HTTP,
    LANE,
    NO_PODS,
    PODS,
    PREFERRED,
    PRIORITY,
    REST,
    ROUTED,
    ROUTES,
    RULE,
    SUBSETS,
    cases,
    findings,
    labeled,
    message,
    no_namespace,
    of_kind,
    replacing,
    with_rules,
)

MORE = "DestinationRule more"
BOTH_SUBSETS = [f"{ROUTES}: spec.http[{n}].route[0].destination.subset" for n in (0, 1)]
IN_OTHER = destination_rule("cart", "v3", namespace="other")
WITHOUT_PODS = destination_rule("cart", NO_PODS, name="more")
RANDOM, ROUND_ROBIN = ({"loadBalancer": {"simple": how}} for how in ("RANDOM", "ROUND_ROBIN"))
# The cart of another namespace.
SHOP = [put(d, "metadata.namespace", "shop") for d in (CART, *PODS, ROUTED)]


def without_v2(*rules: Document) -> list[Document]:
    """Return GOOD without v2, with these rules for the cart; the gateway calls v1."""
    documents = [d for d in with_rules(*rules) if d not in (ENTERED, PODS[1])]
    return [*documents, put(ENTERED, f"{DESTINATION}.subset", "v1")]


INGRESS = deployment("ingress", namespace="edge", labels={"istio": "ingressgateway"})
TLS = "spec.trafficPolicy.tls.mode"
SECURITY = "security.istio.io/v1"
FAILOVER = "loadBalancer.localityLbSetting.failoverPriority"
PLAIN_TEXT = replacing(
    SUBSETS, destination_rule("cart", "v1", "v2", policy={"tls": {"mode": "DISABLE"}})
)


def peer_authentication(mode: str, namespace: str = "default", **labels: str) -> Document:
    """Return a PeerAuthentication for a namespace, or for its pods with these labels."""
    name = "-".join([namespace, *labels])
    policy = of_kind("PeerAuthentication", SECURITY, name, mtls={"mode": mode})
    policy = put(policy, "metadata.namespace", namespace)
    return put(policy, "spec.selector", {"matchLabels": labels}) if labels else policy


TO_CART_V2 = rule(to("cart", "v2"))


# By rule: manifests, and the resources and fields that the rule reports.
CASES: dict[str, list[tuple[list[Document], list[str]]]] = {
    # subset_without_pods
    "TL009": [
        *(
            ([*without_v2(*rules), *others], [f"{RULE}: spec.subsets[1].labels"] * absent)
            for rules, others, absent in (
                ([LANE, REST], [], True),
                # A lane is strict where only other services have its version.
                ([LANE, REST], [deployment("shop", "v2")], False),
                ([TO_CART_V2], [deployment("shop", "v2")], True),
                ([rule(to("cart", "v2", fallback="v1"))], [header_propagation("version")], False),
                (  # one finding
                    [TO_CART_V2],
                    [service("shop", HTTP), virtual_service("shop", LANE, TO_CART_V2)],
                    True,
                ),
                ([rule(to("cart", "v1"), match=[GET]), LANE, REST], [], True),
                ([REST, LANE], [], False),  # no request reaches the rule
                ([rule(to("cart", "v1", weight=1), to("cart", "v2", weight=0))], [], False),
                ([ANY], [], False),
                ([rule(to("a.org", "v2"))], [], False),
                ([LANE, REST], [destination_rule("cart", "v2", name="more")], True),
            )
        ),
        ([d for d in without_v2(LANE, REST) if d is not PODS[0]], []),  # the manifests have no pods
    ],
    # undefined_subset
    "TL015": [
        (replacing(SUBSETS), [*BOTH_SUBSETS, f"{ENTRY}: {DESTINATION}.subset"]),
        (
            [
                *with_rules(LANE, rule(to("cart", "v3", fallback="v1"))),
                header_propagation("version"),
            ],
            [],
        ),
        # The DestinationRule may be elsewhere, or the VirtualService may be applied to x.
        ([virtual_service("cart", rule(to("cart", "v3")))], []),
        ([put(SUBSETS, "metadata.namespace", "x"), CART, no_namespace(ROUTED)], []),
        ([no_namespace(SUBSETS), *SHOP], []),
        ([put(no_namespace(SUBSETS), "spec.host", f"cart.y.{DNS}"), *SHOP], BOTH_SUBSETS),
        ([*replacing(SUBSETS), destination_rule(f"*.default.{DNS}", "v1", "v2")], []),
        (with_rules(rule(to("cart"), match=[GET]), rule(to("cart", "v3"))), BOTH_SUBSETS[1:]),
        (replacing(SUBSETS, put(SUBSETS, "spec.subsets[1].labels.version", 2)), []),
        (
            [
                *(no_namespace(SUBSETS), *SHOP[:-1]),
                virtual_service("cart", LANE, rule(to("cart", "v9")), namespace="shop"),
            ],
            BOTH_SUBSETS[1:],
        ),
        (
            [*replacing(SUBSETS), destination_rule(f"*.other.{DNS}", "v1", "v2")],
            [*BOTH_SUBSETS, f"{ENTRY}: {DESTINATION}.subset"],
        ),
    ],
    # destination_rule_elsewhere
    "TL016": [
        ([*GOOD, destination_rule(f"cart.default.{DNS}", "v3", namespace="istio-system")], []),
        ([*GOOD, destination_rule(f"cart.default.{DNS}", namespace="other")], []),
        ([*GOOD, IN_OTHER], ["DestinationRule cart: spec.host"]),
        (
            [no_namespace(CART), IN_OTHER],
            [],  # the Service may be applied to other
        ),
        (
            [no_namespace(CART), service("cart", namespace="shop"), IN_OTHER],
            [],  # one of the two Services may
        ),
        *(  # a caller in that namespace: a workload, or a Service if no workload is known
            ([*there, destination_rule(f"cart.default.{DNS}", "v3", namespace="other")], reported)
            for there, reported in (
                ([*GOOD, deployment("shop", namespace="other")], []),
                ([CART, service("shop", namespace="other")], []),
                (
                    [*GOOD, service("shop", namespace="other")],
                    [f"DestinationRule cart.default.{DNS}: metadata.namespace"],
                ),
            )
        ),
        ([put(CART, "metadata.namespace", "shop"), no_namespace(SUBSETS)], []),
        (
            [
                *(*GOOD, destination_rule("cart.org"), destination_rule("cart", name="plain")),
                no_namespace(destination_rule("cart", "v3", name="unplaced")),
                IN_OTHER,
            ],
            [f"{RULE}: spec.host"],
        ),
        ([service("shop"), IN_OTHER], []),
        ([*GOOD, destination_rule(f"cart.other.{DNS}", "v3", namespace="other")], []),
    ],
    # two_destination_rules
    "TL017": [
        ([*GOOD, WITHOUT_PODS], [f"{MORE}: spec.subsets[0]"]),
        (
            [*GOOD, destination_rule(f"cart.default.{DNS}", "v3", NO_PODS, name="more")],
            [f"{MORE}: spec.subsets[1]"],
        ),
        ([*GOOD, destination_rule("cart", "v1", "v3", name="more")], []),  # Istio merges these
        ([*GOOD, destination_rule("cart", "v3", policy=ROUND_ROBIN, name="more")], []),
        ([*GOOD, destination_rule(f"*.default.{DNS}", NO_PODS, name="more")], []),
        ([*GOOD, exported(WITHOUT_PODS, "x")], []),
        (
            [
                destination_rule("a.org", "v1"),
                destination_rule("a.org", NO_PODS, "v1", name="more"),
            ],
            [],
        ),
        *(
            (
                [
                    exported(destination_rule("cart", *subsets, name=name), *to)
                    for name, subsets, to in rules
                ],
                reported,
            )
            for rules, reported in (
                ((("a", ["v2"], ["*"]), ("more", [NO_PODS], [])), [f"{MORE}: spec.subsets[0]"]),
                ((("a", ["v2"], ["x"]), ("more", [NO_PODS], ["y"])), []),
                (
                    (("a", ["v2"], ["x", "y"]), ("more", [NO_PODS], ["y", "x"])),
                    [f"{MORE}: spec.subsets[0]"],
                ),
            )
        ),
        ([*GOOD, put(WITHOUT_PODS, "spec.workloadSelector", {"matchLabels": {}})], []),
        (
            [
                destination_rule("cart", policy=RANDOM),
                without(destination_rule("cart", policy=ROUND_ROBIN, name="more"), "spec.subsets"),
            ],
            [f"{MORE}: spec.trafficPolicy"],
        ),
        ([destination_rule("a.org"), *GOOD, WITHOUT_PODS], [f"{MORE}: spec.subsets[0]"]),
    ],
    # hidden_by_export
    "TL037": [
        *(
            (
                [*replacing(ENTERED, exported(ENTERED, *places)), *pods],
                [f"{ENTRY}: spec.exportTo"] * reported,
            )
            for places, pods, reported in (
                (["x"], [], True),
                (["."], [], False),
                (["x", "*"], [], False),
                # The namespace of the gateway's pods counts, if the pods are known.
                (["."], [INGRESS], True),
                (["edge"], [INGRESS], False),
                (["."], [labeled(INGRESS, istio="ingressgateway")], True),
            )
        ),
        (
            replacing(
                ENTERED,
                exported(put(ENTERED, "spec.gateways", ["mesh", "edge/gw"]), "edge"),
                gateway(name="gw", namespace="edge"),
            ),
            [],
        ),
        *(
            (
                [*replacing(SUBSETS, exported(SUBSETS, place)), *others],
                [f"{RULE}: spec.exportTo"] * reported,
            )
            for place, others, reported in (
                ("x", [], 1),
                ("default", [deployment("a", namespace="other")], 2),  # one for each subset
                ("x", [put(put(ENTERED, "metadata.name", "b"), "spec.hosts", ["a.org"])], 1),
                ("x", [destination_rule("cart", "v1", name="more")], 1),
                ("x", [destination_rule("cart", "v2", name="more")], 0),  # defines the subset
            )
        ),
        (
            [
                *(d for d in GOOD if d not in (SUBSETS, ROUTED)),
                *(exported(SUBSETS, "default"), exported(ROUTED, ".")),
                deployment("a", namespace="other"),
            ],
            [],  # whose callers do not see the VirtualService either
        ),
    ],
    # strict_without_tls
    "TL042": [
        *(
            ([*PLAIN_TEXT, *policies], [f"{RULE}: {TLS}"] * strict)
            for policies, strict in (
                ([peer_authentication("STRICT")], True),
                ([peer_authentication("STRICT", "istio-system")], True),
                ([peer_authentication("STRICT", "other")], False),
                (
                    [
                        peer_authentication("STRICT", "istio-system"),
                        peer_authentication("PERMISSIVE"),
                    ],
                    False,
                ),
                (
                    [peer_authentication("STRICT"), peer_authentication("PERMISSIVE", app="cart")],
                    False,
                ),
                ([peer_authentication("STRICT"), peer_authentication("PERMISSIVE", app="x")], True),
                ([peer_authentication("STRICT", version="v1")], False),  # v2 accepts plain text
            )
        ),
        ([*GOOD, peer_authentication("STRICT")], []),
        (
            [destination_rule("shop"), *PLAIN_TEXT, peer_authentication("STRICT")],
            [f"{RULE}: {TLS}"],
        ),
        *(
            (
                [
                    put(CART, "spec.ports", [{"name": "http", "port": 8000, **target}]),
                    *(d for d in PLAIN_TEXT if d is not CART),
                    put(
                        peer_authentication("STRICT", app="cart"),
                        "spec.portLevelMtls",
                        {number: {"mode": "PERMISSIVE"}},
                    ),
                ],
                [f"{RULE}: {TLS}"] * reported,
            )
            for target, number, reported in (
                ({}, 8000, False),
                ({}, 9000, True),
                ({"targetPort": 9000}, 9000, False),
                ({"targetPort": 9000}, 8000, True),
                ({"targetPort": "web"}, 8000, False),  # the number is unknown
            )
        ),
    ],
    # failover_without_outlier_detection
    "TL043": [
        (replacing(SUBSETS, PREFERRED), [f"{RULE}: spec.subsets[1].trafficPolicy.{FAILOVER}"]),
        (replacing(SUBSETS, put(PREFERRED, "spec.trafficPolicy", {"outlierDetection": {}})), []),
        (
            replacing(SUBSETS, destination_rule("cart", policy=PRIORITY)),
            [f"{RULE}: spec.trafficPolicy.{FAILOVER}"],
        ),
        (
            replacing(
                SUBSETS, put(PREFERRED, "spec.subsets[1].trafficPolicy.outlierDetection", {})
            ),
            [],
        ),
    ],
}


@pytest.mark.parametrize(("code", "documents", "expected"), cases(CASES))
def test_destination_rule_rules_report_faults_and_no_near_misses(
    code: str, documents: list[Document], expected: list[str], tmp_path: Path
) -> None:
    assert findings(tmp_path, code, documents) == sorted(expected)


@pytest.mark.parametrize(
    ("code", "documents", "phrase"),
    [
        ("TL009", without_v2(LANE, REST), "(version: v1)"),
        (
            "TL009",
            replacing(
                SUBSETS, destination_rule("cart", "v1", {"name": "v2", "labels": {"lane": "v2"}})
            ),
            "(none has the label)",
        ),
        ("TL015", with_rules(rule(to("cart", "v3"))), "(v1, v2)"),
        (
            "TL015",
            [CART, PODS[0], destination_rule("cart"), *with_rules(rule(to("cart", "v3")))[-1:]],
            "(none)",
        ),
        (
            "TL015",
            [*with_rules(rule(to("cart", "v3"))), destination_rule("cart", "v4", name="more")],
            f"{RULE} has no subset",
        ),
        (
            "TL016",
            [
                *(service("cart", namespace=place) for place in ("shop", "zone")),
                destination_rule("cart", "v1"),
            ],
            f"cart.shop.{DNS}",
        ),
        ("TL017", [*GOOD, WITHOUT_PODS], f"{RULE} has subset v2 for cart"),
        (
            "TL017",
            [
                destination_rule("cart", policy=RANDOM),
                destination_rule("cart", policy=ROUND_ROBIN, name="more"),
            ],
            f"{RULE} has a traffic policy for cart",
        ),
    ],
)
def test_findings_of_destination_rule_rules_name_what_the_manifests_have(
    code: str, documents: list[Document], phrase: str, tmp_path: Path
) -> None:
    assert phrase in message(tmp_path, code, documents)
