"""Which names `lanes lint` takes for hosts that are not there."""

from pathlib import Path

import pytest

from lanes.lint.check import lint
from tests.kube import (
    Document,
    api_gateway,
    destination_rule,
    put,
    rule,
    service,
    to,
    virtual_service,
    without,
    write,
)

DNS = "svc.cluster.local"


def of_group(version: str, kind: str, name: str, **spec: object) -> Document:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def entry(*hosts: str) -> Document:
    return of_group("networking.istio.io/v1", "ServiceEntry", "any", hosts=list(hosts))


def led_to(*names: str, namespace: str = "default") -> list[Document]:
    """A VirtualService that leads to these hosts, and the Services of the first two."""
    rules = [rule(to(name), match=[{"uri": {"exact": f"/{name}"}}]) for name in names]
    there = [service(name, namespace=namespace) for name in names[:2]]
    return [*there, virtual_service("web.org", *rules, namespace=namespace)]


HERE = led_to("cart", "shop")
POSTGRES = of_group("db.example.com/v1", "Postgres", "stock")
NO_MAKERS = [
    of_group(version, kind, "pay")
    for version, kind in (
        *(("v1", "Secret"), ("apps/v1", "ControllerRevision"), ("batch/v1", "Job")),
        *(("autoscaling/v2", "HorizontalPodAutoscaler"), ("policy/v1", "PodDisruptionBudget")),
        *(("networking.k8s.io/v1", "Ingress"), ("telemetry.istio.io/v1", "Telemetry")),
    )
]

# A DestinationRule's host, what is beside it, and whether it is reported.
NAMES: list[tuple[str, list[Document], bool]] = [
    # Most of what rules name in the namespace is there.
    ("cart", HERE, False),
    ("Cart", HERE, False),
    ("pay", HERE, True),
    (f"pay.default.{DNS}", HERE, True),
    ("", HERE, False),
    ("$pay", HERE, False),
    ("*", HERE, False),
    (f"*.default.{DNS}", HERE, False),
    ("kubernetes", HERE, False),
    (f"kubernetes.default.{DNS}", HERE, False),
    ("pay.org", HERE, False),
    ("pay.default.svc.other", HERE, False),
    (f"pay.other.{DNS}", HERE, False),
    # Half of it is, and then less than half.
    ("pay", [*led_to("cart")[:1], destination_rule("cart")], False),
    ("pay", led_to("cart", "shop", "a", "b"), False),
    ("pay", [*led_to("cart", "shop", "a"), destination_rule(f"*.default.{DNS}")], False),
    ("pay", [*HERE, destination_rule(f"*.default.{DNS}")], True),
    # The platform's namespaces.
    (f"pay.istio-system.{DNS}", led_to("istiod", "kiali", namespace="istio-system"), False),
    (f"pay.kube-system.{DNS}", led_to("dns", "metrics", namespace="kube-system"), False),
    (f"pay.edge.{DNS}", led_to("dns", "metrics", namespace="edge"), True),
    # A dot makes a full name.
    ("cart.default", HERE, True),
    ("pay.default", HERE, False),
    ("cart.other", HERE, False),
    # What may be a ServiceEntry's.
    ("pay", [*HERE, entry(f"pay.default.{DNS}")], False),
    ("pay", [*HERE, entry("PAY")], False),
    ("pay", [*HERE, entry("redis.org", "pays.org")], True),
    (f"pay.default.{DNS}", [*HERE, entry(f"*.{DNS}")], False),
    (f"pay.default.{DNS}", [*HERE, entry(f"pay.default.{DNS}.org")], True),
    # What another resource may make, and what makes no Service.
    ("stock-primary", [*HERE, POSTGRES], False),
    ("pay", [*HERE, POSTGRES], True),
    ("pay-istio", [*HERE, api_gateway(name="pay")], False),
    ("pay", [*HERE, *NO_MAKERS], True),
    ("pay", [*HERE, without(POSTGRES, "metadata.name")], True),
    ("pay", [*HERE, put(of_group("argoproj.io/v1alpha1", "Rollout", "pay"), "spec", [])], True),
    ("pay", [*HERE, put(service("pay"), "spec", [])], False),  # a Service that can't be read
    # Nearly the name of one that is there.
    *(
        (name, [service(there)], reported)
        for name, there, reported in (
            ("carts", "cart", True),
            ("cast", "cart", False),
            ("cartservicx", "cartservice", True),
            ("xartservice", "cartservice", True),
            ("xartservicy", "cartservice", False),
            ("cartsexrvicex", "cartservice", True),
            ("cartsexxrvicex", "cartservice", False),
            ("cart-v2", "cart-v1", False),
            ("checkout-a", "checkout", False),
            ("checkout", "checkout-a", False),
        )
    ),
    (f"carts.other.{DNS}", [service("cart")], False),
    (f"carts.default.{DNS}", [without(service("cart"), "metadata.namespace")], True),
    ("carts", [without(service("cart"), "metadata.namespace")], True),
    (f"carts.other.{DNS}", [without(service("cart"), "metadata.namespace")], False),
]


@pytest.mark.parametrize(("host", "beside", "reported"), NAMES)
def test_a_host_is_absent_unless_it_may_be_elsewhere(
    host: str, beside: list[Document], reported: bool, tmp_path: Path
) -> None:
    file = write(tmp_path, *beside, destination_rule(host, name="any"))
    found = [(f.rule, f.resource, f.field) for f in lint([file]).findings if f.rule == "TL030"]
    assert found == [("TL030", "DestinationRule any", "spec.host")] * reported
