"""Stand-ins: the calls that they make and leave out, and the headers that they propagate."""

from dataclasses import replace

import pytest

from lanes.mesh.model import Mesh
from lanes.running.standins import StandIns, stand_ins
from tests.kube import (
    Document,
    asm,
    deployment,
    destination_rule,
    foreign,
    header_is,
    put,
    rule,
    service,
    to,
    virtual_service,
)
from tests.unit.lanes.reading import mesh_of


def entered(first: str = "shop") -> Document:
    return virtual_service("*", rule(to(first)), gateways=["gw"])


def annotated(name: str, calls: str) -> Document:
    return put(service(name), "metadata.annotations", {"traffic-lanes/calls": calls})


def mesh(shop: Document, called: str = "", *more: Document) -> Mesh:
    """A shop that may call cart, by port 8080, and users in a namespace of their own."""
    cart = (service("cart", {"port": 8080, "targetPort": 8000}), foreign("cart"))
    users = (service("users", namespace="people"), deployment("users", namespace="people"))
    own = annotated("shop", called) if called else service("shop")
    return mesh_of(entered(), own, shop, *cart, *users, *more)


@pytest.mark.parametrize(
    ("found", "urls"),
    [
        (mesh(foreign("shop", CART_ADDR="cart:8080")), ["http://cart:8080/"]),
        (
            mesh(foreign("shop", U="http://users.people:8000/a,b?c=d", C="cart:8080")),
            ["http://users.people:8000/a%2Cb?c=d", "http://cart:8080/"],
        ),
        (
            mesh(foreign("shop", CART_ADDR="cart:8080"), "users.people, cart"),
            ["http://users.people:8000/", "http://cart:8080/"],
        ),
        (mesh(foreign("shop", CART="cart", DB="postgres://cart:8080/", SELF="shop:8000")), []),
        # The sample's own calls are its own.
        (mesh(deployment("shop", "v1", "http://cart:8080/")), []),
    ],
)
def test_stand_ins_make_the_calls_that_are_known(found: Mesh, urls: list[str]) -> None:
    expected = {"default/shop-v1": tuple(urls)} if urls else {}
    assert stand_ins(found) == StandIns(expected)


def test_commands_and_calls_that_bypass_the_sidecar_are_left_out() -> None:
    found = mesh(foreign("shop", CART_ADDR="cart:8080"))
    own = tuple(replace(pod, command="./shop") for pod in found.pods)
    assert stand_ins(replace(found, pods=own)) == StandIns()
    past = foreign("shop", CART_ADDR="cart:8080")
    past = put(past, "spec.template.metadata.annotations", {"sidecar.istio.io/inject": "false"})
    assert stand_ins(mesh(past)) == StandIns(
        notes=("stand-ins leave out shop -> cart, which bypasses its sidecar",)
    )


def test_calls_that_close_a_cycle_are_left_out() -> None:
    names = ("shop", "cart", "orders", "payments")
    found = mesh_of(
        entered(),
        *map(service, names),
        foreign("shop", A="cart:8000", B="orders:8000"),
        foreign("cart", A="payments:8000"),
        foreign("cart", "v2", A="payments:8000", B="shop:8000"),
        foreign("orders", A="payments:8000"),
        foreign("payments", A="http://orders:8000/paid"),
    )
    told = stand_ins(found)
    assert told.urls == {
        "default/shop-v1": ("http://cart:8000/", "http://orders:8000/"),
        "default/cart-v1": ("http://payments:8000/",),
        "default/cart-v2": ("http://payments:8000/",),
        "default/payments-v1": ("http://orders:8000/paid",),
    }
    assert told.notes == (
        "stand-ins leave out orders -> payments, cart -> shop, which are part of a cycle",
    )


def chained(count: int) -> StandIns:
    """Services of which each calls all that come after it, so that one more doubles the calls."""
    names = [f"s{number}" for number in range(count)]
    pods = (
        foreign(name, **{f"TO_{other}": f"{other}:8000" for other in names[number + 1 :]})
        for number, name in enumerate(names)
    )
    return stand_ins(mesh_of(entered("s0"), *map(service, names), *pods))


def test_a_request_with_too_many_calls_makes_none() -> None:
    assert len(chained(7).urls) == 6
    assert chained(8) == StandIns(notes=("stand-ins call nobody: a request would make 128 calls",))


def test_stand_ins_propagate_the_headers_that_the_plan_assumes() -> None:
    lane = rule(to("cart", "v2"), match=[header_is("x-lane", "v2")])
    more = (
        foreign("cart", "v2"),
        destination_rule("cart", "v1", "v2"),
        virtual_service("cart", lane, rule(to("cart", "v1"))),
    )
    told = stand_ins(mesh(foreign("shop", CART_ADDR="cart:8080"), "", *more))
    said = "stand-ins propagate x-lane, as your services have to"
    assert (told.propagated, told.notes) == (("x-lane",), (said,))
    deaf = foreign("shop", CART_ADDR="cart:8080", OTEL_PROPAGATORS="tracecontext")
    assert stand_ins(mesh(deaf, "", *more)).notes == (
        f"{said}; not those of shop, whose OpenTelemetry does not propagate baggage",
    )
    assert stand_ins(mesh_of(*asm())) == StandIns()
