"""Ambient mode: the waypoint of the Service that is called decides whether its rules count."""

import pytest

from tests.kube import (
    Document,
    api_gateway,
    backend,
    deployment,
    gateway,
    http_route,
    put,
    route_rule,
    rule,
    service,
    to,
    to_service,
    virtual_service,
)
from tests.unit.lanes.reading import lanes_of, mesh_of, refusal

AMBIENT = {"istio.io/dataplane-mode": "ambient"}
USE = "istio.io/use-waypoint"


def namespace(name: str, **labels: str) -> Document:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def waypoint(name: str = "waypoint", at: str = "back", **labels: str) -> Document:
    mesh = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
    made = put(
        api_gateway(mesh, name=name, namespace=at), "spec.gatewayClassName", "istio-waypoint"
    )
    return put(made, "metadata.labels", labels)


def cart_of(*documents: Document, labels: dict[str, str] | None = None, sidecar: str = "") -> str:
    """What answers a call by a shop in ambient mode to a cart with these labels."""
    pod = {"sidecar.istio.io/inject": sidecar} if sidecar else {}
    shop = [
        gateway(namespace="front"),
        virtual_service("*", rule(to("shop")), gateways=["demo-gateway"], namespace="front"),
        service("shop", namespace="front"),
        deployment("shop", "v1", "http://cart.back:8000/", namespace="front", labels=pod),
    ]
    cart = [
        put(service("cart", namespace="back"), "metadata.labels", labels or {}),
        service("cart-v2", namespace="back", selector={"app": "cart", "version": "v2"}),
        deployment("cart", namespace="back"),
        deployment("cart", "v2", namespace="back"),
    ]
    to_v2 = http_route("cart", to_service("cart"), route_rule(backend("cart-v2")), namespace="back")
    (path,) = lanes_of(*shop, *cart, to_v2, *documents).values()
    return path.removeprefix("shop v1, cart ")


FRONT = namespace("front", **AMBIENT)
BACK = namespace("back", **AMBIENT)
OF_NAMESPACE = namespace("back", **AMBIENT, **{USE: "waypoint"})


@pytest.mark.parametrize(
    ("documents", "labels", "found"),
    [
        ([FRONT, BACK], {}, "v1|v2"),
        ([FRONT, OF_NAMESPACE, waypoint()], {}, "v2"),
        ([FRONT, BACK, waypoint()], {USE: "waypoint"}, "v2"),
        ([FRONT, OF_NAMESPACE, waypoint()], {USE: "none"}, "v1|v2"),
        # The caller's own has no part.
        ([namespace("front", **AMBIENT, **{USE: "waypoint"}), BACK], {}, "v1|v2"),
        # Taken for given where none is here; none where others are.
        ([FRONT, OF_NAMESPACE], {}, "v2"),
        ([FRONT, OF_NAMESPACE, waypoint("other")], {}, "v1|v2"),
        ([FRONT, OF_NAMESPACE, waypoint(**{"istio.io/waypoint-for": "workload"})], {}, "v1|v2"),
        ([FRONT, OF_NAMESPACE, waypoint(**{"istio.io/waypoint-for": "none"})], {}, "v1|v2"),
        ([FRONT, OF_NAMESPACE, waypoint(**{"istio.io/waypoint-for": "all"})], {}, "v2"),
        (
            [FRONT, BACK, waypoint(at="edge")],
            {USE: "waypoint", f"{USE}-namespace": "edge"},
            "v2",
        ),
        ([namespace("front", **{"istio-injection": "disabled"}), OF_NAMESPACE], {}, "v1|v2"),
    ],
)
def test_the_callees_waypoint_decides(
    documents: list[Document], labels: dict[str, str], found: str
) -> None:
    assert cart_of(*documents, labels=labels) == found


def test_a_pod_with_a_sidecar_routes_by_itself() -> None:
    assert cart_of(FRONT, BACK, sidecar="true") == "v2"


@pytest.mark.parametrize(("at", "routed"), [("front", False), ("back", True), ("edge", True)])
def test_a_waypoint_knows_rules_beside_it_and_beside_the_service(at: str, routed: bool) -> None:
    host = "cart.back.svc.cluster.local"
    rules = virtual_service(host, rule(to(host)), namespace=at, name="cart")
    of_edge = namespace("back", **AMBIENT, **{USE: "waypoint", f"{USE}-namespace": "edge"})
    documents = [
        *(FRONT, of_edge, waypoint(at="edge"), rules, service("cart", namespace="back")),
        *(deployment("shop", "v1", f"http://{host}:8000/", namespace="front"),),
    ]
    (shop,) = mesh_of(*documents).pods
    (port,) = [port for port in mesh_of(*documents).ports if port.host.name == "cart"]
    assert shop.unrouted.covers(port) is not routed


def test_a_waypoint_that_is_absent_is_told() -> None:
    documents = [FRONT, OF_NAMESPACE, waypoint("other"), service("cart", namespace="back")]
    shop = deployment("shop", namespace="front")
    found = [w for w in mesh_of(*documents, shop).warnings if w.rule == "waypoint-absent"]
    assert [w.message for w in found] == [
        "back/waypoint is not among the waypoints here: no rule counts for calls to it"
    ]


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (
            {USE: "waypoint", "istio.io/ingress-use-waypoint": "true"},
            "metadata.labels[istio.io/ingress-use-waypoint]: leads the gateway's",
        ),
        (
            {"istio.io/use-waypoint-canary": "next"},
            "metadata.labels[istio.io/use-waypoint-canary]: splits calls between two waypoints",
        ),
    ],
)
def test_uses_of_waypoints_that_are_not_supported(labels: Document, sentence: str) -> None:
    cart = put(service("cart"), "metadata.labels", labels)
    at = virtual_service("*", rule(to("cart")), gateways=["demo-gateway"], name="web")
    assert f"Service cart: {sentence}" in refusal(cart, deployment("cart"), gateway(), at)
