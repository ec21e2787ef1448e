"""Where each rule of lanes lint begins and ends: manifests a step apart, one found and one not."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lanes.lint.check import lint
from tests.kube import (
    Chain,
    Document,
    api_gateway,
    backend,
    deployment,
    destination_rule,
    exported,
    foreign,
    gateway,
    header_is,
    header_propagation,
    http_route,
    instrumentation,
    istio,
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
    without,
    write,
)


def found(tmp_path: Path, code: str, documents: Sequence[Document]) -> list[str]:
    """What the rule of this code finds: each resource and its field. Of no code: what any does."""
    report = lint([write(tmp_path, *documents)])
    return sorted(f"{f.resource}: {f.field}" for f in report.findings if f.rule.startswith(code))


def unplaced(document: Document) -> Document:
    """The same resource, which goes to the namespace that it is applied to."""
    return without(document, "metadata.namespace")


HTTP: Document = {"name": "http", "port": 8000}
CART = service("cart", HTTP)
HEADLESS = put(CART, "spec.clusterIP", "None")
GRPC: Document = {"name": "grpc"}
BACKEND = "HTTPRoute cart: spec.rules[0].backendRefs[0]"


def versioned(base: Document, own: Document) -> list[Document]:
    """A Service, one of a version, and the route from the first to the second."""
    return [
        service("cart", {"port": 8000, **base}),
        service("cart-v2", {"port": 8000, **own}),
        http_route("cart", to_service("cart"), route_rule(backend("cart-v2"))),
    ]


def led_to(base: Document, own: Document, **more: Any) -> list[Document]:
    """A Service, one of a version, and the VirtualService that leads from the first to it."""
    return [*versioned(base, own)[:2], virtual_service("cart", rule(to("cart-v2")), **more)]


PODS = [deployment("cart", "v1"), deployment("cart", "v2")]
SUBSETS = destination_rule("cart", "v1", "v2")
REST = rule(to("cart", "v1"))
SETS_LANE = {"request": {"set": {"baggage": "version=v2"}}}
ENTERED = virtual_service(
    "*", rule(to("cart", "v2", headers=SETS_LANE)), gateways=["demo-gateway"], name="entered"
)
MEMBER = r"(.*,)?\s*version\s*=\s*v2\s*([;,].*)?"
LANE = rule(to("cart", "v2"), match=[header_is("baggage", MEMBER, "regex")])
ROUTED = virtual_service("cart", LANE, REST)
GOOD = [gateway(), ENTERED, CART, *PODS, SUBSETS, ROUTED]


DNS = "svc.cluster.local"
MORE = "DestinationRule more"
RANDOM, ROUND_ROBIN = ({"loadBalancer": {"simple": how}} for how in ("RANDOM", "ROUND_ROBIN"))
SHOP = [put(one, "metadata.namespace", "shop") for one in (CART, *PODS, ROUTED)]


def with_rules(*rules: Document, **more: Any) -> list[Document]:
    """The good manifests, with these rules for the cart."""
    return [d for d in GOOD if d is not ROUTED] + [virtual_service("cart", *rules, **more)]


def instead(old: Document, *new: Document) -> list[Document]:
    return [d for d in GOOD if d is not old] + list(new)


def of_kind(
    kind: str, api: str = "networking.istio.io/v1", name: str = "any", **spec: Any
) -> Document:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}


def namespace(**labels: str) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "default", "labels": labels},
    }


def port(**fields: Any) -> Document:
    return put(CART, "spec.ports", [{"port": 8000, **fields}])


def labeled(document: Document, **labels: str) -> Document:
    return put(document, "spec.template.metadata.labels", labels)


def matching(*matches: Document, lead: str = "v2") -> Document:
    return rule(to("cart", lead), match=list(matches))


TO_CRAT = rule(to("carrt"))
POD = "spec.template.spec.containers[0]"
GET = {"method": {"exact": "GET"}}
OWN_HEADERS = rule(to("cart", "v1"), headers={"response": {"set": {"x": "y"}}})
BY_HEADER = [
    *instead(ENTERED, virtual_service("cart", matching(header_is("x-lane", "v2")), REST))[:-2],
    virtual_service("cart", matching(header_is("x-lane", "v2")), REST),
    virtual_service(
        "*",
        rule(to("cart", "v1", headers={"request": {"add": {"X-Lane": "v2"}}})),
        gateways=["demo-gateway"],
        name="entered",
    ),
]
PAST = "traffic.sidecar.istio.io/excludeOutboundPorts"
BAGGAGE = "match[0].headers.baggage"
SERVICE, RULE, ROUTES = "Service cart", "DestinationRule cart", "VirtualService cart"
BARE = [labeled(pod, app="cart") for pod in PODS]
PLAIN = [rule(to("cart", "v1", headers=SETS_LANE), match=[{"uri": {"exact": "/y"}}])]


def entering(*rules: Document, at: Sequence[str] = ("demo-gateway",)) -> list[Document]:
    """The good manifests, with these rules at the gateways."""
    entered = virtual_service("*", *rules, gateways=[*at], name="entered")
    return instead(ENTERED, entered)


def without_v2(*rules: Document) -> list[Document]:
    """The good manifests, with these rules for a cart without v2; the gateway leads to v1."""
    left = [d for d in with_rules(*rules) if d not in (ENTERED, PODS[1])]
    return [*left, put(ENTERED, "spec.http[0].route[0].destination.subset", "v1")]


V = "spec.template"
V1, V2 = (f"Deployment cart-{version}: spec.template" for version in ("v1", "v2"))


def programs(**env: str) -> list[Document]:
    """The good manifests with programs of others in the pods; the first one has these variables."""
    others = [d for d in GOOD if d not in PODS]
    return [*others, foreign("cart", "v1", **env), foreign("cart", "v2")]


def injected(*resources: Document, asked: Sequence[str] = ("true",)) -> list[Document]:
    """The same, where the Operator injects into the first pods, by annotation, or into both."""
    annotations = [{"instrumentation.opentelemetry.io/inject-java": one} for one in asked]
    pods = [
        put(deployment("cart", version, annotations=own), f"{POD}.env", [])
        for version, own in zip(("v1", "v2"), annotations, strict=False)
    ]
    others = [foreign("cart", "v2")][: 2 - len(asked)]
    return [*(d for d in GOOD if d not in PODS), *pods, *others, *resources]


def beside(first: str, own: str) -> list[Document]:
    """The same, where another container comes first, each with its propagators."""
    containers = [
        foreign("cart", OTEL_PROPAGATORS=text)["spec"]["template"]["spec"]["containers"][0]
        for text in (first, own)
    ]
    both = [put(containers[0], "name", "first") | {"ports": []}, containers[1]]
    return [
        put(d, "spec.template.spec.containers", both) if d["metadata"]["name"] == "cart-v1" else d
        for d in programs()
    ]


NO_PODS: Document = {"name": "v2", "labels": {"version": "2"}}
NO_EXAMPLE = r"[\x{4e00}-\x{9fff}]+=v2.*"
WEB_AND_CART: Chain = {"web": (["v1", "v2"], ["cart"]), "cart": (["v1", "v2"], [])}
CHAIN = istio(WEB_AND_CART, {"v1": 1, "v2": 1})


def chain_with(changes: Mapping[str, Document | None]) -> list[Document]:
    """The chain with other documents, or none, in place of some, by kind and name."""
    names = {d["kind"] + " " + d["metadata"]["name"]: d for d in CHAIN}
    return [document for document in {**names, **changes}.values() if document]


def b3(version: str, *upstreams: str) -> Document:
    """Pods of the first service that carry no baggage."""
    labels = {"lane-v2": "member"}
    return deployment("web", version, *upstreams, labels=labels, env={"OTEL_PROPAGATORS": "b3"})


V1_STAMP = {"request": {"set": {"baggage": "version=v1"}}}
BEYOND = entering(
    matching(header_is("x-lane", "v2"), lead="v1") | {"headers": SETS_LANE},
    rule(to("cart", "v1"), headers=V1_STAMP),
)
MISROUTED = virtual_service(
    "*",
    rule(to("web", "v1"), match=[header_is("x-lane", "v2")], headers=SETS_LANE),
    rule(to("web", "v1"), headers=V1_STAMP),
    gateways=["demo-gateway"],
)


ENTRY = "VirtualService entered"
PAST_RULES = entering(rule(to("cart")))
LANE_SET = sets("baggage", "version=v2")
BY_BAGGAGE = route_rule(backend("cart"), matches=[takes(headers={"baggage": "version=v2"})])
OLD = rule(to("old"))
OLDER: Document = {
    "apiVersion": "v1",
    "kind": "Endpoints",
    "metadata": {"name": "old", "namespace": "default"},
    "subsets": [{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 8000}]}],
}
X_LANE = route_rule(backend("cart"), matches=[takes(headers={"a": "b", "x-lane": "v2"})])
PAST_ROUTE = route_rule(backend("cart", namespace="default"))
ANY = rule(to("cart"))
TWO_PORTS = put(CART, "spec.ports", [HTTP, {"name": "http-admin", "port": 9000}])
INGRESS = deployment("ingress", namespace="edge", labels={"istio": "ingressgateway"})
ELSEWHERE = virtual_service("b.org", REST, gateways=["web"], name="y")
COOKIE, AGENT = (f"spec.http[0].match[0].headers.{name}" for name in ("cookie", "user-agent"))
CLAIM = "spec.http[0].match[0].headers.@request.auth.claims.group"
TLS = "spec.trafficPolicy.tls.mode"
SECURITY = "security.istio.io/v1"
OTEL = "instrumentation.opentelemetry.io"
FAILOVER = "loadBalancer.localityLbSetting.failoverPriority"
PREFERS = {"loadBalancer": {"localityLbSetting": {"failoverPriority": ["version=v2"]}}}
PREFERRED = destination_rule(
    "cart", "v1", {"name": "v2", "labels": {"app": "cart"}, "trafficPolicy": PREFERS}
)
PLAIN_TEXT = instead(
    SUBSETS, destination_rule("cart", "v1", "v2", policy={"tls": {"mode": "DISABLE"}})
)
TO_V3 = {"host": "cart", "subset": "v3"}
IN_BOTH = {f"{OTEL}/inject-java": "true"}
LED = "spec.http[0].route[0].destination"
TCP = {"port": {"number": 5000, "name": "tcp", "protocol": "TCP"}, "hosts": ["*"]}
WEB_SERVER = {"port": {"number": 8000, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
WITH_TCP = put(gateway(), "spec.servers", [WEB_SERVER, TCP])
REFERRED = of_kind("RequestAuthentication", SECURITY, targetRefs=[{"kind": "Gateway", "name": "x"}])
OF_CART = put(gateway(name="b"), "spec.selector", {"app": "cart"})
AT_GATEWAY = with_rules(LANE, REST, gateways=["demo-gateway"])


def led_to_cart(cart: Document, port: int | None = None, **fields: Any) -> list[Document]:
    """A Gateway whose one rule leads to the cart."""
    entered = rule(to("cart", port=port), **fields)
    return [
        gateway(),
        virtual_service("*", entered, gateways=["demo-gateway"], name="entered"),
        cart,
    ]


def asking(how: str, cookie: str = "", agent: str = "") -> list[Document]:
    """The good manifests, with a rule at the gateway for a cookie or a user agent."""
    asked = header_is("cookie", cookie, how) if cookie else header_is("user-agent", agent, how)
    return entering(matching(asked), rule(to("cart", "v1")))


def mirroring(**fields: Any) -> list[Document]:
    return with_rules(rule(to("cart", "v1"), **fields))


def peers(mode: str, place: str = "default", **labels: str) -> Document:
    """A PeerAuthentication of a namespace, for its pods with these labels."""
    name = "-".join([place, *labels])
    made = of_kind("PeerAuthentication", SECURITY, name, mtls={"mode": mode})
    made = put(made, "metadata.namespace", place)
    return put(made, "spec.selector", {"matchLabels": labels}) if labels else made


def tokens(place: str = "default", **labels: str) -> Document:
    """A RequestAuthentication of a namespace, for its pods with these labels."""
    made = of_kind("RequestAuthentication", SECURITY, selector={"matchLabels": labels})
    return put(made, "metadata.namespace", place)


def claiming(*documents: Document, at: Sequence[str] = ("demo-gateway",)) -> list[Document]:
    """The good manifests and others, with a rule at the gateways for a claim."""
    asked = header_is("@request.auth.claims.group", "beta")
    return [*entering(matching(asked), rule(to("cart", "v1")), at=at), *documents]


def annotated(name: str, value: str, **others: str) -> Document:
    asked = {name: value, **others}
    return deployment("cart", annotations={f"{OTEL}/{one}": text for one, text in asked.items()})


ANY_LANE = header_is("baggage", "version=v", "prefix")
TO_CART_V2 = rule(to("cart", "v2"))
LANE_V2 = matching(header_is("baggage", "version=v2"))
# Matches that apply to some requests only, though not by path.
PARTIAL: list[Document] = [
    {"port": 8000},
    {"sourceNamespace": "x"},
    {"gateways": ["mesh"]},
    {"method": {"exact": "GET"}},
    {"withoutHeaders": {"x": {}}},
]
BELOW_A, BELOW_AB = ({"uri": {"prefix": path}} for path in ("/a", "/a/b"))
EXACT_B = {"uri": {"exact": "/b"}}
IN_OTHER = instrumentation(namespace="other")
INJECT = "sidecar.istio.io/inject"
NOT_INJECTED = {INJECT: "false"}
TO_PORT_81 = with_rules(LANE, rule(to("cart", "v1", port=81)))
TO_V2 = {"host": "cart", "subset": "v2"}
V2_UNKNOWN = put(SUBSETS, "spec.subsets[1].labels.version", 2)  # the subset is left out


def lane_with(**conditions: Any) -> Document:
    """The lane's rule with further conditions."""
    return {**LANE, "match": [LANE["match"][0] | conditions]}


def in_both_headers(x_lane: str, lead: str) -> Document:
    headers = {"baggage": {"exact": "version=v2"}, "x-lane": {"exact": x_lane}}
    return matching({"headers": headers}, lead=lead)


# By rule: manifests, and the findings in them.
EDGES: dict[str, list[tuple[list[Document], list[str]]]] = {
    "TL": [
        (GOOD, []),
        (
            [
                *GOOD,
                put(service("old", HTTP), "spec.selector", {}),
                virtual_service("old", OLD),
                OLDER,
            ],
            [],
        ),
    ],
    "TL001": [
        (instead(PODS[0], BARE[0]), ["Deployment cart-v1: spec.template.metadata.labels"]),
        (
            instead(PODS[0], labeled(PODS[0], app="cart", **{"app.kubernetes.io/version": "1"})),
            [],
        ),
        ([CART, BARE[0], virtual_service("cart", rule(to("cart")))], []),  # one version needs none
        (
            [CART, *BARE, virtual_service("cart", rule(to("cart")))],
            [f"{one}.metadata.labels" for one in (V1, V2)],
        ),
        *(
            (
                [
                    *(CART, virtual_service("cart", rule(to("cart"))), *pods),
                    destination_rule(
                        "cart", *({"name": f"s{n}", "labels": s} for n, s in enumerate(subsets))
                    ),
                ],
                [f"{V1}.metadata.labels"] * found,
            )
            for pods, subsets, found in (
                (BARE[:1], [], False),
                (BARE[:1], [{"lane": "x"}], True),
                (BARE[:1], [{"app": "cart"}], False),
                (BARE[:1], [{"lane": "x"}, {"app": "cart"}], False),
            )
        ),
        (
            [
                *(CART, BARE[0], virtual_service("cart", rule(to("cart")))),
                destination_rule("cart", {"name": "v1", "labels": {"app": "cart"}}),
                destination_rule("cart", {"name": "v1", "labels": {"lane": "x"}}, name="more"),
            ],
            [],
        ),
    ],
    "TL002": [
        *(
            (
                instead(CART, put(CART, "spec.ports", ports)),
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
        (  # a Gateway of that name is not the Service
            [
                *(port(name="tcp"), api_gateway(name="cart")),
                http_route("cart", to_gateway("cart"), route_rule(backend("cart"))),
            ],
            [],
        ),
    ],
    "TL003": [
        (instead(CART, port()), [f"{SERVICE}: spec.ports[0].port"]),
        (instead(CART, port(name="web")), [f"{SERVICE}: spec.ports[0].name"]),
        (instead(CART, port(name="http-web")), []),
        (instead(CART, put(CART, "spec.ports", [{"port": 1, "name": "x"}, HTTP])), []),
        ([CART, port()][1:], []),  # nothing routes to it
        (
            [*instead(CART, port()), service("aaa", HTTP), virtual_service("aaa", rule(to("aaa")))],
            [f"{SERVICE}: spec.ports[0].port"],
        ),
    ],
    "TL004": [
        (
            [
                *(service(name, HTTP) for name in ("a", "b")),
                *(destination_rule(name, "v1", "v2") for name in ("a", "b")),
                *(deployment(name, v) for name in ("a", "b") for v in ("v1", "v2")),
                *(
                    virtual_service(n, rule(to(n, "v1", weight=9), to(n, "v2", weight=1)))
                    for n in ("a", "b")
                ),
            ],
            ["VirtualService a: spec.http[0].route", "VirtualService b: spec.http[0].route"],
        ),
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
    "TL005": [
        *(
            (instead(PODS[0], changed), [f"{V1}.{field}"])
            for changed, field in (
                (put(PODS[0], f"{V}.spec.hostNetwork", True), "spec.hostNetwork"),
                (deployment("cart", annotations=NOT_INJECTED), f"metadata.annotations.{INJECT}"),
                (deployment("cart", labels=NOT_INJECTED), f"metadata.labels.{INJECT}"),
            )
        ),
        *(
            ([*GOOD, namespace(**labels)], ["Namespace default: metadata.labels"] * off)
            for labels, off in (
                ({}, True),
                ({"istio-injection": "disabled"}, True),
                ({"istio-injection": "enabled"}, False),
                ({"istio.io/rev": "stable"}, False),
                ({"istio.io/dataplane-mode": "ambient"}, False),
            )
        ),
        (  # once, whichever Service they are behind
            [
                *instead(PODS[0], put(PODS[0], "spec.template.spec.hostNetwork", True)),
                *(service("shop", HTTP, selector={"app": "cart"}), virtual_service("shop", ANY)),
            ],
            ["Deployment cart-v1: spec.template.spec.hostNetwork"],
        ),
    ],
    "TL006": [
        *(
            (
                [*with_rules(LANE, rule(*destinations)), *resources],
                [f"{ROUTES}: spec.http[1].route[1].weight"] * idle,
            )
            for destinations, resources, idle in (
                ([to("cart", "v1", weight=1), to("cart", "v2", weight=0)], [], True),
                ([to("cart", "v1", weight=1), to("cart", "v2")], [], True),
                ([to("cart", "v1", weight=0)], [], False),  # it is alone
                ([to("cart", "v1"), to("cart", "v2")], [], False),  # Istio refuses this
                *(
                    ([to("cart", "v1", weight=1), to("cart", "v2", weight=0)], [owner], False)
                    for owner in (
                        of_kind("Canary", "flagger.app/v1beta1"),
                        of_kind("Rollout", "argoproj.io/v1alpha1"),
                    )
                ),
            )
        ),
    ],
    "TL007": [
        *(
            (with_rules(*rules), [f"{ROUTES}: spec.http"] * missing)
            for rules, missing in (
                ([LANE], True),
                ([LANE, matching({"uri": {"prefix": "/"}}, lead="v1")], False),
                ([LANE, matching({"uri": {"prefix": "/x"}}, lead="v1")], True),
                ([LANE, matching(GET, lead="v1")], False),
                ([matching({"uri": {"prefix": "/x"}})], False),  # it serves no other path
                ([matching({"authority": {"exact": "x"}}, lead="v1"), LANE], False),
                ([lane_with(port=8000)], False),
                ([lane_with(method={"exact": "PUT"})], False),
                ([lane_with(authority={"exact": "x"})], False),
                ([lane_with(newer="x")], False),
                ([{**LANE, "match": [header_is("@request.auth.claims.x", "y")]}], True),
            )
        ),
        *(  # rules of another VirtualService for the same host at a gateway count too
            (
                [
                    *others,
                    put(
                        virtual_service("a.org", LANE, gateways=["web"], name="x"),
                        "spec.hosts",
                        hosts,
                    ),
                ],
                ["VirtualService x: spec.http"] * found,
            )
            for others, hosts, found in (
                ([], ["a.org"], True),
                ([ELSEWHERE], ["a.org"], True),
                ([ELSEWHERE], ["b.org"], False),
                ([ELSEWHERE], ["a.org", "b.org"], False),
                ([ELSEWHERE, put(ELSEWHERE, "metadata.name", "z")], ["b.org"], False),
            )
        ),
        (
            [
                *with_rules(LANE),
                *(
                    virtual_service("cart", REST, gateways=["web"], name=name)
                    for name in ("a", "b")
                ),
            ],
            [f"{ROUTES}: spec.http"],
        ),
    ],
    "TL008": [
        (
            with_rules(matching(header_is("x-lane", "v2")), LANE, REST),
            [f"{ROUTES}: spec.http[0].match[0].headers.x-lane"],
        ),
        (
            [*with_rules(matching(header_is("x-lane", "v2")), LANE, REST), of_kind("EnvoyFilter")],
            [],
        ),
        (
            with_rules(
                matching(header_is("x-lane", "v2")), matching(header_is("x-lane", "v1")), LANE, REST
            ),
            [f"{ROUTES}: spec.http[0].match[0].headers.x-lane"],  # once
        ),
        (with_rules(matching(header_is("user-agent", "v2")), LANE, REST), []),
        (with_rules(matching(header_is("x-forwarded-for", "v2")), LANE, REST), []),
        (
            with_rules(
                matching({"headers": {"user-agent": {"exact": "a"}, "x-lane": {"exact": "v2"}}}),
                *(LANE, REST),
            ),
            [f"{ROUTES}: spec.http[0].match[0].headers.x-lane"],
        ),
        (
            BY_HEADER,
            [f"{ROUTES}: spec.http[0].match[0].headers.x-lane"],
        ),  # nothing hands it on
        ([*BY_HEADER, header_propagation("x-LANE")], []),
        *(  # a delegate's rules replace the headers where all of them have their own
            (
                [
                    *BY_HEADER[:-1],
                    header_propagation("x-lane"),
                    virtual_service(
                        "*",
                        {
                            "delegate": delegate,
                            "headers": {"request": {"set": {"x-lane": "v2"}}},
                        },
                        gateways=["demo-gateway"],
                        name="entered",
                    ),
                    without(
                        virtual_service("x", *rules, name="shared", namespace=place), "spec.hosts"
                    ),
                ],
                [f"{ROUTES}: spec.http[0].match[0].headers.x-lane"] * found,
            )
            for delegate, place, rules, found in (
                ({"name": "shared"}, "default", [REST], False),
                ({"name": "shared"}, "default", [matching(GET), OWN_HEADERS], False),
                ({"name": "shared"}, "default", [OWN_HEADERS], True),
                ({"name": "shared"}, "edge", [OWN_HEADERS], False),
                ({"name": "shared", "namespace": "edge"}, "edge", [OWN_HEADERS], True),
                ({"name": "another"}, "default", [OWN_HEADERS], False),
                ({"name": "shared"}, "default", [], False),
            )
        ),
        ([*BY_HEADER, header_propagation(prefixes=["X-l"])], []),
        (
            [*BY_HEADER, header_propagation("x")],
            [f"{ROUTES}: spec.http[0].match[0].headers.x-lane"],
        ),
        (
            with_rules(
                matching(header_is("x-lane", "v2")), REST, gateways=["mesh", "demo-gateway"]
            ),
            [],
        ),
        (
            with_rules(
                matching(
                    {"headers": {"baggage": {"exact": "version=v2"}, "x-lane": {"exact": "v2"}}}
                ),
                *(LANE, REST),
            ),
            [f"{ROUTES}: spec.http[0].match[0].headers.x-lane"],
        ),
        (
            [
                put(
                    http_route("cart", to_gateway(), X_LANE),
                    "spec.parentRefs",
                    [to_gateway(), to_service("cart")],
                )
            ],
            [f"HTTPRoute cart: spec.rules[0].matches[0].headers[{n}]" for n in (0, 1)],
        ),
    ],
    "TL009": [
        *(
            ([*without_v2(*rules), *others], [f"{RULE}: spec.subsets[1].labels"] * absent)
            for rules, others, absent in (
                ([LANE, REST], [], True),
                # A lane is strict where only other services have its version.
                ([LANE, REST], [deployment("shop", "v2")], False),
                ([TO_CART_V2], [deployment("shop", "v2")], True),
                ([rule(to("cart", "v2", fallback="v1"))], [header_propagation("version")], False),
                (  # once
                    [TO_CART_V2],
                    [service("shop", HTTP), virtual_service("shop", LANE, TO_CART_V2)],
                    True,
                ),
                ([rule(to("cart", "v1"), match=[GET]), LANE, REST], [], True),
                ([REST, LANE], [], False),  # no request gets there
                ([rule(to("cart", "v1", weight=1), to("cart", "v2", weight=0))], [], False),
                ([ANY], [], False),
                ([rule(to("a.org", "v2"))], [], False),
                ([LANE, REST], [destination_rule("cart", "v2", name="more")], True),
            )
        ),
        ([d for d in without_v2(LANE, REST) if d is not PODS[0]], []),  # all pods are elsewhere
    ],
    "TL010": [
        (
            instead(CART, HEADLESS),
            [f"{ROUTES}: spec.http[0].route[0].destination.subset"],
        ),
        (instead(CART, put(CART, "spec.clusterIP", "10.0.0.1")), []),
        (
            [
                HEADLESS if d is CART else d
                for d in with_rules(matching(GET, lead="v1"), LANE, REST)
            ],
            [f"{ROUTES}: spec.http[0].route[0].destination.subset"],  # once
        ),
        (
            [
                HEADLESS if d is CART else d
                for d in with_rules(rule(to("cart"), match=[GET]), LANE, REST)
            ],
            [f"{ROUTES}: spec.http[1].route[0].destination.subset"],
        ),
        (
            instead(CART, put(CART, "spec.type", "ExternalName")),
            [f"{ENTRY}: spec.http[0].route[0].destination.subset"],
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
            [f"VirtualService {place}: {LED}.subset" for place in ("default", "shop")],
        ),
    ],
    "TL011": [
        *(
            (
                with_rules(matching(header_is("baggage", pattern, "regex")), REST),
                [f"{ROUTES}: spec.http[0].{BAGGAGE}"] * loose,
            )
            for pattern, loose in (
                (".*version=v2.*", True),
                ("version=v2.*", True),
                (".*version=v2", True),
                ("version=v2.?", True),
                (".?version=v2", True),
                ("version=v2", False),
                (".*version=.*", False),
                (".*version=[^;,]+.*", False),
                (".*version=v2;.*", False),
                (NO_EXAMPLE, False),
            )
        ),
        (with_rules(matching(header_is("x-lane", "v[0-9]+", "regex")), REST), []),  # no member
        (with_rules(matching(header_is("baggage", "version=v2", "prefix")), REST), []),
    ],
    "TL012": [
        *(  # a prefix of the lane header comes first
            (
                with_rules(matching(ANY_LANE | more, lead=lead), later, REST),
                [f"{ROUTES}: spec.http[1].match[0]"] * shadowed,
            )
            for more, lead, later, shadowed in (
                ({}, "v1", LANE_V2, True),
                ({}, "v1", LANE, True),
                ({"withoutHeaders": {"x": {}}}, "v1", LANE_V2, True),
                ({}, "v2", LANE_V2, False),
                ({"uri": {"prefix": "/x"}}, "v1", LANE_V2, False),
                ({"port": 8000}, "v1", LANE_V2, False),
                ({}, "v1", matching(header_is("baggage", NO_EXAMPLE, "regex")), False),
            )
        ),
        (with_rules(matching({"uri": {"prefix": "/"}}, lead="v1"), LANE, REST), []),
        (
            with_rules(
                matching({"uri": {"prefix": "/"}}, lead="v1"),
                *(matching(ANY_LANE, lead="v1"), LANE_V2, REST),
            ),
            [f"{ROUTES}: spec.http[2].match[0]"],
        ),
        *(  # the earlier rule needs more, or something else
            (
                with_rules(
                    matching(header_is("baggage", "version=v2") | more, lead="v1"),
                    *(matching(header_is("baggage", "version=v2") | later), REST),
                ),
                [],
            )
            for more, later in (
                ({"uri": {"prefix": "/x"}}, {}),
                (GET, {}),
                ({"queryParams": {"a": {"exact": "b"}}}, {}),
                ({"withoutHeaders": {"baggage": {"exact": "version=v2"}}}, {}),
                ({"withoutHeaders": {"x": {}}}, header_is("x", "y")),
            )
        ),
        (with_rules(in_both_headers("a", "v1"), in_both_headers("b", "v2"), REST), []),
    ],
    "TL013": [
        (
            [destination_rule("cart", policy={"outlierDetection": {"consecutiveErrors": 5}})],
            [],  # which istiod ignores
        ),
        (
            [put(destination_rule("cart"), "spec.appendHeaders", {"x": "y"})],
            [],  # which is no VirtualService
        ),
        ([put(virtual_service("cart", REST), "spec.appended", {"x": "y"})], []),
        ([of_kind("Deployment", "apps/v1")], []),
        ([of_kind("AuthorizationPolicy", "security.istio.io/v1")], []),
    ],
    "TL014": [
        *(
            (with_rules(*rules), [f"{ROUTES}: spec.http[1]{field}" for field in fields])
            for rules, fields in (
                ([REST, rule(to("cart", "v2"))], [""]),
                ([REST, LANE, rule(to("cart", "v2"))], [""]),  # once
                ([matching({"uri": {"prefix": "/"}}), REST], [""]),
                ([matching({"uri": {"regex": ".*"}}), REST], [""]),
                ([matching(BELOW_A), matching({"uri": {"exact": "/a/b"}}, lead="v1"), REST], [""]),
                ([matching(BELOW_A), matching(EXACT_B, lead="v1"), REST], []),
                ([matching(BELOW_A, lead="v1"), matching(EXACT_B, BELOW_AB), REST], [".match[1]"]),
                (  # both lead to the same
                    [matching(BELOW_A, lead="v1"), matching(EXACT_B, BELOW_AB, lead="v1"), REST],
                    [],
                ),
            )
        ),
        *((with_rules(matching(match), REST), []) for match in PARTIAL),
        (
            with_rules(
                matching(BELOW_A, lead="v1"),
                *(
                    matching({"uri": {"exact": f"/a/{n}"}}, {"uri": {"exact": f"/{n}"}})
                    for n in "bc"
                ),
                REST,
            ),
            [f"{ROUTES}: spec.http[1].match[0]"],  # once
        ),
    ],
    "TL015": [
        (
            with_rules(LANE, rule(to("cart", "v3"))),
            [f"{ROUTES}: spec.http[1].route[0].destination.subset"],
        ),
        (
            instead(SUBSETS),
            [f"{ROUTES}: spec.http[{n}].route[0].destination.subset" for n in (0, 1)]
            + ["VirtualService entered: spec.http[0].route[0].destination.subset"],
        ),
        (
            [
                *with_rules(LANE, rule(to("cart", "v3", fallback="v1"))),
                header_propagation("version"),
            ],
            [],
        ),
        ([virtual_service("cart", rule(to("cart", "v3")))], []),  # all of it may be elsewhere
        ([put(SUBSETS, "metadata.namespace", "x"), CART, unplaced(ROUTED)], []),  # it may go there
        ([unplaced(SUBSETS), *SHOP], []),
        (
            [put(unplaced(SUBSETS), "spec.host", f"cart.y.{DNS}"), *SHOP],
            [f"{ROUTES}: spec.http[{n}].route[0].destination.subset" for n in (0, 1)],
        ),
        ([*instead(SUBSETS), destination_rule("*.default.svc.cluster.local", "v1", "v2")], []),
        (
            with_rules(rule(to("cart"), match=[GET]), rule(to("cart", "v3"))),
            [f"{ROUTES}: spec.http[1].route[0].destination.subset"],
        ),
        (instead(SUBSETS, put(SUBSETS, "spec.subsets[1].labels.version", 2)), []),
        (
            [
                *(unplaced(SUBSETS), *SHOP[:-1]),
                virtual_service("cart", LANE, rule(to("cart", "v9")), namespace="shop"),
            ],
            [f"{ROUTES}: spec.http[1].route[0].destination.subset"],
        ),
        (
            [*instead(SUBSETS), destination_rule(f"*.other.{DNS}", "v1", "v2")],
            [f"{ROUTES}: spec.http[{n}].route[0].destination.subset" for n in (0, 1)]
            + [f"{ENTRY}: {LED}.subset"],
        ),
    ],
    "TL016": [
        (
            [*GOOD, destination_rule("cart.default.svc.cluster.local", "v3", namespace="other")],
            ["DestinationRule cart.default.svc.cluster.local: metadata.namespace"],
        ),
        (
            [
                *GOOD,
                destination_rule("cart.default.svc.cluster.local", "v3", namespace="istio-system"),
            ],
            [],
        ),
        ([*GOOD, destination_rule("cart.default.svc.cluster.local", namespace="other")], []),
        (
            [*GOOD, destination_rule("cart", "v3", namespace="other")],
            ["DestinationRule cart: spec.host"],
        ),
        (
            [unplaced(CART), destination_rule("cart", "v3", namespace="other")],
            [],  # the Service may go there
        ),
        (
            [
                unplaced(CART),
                service("cart", namespace="shop"),
                destination_rule("cart", "v3", namespace="other"),
            ],
            [],  # one of the two may
        ),
        *(  # a caller is there: a workload, or a Service where there is no workload
            ([*there, destination_rule(f"cart.default.{DNS}", "v3", namespace="other")], found)
            for there, found in (
                ([*GOOD, deployment("shop", namespace="other")], []),
                ([CART, service("shop", namespace="other")], []),
                (
                    [*GOOD, service("shop", namespace="other")],
                    [f"DestinationRule cart.default.{DNS}: metadata.namespace"],
                ),
            )
        ),
        ([put(CART, "metadata.namespace", "shop"), unplaced(SUBSETS)], []),
        (
            [
                *(*GOOD, destination_rule("cart.org"), destination_rule("cart", name="plain")),
                unplaced(destination_rule("cart", "v3", name="unplaced")),
                destination_rule("cart", "v3", namespace="other"),
            ],
            [f"{RULE}: spec.host"],
        ),
        ([service("shop"), destination_rule("cart", "v3", namespace="other")], []),
        ([*GOOD, destination_rule(f"cart.other.{DNS}", "v3", namespace="other")], []),
    ],
    "TL017": [
        ([*GOOD, destination_rule("cart", NO_PODS, name="more")], [f"{MORE}: spec.subsets[0]"]),
        (
            [*GOOD, destination_rule(f"cart.default.{DNS}", "v3", NO_PODS, name="more")],
            [f"{MORE}: spec.subsets[1]"],
        ),
        ([*GOOD, destination_rule("cart", "v1", "v3", name="more")], []),  # Istio merges these
        ([*GOOD, destination_rule("cart", "v3", policy=ROUND_ROBIN, name="more")], []),
        (
            [
                *instead(SUBSETS, put(SUBSETS, "spec.trafficPolicy", RANDOM)),
                destination_rule("cart", "v3", policy=ROUND_ROBIN, name="more"),
            ],
            [f"{MORE}: spec.trafficPolicy"],
        ),
        ([*GOOD, destination_rule(f"*.default.{DNS}", NO_PODS, name="more")], []),
        ([*GOOD, exported(destination_rule("cart", NO_PODS, name="more"), "x")], []),
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
                    exported(destination_rule("cart", *own, name=name), *to)
                    for name, own, to in rules
                ],
                found,
            )
            for rules, found in (
                ((("a", ["v2"], ["*"]), ("more", [NO_PODS], [])), [f"{MORE}: spec.subsets[0]"]),
                ((("a", ["v2"], ["x"]), ("more", [NO_PODS], ["y"])), []),
                (
                    (("a", ["v2"], ["x", "y"]), ("more", [NO_PODS], ["y", "x"])),
                    [f"{MORE}: spec.subsets[0]"],
                ),
            )
        ),
        (
            [
                *GOOD,
                put(
                    destination_rule("cart", NO_PODS, name="more"),
                    "spec.workloadSelector",
                    {"matchLabels": {}},
                ),
            ],
            [],
        ),
        (
            [
                destination_rule("cart", policy=RANDOM),
                without(destination_rule("cart", policy=ROUND_ROBIN, name="more"), "spec.subsets"),
            ],
            [f"{MORE}: spec.trafficPolicy"],
        ),
        (
            [destination_rule("a.org"), *GOOD, destination_rule("cart", NO_PODS, name="more")],
            [f"{MORE}: spec.subsets[0]"],
        ),
    ],
    "TL018": [
        (
            instead(GOOD[0], gateway(namespace="other")),
            ["VirtualService entered: spec.gateways[0]"],
        ),
        ([unplaced(GOOD[0]), *(put(each, "metadata.namespace", "shop") for each in GOOD[1:])], []),
    ],
    "TL019": [
        (instead(GOOD[0]), ["VirtualService entered: spec.gateways[0]"]),
        (
            [*instead(GOOD[0], gateway(name="x")), gateway()],
            [],
        ),
        (
            instead(GOOD[0], of_kind("Secret", "v1", "demo-gateway")),
            [f"{ENTRY}: spec.gateways[0]"],
        ),
        *(  # of which nothing can be read
            (
                [put(unread, "spec", []), *(put(d, "metadata.namespace", place) for d in GOOD[1:])],
                found,
            )
            for place, unread, found in (
                ("default", GOOD[0], []),
                ("default", unplaced(GOOD[0]), []),
                ("edge", put(GOOD[0], "metadata.namespace", "edge"), []),
                ("edge", GOOD[0], [f"{ENTRY}: spec.gateways[0]"]),
            )
        ),
    ],
    "TL020": [
        (
            [virtual_service("*.shop.org", rule(to("shop")), name=name) for name in ("a", "b")],
            ["VirtualService b: spec.hosts[0]"],
        ),
        (
            [*GOOD, virtual_service("cart", REST, name="more")],
            ["VirtualService more: spec.hosts[0]"],
        ),
        (
            [*GOOD, virtual_service("cart.default.svc.cluster.local", REST, name="more")],
            ["VirtualService more: spec.hosts[0]"],
        ),
        ([*GOOD, virtual_service("cart", REST, gateways=["demo-gateway"], name="more")], []),
        ([*GOOD, put(virtual_service("cart", REST, name="more"), "spec.exportTo", ["."])], []),
        (
            [*GOOD, exported(virtual_service("cart", REST, name="more"), "*")],
            ["VirtualService more: spec.hosts[0]"],
        ),
        (  # two of three are for namespaces of their own
            [
                *(d for d in GOOD if d is not ROUTED),
                *(exported(d, ".") for d in (ROUTED, virtual_service("cart", REST, name="more"))),
            ],
            ["VirtualService more: spec.hosts[0]"],
        ),
        (
            [
                *GOOD,
                *(
                    exported(virtual_service("cart", REST, name=name), *to)
                    for name, to in {"a": ["x"], "b": ["y"], "more": ["x", "z"]}.items()
                ),
            ],
            ["VirtualService more: spec.hosts[0]"],
        ),
        (
            [
                *(d for d in GOOD if d is not ROUTED),
                *(
                    exported(virtual_service("cart", REST, name=name), place)
                    for name, place in (("a", "."), ("b", "~"), ("c", "~"), ("more", "default"))
                ),
            ],
            ["VirtualService more: spec.hosts[0]"],
        ),
    ],
    "TL021": [
        (
            with_rules(matching(header_is("authority", "x")), LANE, REST),
            [f"{ROUTES}: spec.http[0].match[0].headers.authority"],
        ),
    ],
    "TL022": [
        (
            instead(PODS[1], put(PODS[1], "spec.selector.matchLabels.app", "other")),
            ["Deployment cart-v2: spec.selector.matchLabels.app"],
        ),
    ],
    "TL023": [
        (
            instead(CART, put(CART, "spec.selector", {"app": "cart", "tier": "x"})),
            [f"{SERVICE}: spec.selector"],
        ),
        (
            instead(CART, put(CART, "spec.selector", {"app": "other"})),
            [f"{SERVICE}: spec.selector"],
        ),
        (
            [service("cart", HTTP), deployment("shop"), virtual_service("cart", rule(to("cart")))],
            [],
        ),
        *(  # a Gateway of that name is not the Service
            (
                [
                    service("cart", HTTP, selector={"app": "other"}),
                    *(deployment("cart"), service("shop"), deployment("shop")),
                    api_gateway(name="cart"),
                    http_route("any", parent, route_rule(backend("shop"))),
                ],
                found,
            )
            for parent, found in (
                (to_service("cart"), [f"{SERVICE}: spec.selector"]),
                (to_gateway("cart"), []),
            )
        ),
        (
            [
                *(service("aaa"), deployment("aaa"), virtual_service("aaa", rule(to("aaa")))),
                *instead(CART, put(CART, "spec.selector", {"app": "other"})),
            ],
            [f"{SERVICE}: spec.selector"],
        ),
        *(  # pods that may be meant: by their name, or by one of their labels
            (
                [
                    put(CART, "spec.selector", selector),
                    virtual_service("cart", ANY),
                    put(
                        deployment("cart", name=name, namespace=place),
                        f"{V}.metadata.labels",
                        labels,
                    ),
                ],
                [f"{SERVICE}: spec.selector"] * found,
            )
            for name, place, selector, labels, found in (
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
    "TL024": [
        (
            programs(OTEL_PROPAGATORS="tracecontext"),
            [f"{V1}.spec.containers[0].env[0].value", f"{V2}.metadata"],
        ),
        (programs(OTEL_PROPAGATORS="tracecontext, baggage"), [f"{V2}.metadata"]),
        (programs(OTEL_PROPAGATORS=""), [f"{V2}.metadata"]),
        (
            programs(OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="flask,x"),
            [f"{V1}.spec.containers", f"{V2}.metadata"],
        ),
        (programs(), []),
        (
            injected(instrumentation("tracecontext")),
            ["Instrumentation instrumentation: spec.propagators", f"{V2}.metadata"],
        ),
        (injected(instrumentation("tracecontext", "baggage")), [f"{V2}.metadata"]),
        ([d for d in programs(OTEL_PROPAGATORS="b3") if d is not ROUTED], []),  # no rule needs it
        (  # of two that are not set up, the one that calls
            chain_with(
                {
                    "Deployment cart-v1": foreign("cart"),
                    "Deployment web-v1": foreign("web", CART_ADDR="cart:8000"),
                    "Deployment web-v2": foreign("web", "v2", OTEL_SERVICE_NAME="web"),
                }
            ),
            ["Deployment web-v1: spec.template.metadata"],
        ),
        (
            injected(instrumentation("tracecontext"), asked=("true", "true")),
            ["Instrumentation instrumentation: spec.propagators"],  # once
        ),
        (  # of two, that of the pods' namespace
            injected(
                *(
                    instrumentation("b3", name=place, namespace=place)
                    for place in ("other", "default")
                ),
            ),
            ["Instrumentation default: spec.propagators", f"{V2}.metadata"],
        ),
        (
            injected(instrumentation("b3", name="x", namespace="other"), asked=["other/x"]),
            ["Instrumentation x: spec.propagators", f"{V2}.metadata"],
        ),
        *(
            (beside(first, "b3"), [f"{V1}.spec.containers[1].env[0].value", f"{V2}.metadata"])
            for first in ("", "baggage", "tracecontext,baggage")
        ),
        (
            injected(
                instrumentation("b3", name="a"), instrumentation("b3", name="b"), asked=("a", "b")
            ),
            [f"Instrumentation {name}: spec.propagators" for name in ("a", "b")],
        ),
    ],
    "TL025": [
        (
            with_rules(LANE, rule(to("cart", "v1", fallback="v2"))),
            [f"{ROUTES}: spec.http[1].route[0].fallback"],
        ),
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
                *(rule(to("cart", "v1", fallback="v2")),),
            ),
            [f"{ROUTES}: spec.http[0].route[0].fallback"],  # once
        ),
        (
            [
                put(
                    virtual_service("cart", rule(to("cart", fallback="v2"))),
                    "metadata.namespace",
                    place,
                )
                for place in ("a", "b")
            ],
            [f"{ROUTES}: spec.http[0].route[0].fallback"] * 2,
        ),
    ],
    "TL026": [
        (
            entering(rule(to("cart", "v1"), match=[{"uri": {"exact": "/x"}}]), *PLAIN),
            ["VirtualService entered: spec.http[0]"],
        ),
        (
            entering(*PLAIN, rule(to("cart", headers=SETS_LANE), to("cart"))),
            ["VirtualService entered: spec.http[1]"],
        ),
        (entering(*PLAIN, rule(to("cart", headers=SETS_LANE), to("cart", headers=SETS_LANE))), []),
        (entering(*PLAIN, rule(to("cart"), headers=SETS_LANE)), []),
        (entering(*PLAIN, rule(to("cart"), headers={"request": {"remove": ["Baggage"]}})), []),
        (
            entering(*PLAIN, rule(to("cart"), headers={"request": {"add": {"baggage": "x=y"}}})),
            ["VirtualService entered: spec.http[1]"],
        ),
        (entering(*PLAIN, {"redirect": {"uri": "/"}}), []),
        (entering(REST), []),  # nothing sets it
        *(  # an HTTPRoute's filters, of the rule and of its backends
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
                ["HTTPRoute web: spec.rules[2]"] * found,
            )
            for last, found in (
                (([], []), True),
                (([LANE_SET], []), False),
                (([], [LANE_SET]), False),
            )
        ),
        (
            [
                gateway(),
                virtual_service(
                    "*", {**LANE, "headers": SETS_LANE}, REST, gateways=["demo-gateway"]
                ),
            ],
            [],  # no rule in the mesh goes by it
        ),
    ],
    "TL027": [
        *(
            (
                instead(PODS[0], deployment("cart", annotations={PAST: ports})),
                [f"{V1}.metadata.annotations.{PAST}"] * bypassed,
            )
            for ports, bypassed in (("1,8000", True), ("8001", False), ("1,8000,9000", True))
        ),
    ],
    "TL028": [
        (with_rules(LANE, TO_CRAT), [f"{ROUTES}: spec.http[1].route[0].destination.host"]),
        (  # once in each VirtualService
            [
                *with_rules(LANE, matching({"uri": {"exact": "/x"}}) | TO_CRAT, TO_CRAT),
                virtual_service("other.org", TO_CRAT, name="other"),
            ],
            [
                f"{ROUTES}: spec.http[1].route[0].destination.host",
                "VirtualService other: spec.http[0].route[0].destination.host",
            ],
        ),
        (with_rules(LANE, rule(to("cart", "v1", weight=1), to("carrt", weight=0))), []),
        (with_rules(LANE, REST, TO_CRAT), []),  # no request gets there
        (
            [
                *with_rules(LANE, rule(to("carrt", fallback={"host": "cart", "subset": "v1"}))),
                header_propagation("version"),
            ],
            [],
        ),
    ],
    "TL029": [
        ([*GOOD, virtual_service("carrt", REST)], ["VirtualService carrt: spec.hosts[0]"]),
        (
            [*GOOD, put(virtual_service("cart", REST, name="x"), "spec.hosts", ["a.org", "carrt"])],
            ["VirtualService x: spec.hosts[1]"],
        ),
        ([*GOOD, virtual_service("carrt", REST, gateways=["demo-gateway"])], []),
        ([*GOOD, virtual_service("a.org", REST)], []),
    ],
    "TL030": [
        ([*GOOD, destination_rule("carrt", "v1")], ["DestinationRule carrt: spec.host"]),
        ([*GOOD, destination_rule("cart", "v3", namespace="other")], []),  # which TL016 tells
        ([*GOOD, destination_rule("a.org", "v1")], []),
    ],
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
                # Of two Services with one name, either may count.
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
                put(CART, "spec.ports", [HTTP, {"port": "x"}]),  # this may be the port
            )
        ),
        *(  # rules that count for nobody, and that may count
            (
                [
                    *(CART, service("old", *old), *PODS),
                    put(
                        virtual_service("x", rule(to("cart", port=81)), gateways=at),
                        "spec.hosts",
                        hosts,
                    ),
                ],
                [f"VirtualService x: {LED}.port.number"] * found,
            )
            for hosts, old, at, found in (
                (["old"], [HTTP], ["mesh"], True),
                (["old"], [{"port": 8000, "name": "tcp"}], ["mesh"], False),
                (["old"], [{"port": 8000, "name": "tcp"}], ["web"], True),
                (["old"], [{"port": 8000, "name": "tcp"}], ["mesh", "web"], True),
                (["old", "cart"], [{"port": 8000, "name": "tcp"}], ["mesh"], True),
                (["olds"], [HTTP], ["mesh"], False),
                (["old.org"], [HTTP], ["mesh"], True),
                ([], [HTTP], ["mesh"], True),  # another's delegate
            )
        ),
    ],
    "TL032": [
        (instead(GOOD[0], gateway("shop.org")), []),
        (
            [gateway("shop.org"), *instead(ENTERED, put(ENTERED, "spec.hosts", ["shop.net"]))[1:]],
            ["VirtualService entered: spec.hosts"],
        ),
        *(
            (instead(GOOD[0], gateway(host)), found)
            for host, found in (
                ("default/shop.org", []),
                ("*/shop.org", []),
                ("other/shop.org", [f"{ENTRY}: spec.hosts"]),
            )
        ),
        ([*instead(ENTERED, unplaced(ENTERED))[1:], gateway("other/shop.org")], []),
        (
            [
                gateway(f"cart.default.{DNS}"),
                *instead(ENTERED, put(ENTERED, "spec.hosts", ["cart"]))[1:],
            ],
            [],
        ),
        *(  # two Gateways, of which one serves something else, or is elsewhere
            (
                [
                    gateway("shop.net"),
                    *(gateway("shop.org", name="b") for _ in range(there)),
                    put(put(ENTERED, "spec.hosts", [host]), "spec.gateways", ["demo-gateway", "b"]),
                ],
                found,
            )
            for there, host, found in (
                (1, "shop.org", []),
                (1, "shop.com", [f"{ENTRY}: spec.hosts"]),
                (0, "shop.com", []),
            )
        ),
        (
            [
                gateway("shop.org"),
                put(
                    put(ENTERED, "spec.hosts", ["shop.net"]),
                    "spec.gateways",
                    ["mesh", "demo-gateway"],
                ),
            ],
            [f"{ENTRY}: spec.hosts"],
        ),
    ],
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
    "TL034": [
        (CHAIN, []),
        (chain_with({ROUTES: None}), []),  # then any version answers
        # What TL014, TL009 and TL024 tell.
        (chain_with({ROUTES: virtual_service("cart", REST, LANE, name="x")}), []),
        (chain_with({RULE: destination_rule("cart", "v1", NO_PODS, name="x")}), []),
        (chain_with({"Deployment web-v2": b3("v2", "cart")}), []),
        (
            chain_with({"Deployment web-v1": b3("v1", "cart"), "VirtualService any": MISROUTED}),
            ["VirtualService any: spec.http[0]"],
        ),
        (BEYOND, ["VirtualService entered: spec.http[0]"]),
        (chain_with({RULE: PREFERRED}), []),  # TL043
        *(  # nothing is planned where something cannot be read, or is twice
            ([*BEYOND, unread], [])
            for unread in (
                {"kind": "Service", "apiVersion": "v1", "metadata": []},
                put(service("x"), "spec.ports[0].port", "80"),
                put(CART, "spec.selector.x", "y"),
            )
        ),
    ],
    "TL035": [
        (versioned(GRPC, HTTP), [BACKEND]),
        (versioned(HTTP, {"appProtocol": "kubernetes.io/h2c"}), [BACKEND]),
        (versioned(GRPC, {"name": "http", "appProtocol": "grpc"}), []),
        (versioned(GRPC, {"name": "http2-web"}), []),
        (versioned(GRPC, {"name": "web"}), []),  # the mesh finds out
        (versioned({"name": "tcp"}, HTTP), []),
        (versioned(GRPC, HTTP)[::2], []),  # the version's Service is elsewhere
        (led_to(GRPC, HTTP), ["VirtualService cart: spec.http[0].route[0].destination.host"]),
        (led_to(GRPC, GRPC), []),
        (led_to(GRPC, HTTP, gateways=["demo-gateway"]), []),  # which calls cart-v2 alone
        # Nobody knows which port is called.
        ([service("cart", {"port": 8000, **GRPC}, 80), *led_to(GRPC, HTTP)[1:]], []),
        (
            [
                *versioned(GRPC, HTTP)[:2],
                {**versioned(GRPC, HTTP)[2], "kind": "GRPCRoute"},
            ],
            ["GRPCRoute cart: spec.rules[0].backendRefs[0]"],
        ),
        (
            [virtual_service("*", ANY, gateways=["web"]), *led_to(GRPC, HTTP)],
            [f"{ROUTES}: {LED}.host"],
        ),
        *(  # the port that the rule names, or else the first
            (
                [
                    service("cart", {"port": 8000, **GRPC}),
                    service("cart-v2", {"port": 9000, **GRPC}, {"port": 8000, "name": "http"}),
                    virtual_service("cart", rule(to("cart-v2", port=number))),
                ],
                [f"{ROUTES}: {LED}.host"] * found,
            )
            for number, found in ((8000, True), (9000, False), (None, False))
        ),
        (
            [
                *versioned(GRPC, HTTP)[:2],
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
    "TL036": [
        (PAST_RULES, [f"{ENTRY}: spec.http[0].route[0].destination.host"]),
        ([d for d in PAST_RULES if d is not PODS[1]], []),  # one version
        ([*GOOD, service("shop", HTTP), virtual_service("shop", ANY)], []),  # in the mesh
        (entering(rule(to("cart", "v1", weight=1), to("cart", weight=0))), []),
        (with_rules(LANE, ANY, gateways=["mesh", "demo-gateway"]), []),  # they are its own
        (
            [
                *(d for d in PAST_RULES if d is not ROUTED),
                *(service("cart-v1", HTTP), virtual_service("cart", rule(to("cart-v1")), ANY)),
            ],
            [f"{ENTRY}: spec.http[0].route[0].destination.host"],
        ),
        (
            [
                *(CART, *PODS, service("shop", HTTP)),
                http_route("cart", to_service("cart"), route_rule(backend("cart-v1"))),
                http_route("shop", to_service("shop"), route_rule(backend("cart"))),
            ],
            [],
        ),
        ([d for d in PAST_RULES if d is not ROUTED], []),
        (
            [d if d is not ROUTED else put(d, "spec.http", [rule(to("cart"))]) for d in PAST_RULES],
            [],
        ),
        *(
            (
                [
                    api_gateway(),
                    http_route("cart", to_service("cart"), route_rule(*chosen)),
                    put(
                        http_route("web", to_gateway(), PAST_ROUTE, namespace="edge"),
                        "spec.parentRefs",
                        parents,
                    ),
                    *(CART, *PODS),
                    service("cart-v1", HTTP, selector={"app": "cart", "version": "v1"}),
                ],
                ["HTTPRoute web: spec.rules[0].backendRefs[0]"] * found,
            )
            for parents, chosen, found in (
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
                *entering(
                    rule(to("shop"), match=[{"uri": {"exact": "/x"}}]), ANY | {"match": [GET]}, ANY
                ),
            ],
            [f"{ENTRY}: spec.http[1].route[0].destination.host"],  # once
        ),
    ],
    "TL037": [
        (instead(ENTERED, exported(ENTERED, "x")), [f"{ENTRY}: spec.exportTo"]),
        (instead(ENTERED, exported(ENTERED, ".")), []),
        (instead(ENTERED, exported(ENTERED, "x", "*")), []),
        (
            instead(
                ENTERED,
                exported(put(ENTERED, "spec.gateways", ["mesh", "edge/gw"]), "edge"),
                gateway(name="gw", namespace="edge"),
            ),
            [],
        ),
        (
            [*instead(ENTERED, exported(ENTERED, ".")), INGRESS],
            [f"{ENTRY}: spec.exportTo"],  # by the namespace of the gateway's pods
        ),
        ([*instead(ENTERED, exported(ENTERED, "edge")), INGRESS], []),
        (instead(SUBSETS, exported(SUBSETS, "x")), [f"{RULE}: spec.exportTo"]),
        (
            [*instead(SUBSETS, exported(SUBSETS, "default")), deployment("a", namespace="other")],
            [f"{RULE}: spec.exportTo"] * 2,  # for each subset
        ),
        (
            [
                *(d for d in GOOD if d not in (SUBSETS, ROUTED)),
                *(exported(SUBSETS, "default"), exported(ROUTED, ".")),
                deployment("a", namespace="other"),
            ],
            [],  # which does not see the rules either
        ),
        (
            [
                *instead(SUBSETS, exported(SUBSETS, "x")),
                put(put(ENTERED, "metadata.name", "again"), "spec.hosts", ["a.org"]),
            ],
            [f"{RULE}: spec.exportTo"],  # once
        ),
        (
            instead(SUBSETS, exported(SUBSETS, "x"), destination_rule("cart", "v1", name="more")),
            [f"{RULE}: spec.exportTo"],  # the other defines another subset
        ),
        (instead(SUBSETS, exported(SUBSETS, "x"), destination_rule("cart", "v2", name="more")), []),
        (
            [
                *instead(ENTERED, exported(ENTERED, ".")),
                labeled(INGRESS, istio="ingressgateway"),  # and no other label
            ],
            [f"{ENTRY}: spec.exportTo"],
        ),
    ],
    "TL038": [
        (led_to_cart(TWO_PORTS), [f"{ENTRY}: spec.http[0].route[0].destination"]),
        (led_to_cart(CART), []),  # its only port
        (led_to_cart(TWO_PORTS, match=[{"port": 80}]), [f"{ENTRY}: {LED}"]),
        (
            led_to_cart(TWO_PORTS, match=[{"port": 9000}, {"method": {"exact": "PUT"}}]),
            [f"{ENTRY}: {LED}"],
        ),
        ([gateway(port=8000), gateway(name="other"), *led_to_cart(TWO_PORTS)[1:]], []),
        ([WITH_TCP, *led_to_cart(TWO_PORTS)[1:]], []),
        ([TWO_PORTS, service("old", 80), virtual_service("old", ANY, gateways=["x/y"])], []),
        (led_to_cart(TWO_PORTS, port=8000), []),
        (led_to_cart(TWO_PORTS)[1:], []),  # the Gateway is elsewhere
        ([gateway(port=8000), *led_to_cart(TWO_PORTS)[1:]], []),
        (
            led_to_cart(TWO_PORTS, match=[{"port": 9000}]),
            [],  # to which nobody comes
        ),
        (
            [TWO_PORTS, service("old", 80), virtual_service("old", rule(to("cart")))],
            ["VirtualService old: spec.http[0].route[0].destination"],
        ),
        ([TWO_PORTS, service("old", 8000), virtual_service("old", rule(to("cart")))], []),
        (
            [
                gateway(),
                virtual_service(
                    "*",
                    *(rule(to("cart", port=8000), match=[GET]), rule(to("cart"))),
                    gateways=["demo-gateway"],
                    name="entered",
                ),
                TWO_PORTS,
            ],
            [f"{ENTRY}: spec.http[1].route[0].destination"],
        ),
    ],
    "TL039": [
        ([virtual_service("*", REST)], ["VirtualService any: spec.hosts[0]"]),
        ([virtual_service("*.org", REST)], []),
    ],
    "TL040": [
        (asking(cookie="user=beta", how="exact"), [f"{ENTRY}: {COOKIE}"]),
        (asking(cookie="user=beta", how="prefix"), [f"{ENTRY}: {COOKIE}"]),
        (asking(cookie=r"(.*;)?user=beta(;.*)?", how="regex"), [f"{ENTRY}: {COOKIE}"]),
        (asking(cookie=r"(.*; )?user=beta", how="regex"), [f"{ENTRY}: {COOKIE}"]),
        (asking(cookie=r"(.*; )?user=beta(;.*)?", how="regex"), []),
        (asking(cookie=".*user=beta.*", how="regex"), []),
        (asking(cookie="beta", how="exact"), []),  # no cookie has no name
        (entering(matching({"headers": {"cookie": {}}}), rule(to("cart", "v1"))), []),
        (asking(agent="Firefox", how="regex"), [f"{ENTRY}: {AGENT}"]),
        (asking(agent=".*Firefox", how="regex"), []),
        (asking(agent="Firefox.*", how="regex"), []),
        (asking(agent="my-tester", how="exact"), []),
        (asking(agent="(Firefox)?", how="regex"), []),
        (asking(agent=NO_EXAMPLE, how="regex"), []),
    ],
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
                (TO_V2, PODS, [], False),  # the pods are elsewhere
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
    "TL042": [
        *(
            ([*PLAIN_TEXT, *policies], [f"{RULE}: {TLS}"] * strict)
            for policies, strict in (
                ([peers("STRICT")], True),
                ([peers("STRICT", "istio-system")], True),
                ([peers("STRICT", "other")], False),
                ([peers("STRICT", "istio-system"), peers("PERMISSIVE")], False),
                ([peers("STRICT"), peers("PERMISSIVE", app="cart")], False),
                ([peers("STRICT"), peers("PERMISSIVE", app="x")], True),
                ([peers("STRICT", version="v1")], False),  # v2 takes both
            )
        ),
        ([*GOOD, peers("STRICT")], []),
        ([destination_rule("shop"), *PLAIN_TEXT, peers("STRICT")], [f"{RULE}: {TLS}"]),
        *(
            (
                [
                    put(CART, "spec.ports", [{"name": "http", "port": 8000, **target}]),
                    *(d for d in PLAIN_TEXT if d is not CART),
                    put(
                        peers("STRICT", app="cart"),
                        "spec.portLevelMtls",
                        {number: {"mode": "PERMISSIVE"}},
                    ),
                ],
                [f"{RULE}: {TLS}"] * found,
            )
            for target, number, found in (
                ({}, 8000, False),
                ({}, 9000, True),
                ({"targetPort": 9000}, 9000, False),
                ({"targetPort": 9000}, 8000, True),
                ({"targetPort": "web"}, 8000, False),  # nobody knows its number
            )
        ),
    ],
    "TL043": [
        (instead(SUBSETS, PREFERRED), [f"{RULE}: spec.subsets[1].trafficPolicy.{FAILOVER}"]),
        (instead(SUBSETS, put(PREFERRED, "spec.trafficPolicy", {"outlierDetection": {}})), []),
        (
            instead(SUBSETS, destination_rule("cart", policy=PREFERS)),
            [f"{RULE}: spec.trafficPolicy.{FAILOVER}"],
        ),
        (
            instead(
                SUBSETS,
                put(PREFERRED, "spec.subsets[1].trafficPolicy.outlierDetection", {}),
            ),
            [],
        ),
    ],
    "TL044": [
        *(
            (claiming(*resources), [f"{ENTRY}: {CLAIM}"] * unchecked)
            for resources, unchecked in (
                ([], True),
                ([of_kind("RequestAuthentication", SECURITY)], False),
                ([tokens(istio="ingressgateway")], False),
                ([tokens(app="cart")], True),
                ([tokens("other")], True),
                ([tokens("istio-system")], False),
                ([put(REFERRED, "metadata.namespace", "other")], False),
                ([tokens(app="cart"), OF_CART], True),
            )
        ),
        (claiming(tokens("other"))[1:], [f"{ENTRY}: {CLAIM}"]),
        (claiming(tokens(app="cart"), OF_CART, at=("demo-gateway", "b")), []),  # one is checked
        (claiming(tokens(app="cart"))[1:], []),  # the Gateway is elsewhere
        (
            claiming(of_kind("RequestAuthentication", SECURITY), at=("mesh", "edge/gw")),
            [f"{ENTRY}: {CLAIM}"],
        ),
    ],
    "TL045": [
        *(
            (
                [annotated(name, value, **more), *resources],
                [f"{V1}.metadata.annotations.{OTEL}/{name}"] * wrong,
            )
            for name, value, more, resources, wrong in (
                ("inject-java", "true", {}, [instrumentation()], False),
                ("inject-java", "true", {}, [], True),
                ("inject-java", "false", {}, [], False),
                ("inject-java", "instrumentation", {}, [instrumentation()], False),
                ("inject-java", "default/instrumentation", {}, [instrumentation()], False),
                ("inject-java", "other", {}, [instrumentation()], True),
                ("inject-java", "true", {}, [IN_OTHER], True),
                ("inject-java", "other/instrumentation", {}, [IN_OTHER], False),
                ("inject-java", "true", {}, [instrumentation(), instrumentation(name="b")], True),
                ("inject-jav", "true", {}, [instrumentation()], True),
                ("inject-jav", "true", {}, [], True),
                ("inject-java", "true", {"container-names": "x"}, [instrumentation()], True),
                ("inject-java", "true", {"container-names": "default"}, [instrumentation()], False),
                ("container-names", "x", {}, [], False),  # nothing is injected
            )
        ),
        ([deployment("cart", annotations={"example.org/container-names": "x"})], []),
        (
            [
                put(annotated("inject-java", "true"), "metadata.annotations", IN_BOTH),
                instrumentation(),
            ],
            [],  # the pods have it too
        ),
        ([put(PODS[0], "metadata.annotations", {"example.org/inject-go": "true"})], []),
        (
            [put(PODS[0], "metadata.annotations", {f"{OTEL}/inject-java": "true"})],
            [f"Deployment cart-v1: metadata.annotations.{OTEL}/inject-java"],
        ),
        (
            [deployment("cart", annotations={"instrumentation.opentelemtry.io/inject-go": "true"})],
            [f"{V1}.metadata.annotations.instrumentation.opentelemtry.io/inject-go"],
        ),
        ([deployment("cart", annotations={"example.org/inject-go": "true"})], []),
    ],
    "TL046": [
        (AT_GATEWAY, [f"{ROUTES}: spec.gateways"]),
        ([*AT_GATEWAY, virtual_service("cart", REST, name="inside")], []),
        ([d for d in AT_GATEWAY if d is not PODS[1]], []),
        (with_rules(rule(to("cart")), gateways=["demo-gateway"]), []),
        *(
            (
                [*AT_GATEWAY[:-1], put(AT_GATEWAY[-1], "spec.hosts", hosts), *others],
                [f"{ROUTES}: spec.gateways"] * found,
            )
            for hosts, others, found in (
                (["a.org"], [], False),
                (["a.org", "cart"], [], True),
                (  # once
                    ["cart", "shop"],
                    [service("shop", HTTP), deployment("shop"), deployment("shop", "v2")],
                    True,
                ),
            )
        ),
    ],
    "TL047": [
        *(
            (
                entering(matching(header_is(name, value)), rule(to("cart", "v1"))),
                [f"{ENTRY}: spec.http[0].match[0].headers.{name}"],
            )
            for name, value in (
                *((":method", "PUT"), (":scheme", "http")),
                *((":path", "/x"), (":authority", "x")),
            )
        ),
        (entering(matching({"authority": {"exact": "x"}}), rule(to("cart", "v1"))), []),
        (
            [
                http_route(
                    "cart",
                    to_service("cart"),
                    route_rule(backend("cart"), matches=[takes(headers={"host": "x"})]),
                )
            ],
            [],
        ),
    ],
}


@pytest.mark.parametrize(
    ("code", "documents", "expected"),
    [
        pytest.param(code, documents, expected, id=f"{code}-{number}")
        for code, rows in EDGES.items()
        for number, (documents, expected) in enumerate(rows)
    ],
)
def test_a_rule_finds_what_it_is_for_and_nothing_a_step_beside_it(
    code: str, documents: list[Document], expected: list[str], tmp_path: Path
) -> None:
    assert found(tmp_path, code, documents) == sorted(expected)


GONE: list[tuple[Document, str, str]] = [
    *(
        (virtual_service("cart", {**LANE, field: {"x": "y"}}, REST), f"spec.http[0].{field}", now)
        for field, now in {
            "appendHeaders": "headers.request.add",
            "appendRequestHeaders": "headers.request.add",
            "appendResponseHeaders": "headers.response.add",
            "removeRequestHeaders": "headers.request.remove",
            "removeResponseHeaders": "headers.response.remove",
            "websocketUpgrade": "nothing: WebSockets work without",
        }.items()
    ),
    *(
        (of_kind(kind, version), "apiVersion", now)
        for version, kind, now in (
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


@pytest.mark.parametrize(("document", "field", "now"), GONE)
def test_what_is_gone_is_told_with_what_to_write_instead(
    document: Document, field: str, now: str, tmp_path: Path
) -> None:
    (one,) = (f for f in lint([write(tmp_path, document)]).findings if f.rule == "TL013")
    assert (one.field, one.message.partition("write ")[2]) == (field, now)


@pytest.mark.parametrize(
    ("code", "documents", "listed"),
    [
        ("TL015", with_rules(rule(to("cart", "v3"))), "(v1, v2)"),
        (
            "TL015",
            [CART, PODS[0], destination_rule("cart"), *with_rules(rule(to("cart", "v3")))[-1:]],
            "(none)",
        ),
        ("TL009", without_v2(LANE, REST), "(version: v1)"),
        (
            "TL009",
            instead(
                SUBSETS, destination_rule("cart", "v1", {"name": "v2", "labels": {"lane": "v2"}})
            ),
            "(none has the label)",
        ),
        ("TL031", with_rules(rule(to("cart", port=9))), "(8000)"),
        ("TL040", asking(agent="Firefox", how="regex"), "Mozilla/5.0 Firefox"),
        ("TL010", instead(CART, HEADLESS), "is headless"),
        ("TL035", versioned(GRPC, HTTP), "carries HTTP/1.1, and cart, which callers use, HTTP/2:"),
        *(
            ("TL006", with_rules(rule(to("cart", "v1", weight=1), idle)), f"{name} has weight 0")
            for idle, name in ((to("cart", "v2", weight=0), "v2"), (to("shop", weight=0), "shop"))
        ),
        (
            "TL015",
            [*with_rules(rule(to("cart", "v3"))), destination_rule("cart", "v4", name="more")],
            f"{RULE} has no subset",
        ),
        (
            "TL017",
            [*GOOD, destination_rule("cart", NO_PODS, name="more")],
            f"{RULE} has subset v2 for cart",
        ),
        (
            "TL017",
            [
                destination_rule("cart", policy=RANDOM),
                destination_rule("cart", policy=ROUND_ROBIN, name="more"),
            ],
            f"{RULE} has a traffic policy for cart",
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
        (
            "TL023",
            [
                service("cart", HTTP, selector={"app": "x"}),
                *(*PODS, virtual_service("cart", ANY)),
            ],
            "Deployment cart-v1 lack app: x",
        ),
        ("TL014", with_rules({**REST, "name": "all"}, LANE), "rule all "),
        (
            "TL014",
            with_rules(
                *(matching({"uri": {"prefix": f"/{one}"}}, lead="v1") for one in "ab"),
                matching({"uri": {"exact": "/b/x"}}, {"uri": {"exact": "/a/x"}}),
                REST,
            ),
            "rule http[0] ",
        ),
        (
            "TL002",
            [*instead(CART, port(name="tcp")), virtual_service("cart", REST, name="more")],
            f"the rules of {ROUTES}",
        ),
        (
            "TL038",
            [
                *(gateway(), gateway(name="b", port=81), TWO_PORTS),
                virtual_service("*", ANY, gateways=["demo-gateway", "b"], name="entered"),
            ],
            "a request to port 80 goes to its port 80",
        ),
        ("TL010", instead(CART, put(CART, "spec.type", "ExternalName")), "another host's name"),
        (
            "TL016",
            [
                *(service("cart", namespace=place) for place in ("shop", "zone")),
                destination_rule("cart", "v1"),
            ],
            f"cart.shop.{DNS}",
        ),
        (
            "TL032",
            [gateway("a.org", "b.org"), put(ENTERED, "spec.hosts", ["c.org"])],
            "(a.org, b.org)",
        ),
        ("TL032", instead(GOOD[0], gateway("other/shop.org")), "(nothing of namespace default)"),
    ],
)
def test_a_finding_lists_what_is_there(
    code: str, documents: list[Document], listed: str, tmp_path: Path
) -> None:
    (one,) = (f for f in lint([write(tmp_path, *documents)]).findings if f.rule == code)
    assert listed in one.message


@pytest.mark.parametrize(
    ("code", "header", "field"),
    [
        *(("TL021", name, name) for name in ("authority", "method", "scheme", "uri")),
        ("TL021", "path", "uri"),
        *(("TL047", f":{name}", name) for name in ("authority", "method", "scheme")),
        *(("TL047", name, field) for name, field in ((":path", "uri"), ("Host", "authority"))),
    ],
)
def test_a_part_of_the_request_line_has_a_field_of_its_own(
    code: str, header: str, field: str, tmp_path: Path
) -> None:
    file = write(tmp_path, *entering(matching(header_is(header, "x")), rule(to("cart", "v1"))))
    (one,) = (f for f in lint([file]).findings if f.rule == code)
    assert one.message.endswith(f"write match.{field}")
