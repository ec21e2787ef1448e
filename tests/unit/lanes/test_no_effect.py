"""What does not do as it is written: Sidecars, refused hosts, mirrors, TLS, failover, hashes."""

import pytest

from lanes.planning.hop import Misrouted, Reason, Unanswered
from tests.kube import (
    Document,
    api_gateway,
    backend,
    deployment,
    destination_rule,
    gateway,
    header_is,
    http_route,
    put,
    route_rule,
    rule,
    service,
    sidecar,
    to,
    to_gateway,
    virtual_service,
)
from tests.unit.lanes.reading import lanes_of, mesh_of, plan_of, refusal

CART = [service("cart"), deployment("cart"), deployment("cart", "v2")]
SUBSETS = destination_rule("cart", "v1", "v2")
AT = virtual_service("*", rule(to("shop")), gateways=["demo-gateway"], name="web")
SHOP = [gateway(), AT, service("shop"), deployment("shop", "v1", "cart")]
FULL = "cart.default.svc.cluster.local"


def resource(kind: str, spec: Document, namespace: str = "default") -> Document:
    api = "security.istio.io/v1" if kind == "PeerAuthentication" else "networking.istio.io/v1"
    metadata = {"name": "x", "namespace": namespace}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}


def cart_of(*documents: Document) -> str:
    """What answers a call to the cart."""
    return lanes_of(*SHOP, *CART, *documents)["untagged"].removeprefix("shop v1, cart ")


def rules(*hosts: str, namespace: str = "default") -> Document:
    made = virtual_service(FULL, rule(to(FULL, "v2")), namespace=namespace, name="rules")
    return put(made, "spec.hosts", list(hosts))


@pytest.mark.parametrize(
    ("imported", "host", "namespace", "found"),
    [
        (["./*"], FULL, "default", "v2"),
        (["*/*", "~default/*"], FULL, "default", "v1|v2"),
        (["*/*", "~/*"], FULL, "default", "v1|v2"),
        (["./*", f"~./{FULL}"], FULL, "default", "v1|v2"),
        (["./*", f"~/{FULL}"], FULL, "default", "v1|v2"),
        (["*/*", "~other/*"], FULL, "default", "v2"),
        (["*/*", "~other/*"], FULL, "other", "v1|v2"),
        (["./*"], FULL, "other", "v1|v2"),
        (["./*"], "*.default.svc.cluster.local", "other", "v1|v2"),
        (["./*", "other/*"], "*.default.svc.cluster.local", "other", "v2"),
        (["./*", f"other/{FULL}"], "*.default.svc.cluster.local", "other", "v2"),
        ([f"./{FULL}"], "*.default.svc.cluster.local", "default", "v2"),
        (["*/*", "~other/*"], "*.default.svc.cluster.local", "other", "v1|v2"),
        (["*/*", "~default/*"], FULL, "other", "v1|v2"),
        (["*/*", "~other/*.svc.cluster.local"], FULL, "other", "v1|v2"),
    ],
)
def test_what_a_sidecar_imports(imported: list[str], host: str, namespace: str, found: str) -> None:
    sidecar = resource("Sidecar", {"egress": [{"hosts": imported}]})
    assert cart_of(sidecar, SUBSETS, rules(host, namespace=namespace)) == found


def test_a_virtual_service_is_imported_by_any_of_its_hosts() -> None:
    sidecar = resource("Sidecar", {"egress": [{"hosts": ["./*", "other/x.example.com"]}]})
    both = rules(FULL, "x.example.com", namespace="other")
    assert cart_of(sidecar, SUBSETS, both) == "v2"


WIDE = "*.default.svc.cluster.local"


@pytest.mark.parametrize(
    ("imported", "hosts", "found"),
    [
        (["*/*"], (FULL, FULL), "v1"),
        (["*/*", "~second/*"], (FULL, FULL), "v1"),
        (["*/*", "~first/*"], (FULL, FULL), "v2"),
        (["*/*", "~first/*"], (FULL, WIDE), "v2"),
        (["*/*", "~first/*"], (WIDE, "*.local"), "v2"),
        (["*/*", "~first/*"], (WIDE, FULL), "v2"),
        (["*/*", "~first/*"], (FULL, "*.example.com"), "v1|v2"),
    ],
)
def test_a_sidecar_hides_the_rules_of_one_namespace(
    imported: list[str], hosts: tuple[str, str], found: str
) -> None:
    sidecar = resource("Sidecar", {"egress": [{"hosts": imported}]})
    first, second = (
        virtual_service(host, rule(to(FULL, version)), namespace=namespace, name="rules")
        for host, version, namespace in zip(hosts, ("v1", "v2"), ("first", "second"), strict=True)
    )
    assert cart_of(sidecar, SUBSETS, first, second) == found


def test_a_sidecar_hides_rules_from_the_pods_that_it_selects() -> None:
    routed = [SUBSETS, virtual_service(FULL, rule(to(FULL, "v1")), namespace="first")]
    hides = ("*/*", "~first/*")
    assert cart_of(*routed) == cart_of(*routed, sidecar("*/*")) == "v1"
    assert cart_of(*routed, sidecar(*hides, selects={"app": "shop"})) == "v1|v2"
    assert cart_of(*routed, sidecar(*hides, selects={"app": "cart"})) == "v1"


def test_a_cluster_refuses_every_host_in_the_mesh() -> None:
    star = put(AT, "spec.gateways", ["demo-gateway", "mesh"])
    assert "VirtualService web: spec.hosts[0]: * beside the gateway mesh: a cluster refuses" in (
        refusal(*[d for d in SHOP if d is not AT], star)
    )


MIRRORS = [
    ({"mirror": {"host": "cart", "subset": "v3"}}, "spec.http[0].mirror"),
    ({"mirror": {"host": "gone"}}, "spec.http[0].mirror"),
    (
        {"mirrors": [{"destination": {"host": "cart"}}, {"destination": {"host": "gone"}}]},
        "spec.http[0].mirrors[1].destination",
    ),
    ({"mirror": {"host": "cart", "subset": "v2"}}, ""),
    ({"mirror": {"host": FULL}}, ""),
]


@pytest.mark.parametrize(("fields", "field"), MIRRORS)
def test_a_mirror_to_what_is_not_there(fields: Document, field: str) -> None:
    mirrored = virtual_service("cart", rule(to("cart", "v1"), **fields))
    found = mesh_of(*SHOP, *CART, SUBSETS, mirrored).warnings
    assert [w.field for w in found if w.rule == "mirror-absent"] == ([field] if field else [])


@pytest.mark.parametrize(("name", "warned"), [("cart", []), ("gone", ["mirror-absent"])])
def test_a_mirror_of_an_http_route(name: str, warned: list[str]) -> None:
    mirror = {
        "type": "RequestMirror",
        "requestMirror": {"backendRef": {"name": name, "port": 8000}},
    }
    route = http_route("web", to_gateway(), route_rule(backend("cart"), filters=[mirror]))
    mesh = mesh_of(*CART, api_gateway(), route)
    assert [w.rule for w in mesh.warnings] == warned


OFF = {"tls": {"mode": "DISABLE"}}
STRICT = {"mtls": {"mode": "STRICT"}}
PERMISSIVE, UNSET = {"mtls": {"mode": "PERMISSIVE"}}, {"mtls": {"mode": "UNSET"}}
CHOSEN = {"selector": {"matchLabels": {"app": "cart"}}}
OF_OTHERS = {"selector": {"matchLabels": {"app": "other"}}}


def peer(name: str, spec: Document) -> Document:
    return put(resource("PeerAuthentication", spec), "metadata.name", name)


@pytest.mark.parametrize(
    ("peers", "policy", "found"),
    [
        ([resource("PeerAuthentication", STRICT)], OFF, "-"),
        ([resource("PeerAuthentication", STRICT, "istio-system")], OFF, "-"),
        ([resource("PeerAuthentication", {**CHOSEN, **STRICT})], OFF, "-"),
        ([resource("PeerAuthentication", STRICT, "other")], OFF, "v2"),
        ([peer("x", {**OF_OTHERS, **STRICT})], OFF, "v2"),
        ([peer("x", {"selector": {"matchLabels": {}}, **STRICT})], OFF, "-"),
        ([peer("x", {**CHOSEN, **UNSET}), peer("y", STRICT)], OFF, "-"),
        ([peer("x", {**CHOSEN, **PERMISSIVE}), peer("y", STRICT)], OFF, "v2"),
        ([peer("x", PERMISSIVE), peer("y", {**CHOSEN, **STRICT})], OFF, "-"),
        ([peer("x", {}), resource("PeerAuthentication", STRICT, "istio-system")], OFF, "-"),
        ([peer("a", STRICT), peer("b", PERMISSIVE)], OFF, "-"),
        ([peer("b", STRICT), peer("a", PERMISSIVE)], OFF, "v2"),
        ([peer("x", {**CHOSEN, **PERMISSIVE, "portLevelMtls": {8000: STRICT["mtls"]}})], OFF, "-"),
        ([peer("x", {**CHOSEN, **PERMISSIVE, "portLevelMtls": {81: STRICT["mtls"]}})], OFF, "v2"),
        ([peer("x", {**PERMISSIVE, "portLevelMtls": {8000: STRICT["mtls"]}})], OFF, "v2"),
        ([resource("PeerAuthentication", {"mtls": {"mode": "PERMISSIVE"}})], OFF, "v2"),
        ([resource("PeerAuthentication", STRICT)], {"tls": {"mode": "ISTIO_MUTUAL"}}, "v2"),
        ([resource("PeerAuthentication", STRICT)], {}, "v2"),
        (
            [
                resource("PeerAuthentication", STRICT, "istio-system"),
                resource("PeerAuthentication", {"mtls": {"mode": "PERMISSIVE"}}),
            ],
            OFF,
            "v2",
        ),
        (
            [
                resource(
                    "PeerAuthentication",
                    {**CHOSEN, **STRICT, "portLevelMtls": {8000: {"mode": "DISABLE"}}},
                )
            ],
            OFF,
            "v2",
        ),
    ],
)
def test_calls_without_tls_to_pods_that_ask_for_it(
    peers: list[Document], policy: Document, found: str
) -> None:
    subset = {"name": "v2", "labels": {"version": "v2"}, "trafficPolicy": policy}
    to_v2 = virtual_service("cart", rule(to("cart", "v2")))
    documents = [*peers, destination_rule("cart", subset), to_v2]
    assert cart_of(*documents) == found
    if found == "-":
        hop = plan_of(*SHOP, *CART, *documents).lanes[0].path[-1]
        assert (hop.status, hop.unanswered) == (503, Unanswered("tls-refused"))


@pytest.mark.parametrize(("port", "found"), [(8000, "v2"), (81, "-")])
def test_a_subsets_policy_for_a_port_replaces_the_rules_tls(port: int, found: str) -> None:
    of_port = {"port": {"number": port}, "loadBalancer": {"simple": "RANDOM"}}
    policy = {"portLevelSettings": [of_port]}
    subset = {"name": "v2", "labels": {"version": "v2"}, "trafficPolicy": policy}
    rules = destination_rule("cart", subset, policy=OFF)
    to_v2 = virtual_service("cart", rule(to("cart", "v2")))
    assert cart_of(resource("PeerAuthentication", STRICT), rules, to_v2) == found


@pytest.mark.parametrize(
    ("priority", "reason"), [(["version=v2"], Reason.NO_FAILOVER), ([], Reason.MIXED)]
)
def test_a_subset_of_several_versions(priority: list[str], reason: Reason) -> None:
    policy = {"loadBalancer": {"localityLbSetting": {"failoverPriority": priority}}}
    member = {"name": "v2", "labels": {"app": "cart"}, "trafficPolicy": policy}
    lane = rule(to("cart", "v2"), match=[header_is("x-lane", "v2")])
    led = virtual_service("cart", lane, rule(to("cart", "v1")))
    planned = plan_of(*SHOP, *CART, destination_rule("cart", "v1", member), led)
    hop = planned.lane("v2").path[-1]
    assert (hop.versions, hop.misrouted) == (("v1", "v2"), Misrouted(reason, "v2", ("v2",)))


@pytest.mark.parametrize("weights", [(90, 10), (100, 0)])
def test_a_hash_over_a_split(weights: tuple[int, int]) -> None:
    policy = {"loadBalancer": {"consistentHash": {"httpHeaderName": "x-user"}}}
    split = [to("cart", v, weight=w) for v, w in zip(("v1", "v2"), weights, strict=True)]
    hashed = destination_rule("cart", "v1", "v2", policy=policy)
    mesh = mesh_of(*SHOP, *CART, hashed, virtual_service("cart", rule(*split)))
    assert [w.rule for w in mesh.warnings] == ["hash-split"] * (weights[1] > 0)


def test_a_certificate_that_a_policy_wants_is_assumed() -> None:
    policy = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "BackendTLSPolicy",
        "metadata": {"name": "tls", "namespace": "default"},
        "spec": {
            "targetRefs": [{"group": "", "kind": "Service", "name": "cart"}],
            "validation": {"hostname": "cart.example"},
        },
    }
    mesh = mesh_of(*SHOP, *CART, policy)
    (told,) = [one for one in mesh.warnings if one.rule == "certificate"]
    assert told.message == (
        "planned as if the pods of cart had the certificate that it wants; without it, gateways"
        " answer with an error"
    )
    assert mesh.left_to_cluster == ("BackendTLSPolicy",)
