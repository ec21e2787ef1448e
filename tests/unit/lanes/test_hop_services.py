"""Hops are Services and versions: plans show splits between Services."""

from typing import Any

import pytest

from lanes.evidence.steps import Answer, Step
from lanes.planning.hop import Hop, Reason
from lanes.planning.plan import plan
from lanes.report.plan_json import plan_json
from lanes.verification.verify import verify
from tests.kube import (
    Document,
    api_gateway,
    backend,
    deployment,
    foreign,
    gateway,
    http_route,
    instrumentation,
    put,
    route_rule,
    rule,
    service,
    to,
    to_gateway,
    virtual_service,
    without,
)
from tests.unit.lanes.reading import lanes_of, mesh_of, plan_of

ONE_AND_TWO = [service("one"), service("two"), deployment("one"), deployment("two")]
SPLIT = rule(to("one", weight=40), to("two", weight=60))


def at(*rules: Document, name: str = "web", **more: Any) -> Document:
    return virtual_service("*", *rules, gateways=["demo-gateway"], name=name, **more)


def unlabeled(name: str, **labels: str) -> Document:
    """Return a Deployment of a foreign image whose pods have only these labels."""
    made = put(foreign(name), "spec.template.metadata.labels", labels)
    return put(made, "metadata.name", f"{name}-deployment")


def test_a_split_between_services_of_one_version() -> None:
    documents = [*ONE_AND_TWO, gateway(), at(SPLIT)]
    assert lanes_of(*documents) == {"untagged": "one|two one v1 40%, two v1 60%"}
    mesh = mesh_of(*documents)
    (hop,) = plan_json(mesh, plan(mesh))["lanes"][0]["path"]
    assert hop["reason"] == "split"
    assert hop["services"] == [
        {"service": "one", "versions": ["v1"], "share": 0.4},
        {"service": "two", "versions": ["v1"], "share": 0.6},
    ]


def test_a_backend_that_is_no_service_has_no_port() -> None:
    other = {"group": "other.org", "kind": "Other", "name": "one", "port": 80}
    route = http_route("web", to_gateway(), route_rule(other))
    (lane,) = plan_of(*ONE_AND_TWO, api_gateway(), route).lanes
    assert (lane.entry.status, lane.entry.port) == (500, 0)


def test_a_split_between_services_of_a_version_each() -> None:
    other = [service("one"), service("two"), deployment("one"), deployment("two", "v2")]
    found = lanes_of(*other, gateway(), at(SPLIT))
    assert found == {"untagged": "one|two one v1 40%, two v2 60%"}


@pytest.mark.parametrize("asking", [("v1",), ("v1", "v2")])
def test_the_operator_is_asked_for_all_pods_of_a_hop_or_not(asking: tuple[str, ...]) -> None:
    asked = {"instrumentation.opentelemetry.io/inject-python": "true"}
    pods = [deployment("a", v, annotations=asked if v in asking else {}) for v in ("v1", "v2")]
    planned = plan_of(service("a"), *pods, instrumentation(), gateway(), at(rule(to("a"))))
    assert planned.lanes[0].entry.injected is (len(asking) == len(pods))


def test_a_split_of_an_http_route_between_pods_without_a_version() -> None:
    bare = [d for name in ("one", "two") for d in (service(name), unlabeled(name, app=name))]
    split = route_rule(backend("one", weight=2), backend("two", weight=3))
    route = http_route("web", to_gateway(), split)
    found = lanes_of(*bare, api_gateway(), route)
    assert found == {"untagged": "one|two one (none) 40%, two (none) 60%"}


def test_two_services_of_the_same_pods() -> None:
    pods = unlabeled("demo", app="demo")
    both = [service(name, selector={"app": "demo"}) for name in ("stable", "canary")]
    split = rule(to("stable", weight=95), to("canary", weight=5))
    found = lanes_of(*both, pods, gateway(), at(split))
    assert found == {"untagged": "stable|canary stable (none) 95%, canary (none) 5%"}


@pytest.mark.parametrize(
    ("rules", "cell"),
    [
        (SPLIT, "one v1 40%, two v1 60%"),
        (rule(to("two")), "two v1"),
        (rule(to("cart")), "v1"),
    ],
)
def test_a_call_that_is_led_to_other_services(rules: Document, cell: str) -> None:
    caller = [service("shop"), deployment("shop", "v1", "cart"), at(rule(to("shop")))]
    called = [service("cart", selector={"app": "one"}), virtual_service("cart", rules)]
    found = lanes_of(*ONE_AND_TWO, gateway(), *caller, *called)
    assert found == {"untagged": f"shop v1, cart {cell}"}


def test_services_for_one_version_each_are_one_row() -> None:
    versions = [
        d
        for v in ("v1", "v2")
        for d in (service(f"a-{v}", selector={"app": "a", "version": v}), deployment("a", v))
    ]
    split = rule(to("a-v1", weight=80), to("a-v2", weight=20))
    assert lanes_of(*versions, gateway(), at(split)) == {"untagged": "a v1 80% v2 20%"}
    assert plan_of(*versions, gateway(), at(split)).lanes[0].entry.namespace == "default"
    unnamed = [without(d, "metadata.namespace") if d is versions[1] else d for d in versions]
    assert plan_of(*unnamed, gateway(), at(split)).lanes[0].entry.namespace == ""
    only = at(rule(to("a-v1")))
    assert lanes_of(*versions, gateway(), only) == {"untagged": "a-v1 v1"}
    assert lanes_of(*versions, service("a"), gateway(), only) == {"untagged": "a v1"}


@pytest.mark.parametrize(
    "labels", [{"app.kubernetes.io/name": "cart"}, {"k8s-app": "cart"}, {"app": "cart-server"}]
)
def test_rows_are_services_whatever_labels_their_pods_have(labels: dict[str, str]) -> None:
    pods = put(unlabeled("cart", **labels), "metadata.name", "cart-deployment")
    shop = put(unlabeled("shop", run="shop"), "metadata.name", "frontend-deployment")
    env = [{"name": "CART_URL", "value": "http://cart:8000/"}]
    shop = put(shop, "spec.template.spec.containers[0].env", env)
    services = [service("shop", selector={"run": "shop"}), service("cart", selector=labels)]
    found = lanes_of(*services, shop, pods, gateway(), at(rule(to("shop"))))
    assert found == {"untagged": "shop (none), cart (none)"}


def test_a_split_between_services_without_pods_has_the_name_of_the_first_with_a_weight() -> None:
    split = rule(to("none", weight=0), to("one", weight=40), to("two", weight=60))
    bare = [*map(service, ("none", "one", "two", "cart")), deployment("cart")]
    assert lanes_of(*bare, gateway(), at(split)) == {"untagged": "one -"}


@pytest.mark.parametrize(
    ("called", "name", "version", "right"),
    [
        ("one|two", "one", "v1", True),
        ("one|two", "one", "v2", False),
        ("one|two", "one|two", "v2", True),
        ("one|two", "cart", "v1", False),
    ],
)
def test_which_pod_is_right_at_a_hop(called: str, name: str, version: str, right: bool) -> None:
    pods = frozenset({("one", "v1"), ("two", "v2")})
    assert Hop(called, ("v1", "v2"), Reason.SPLIT, pods=pods).allows(name, version) is right


def answers(**services: int) -> list[Answer]:
    return [
        Answer(200, "", (Step(name, "v1"),))
        for name, count in services.items()
        for _ in range(count)
    ]


def test_answers_are_verified_by_service_and_version() -> None:
    planned = plan_of(*ONE_AND_TWO, service("old"), gateway(), at(SPLIT))
    assert verify(planned, answers(one=40, two=60)).ok
    shares = verify(planned, answers(one=100)).splits
    assert [(one.version, one.count, one.total, one.fits) for one in shares] == [
        ("one v1", 100, 100, False),
        ("two v1", 0, 100, False),
    ]
    assert not verify(planned, answers(one=40, old=60)).ok
