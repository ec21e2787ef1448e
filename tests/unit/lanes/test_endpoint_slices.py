"""Services without a selector have the pods that their slices name; a host may have a port."""

import pytest

from tests.kube import (
    Document,
    deployment,
    gateway,
    put,
    rule,
    service,
    to,
    virtual_service,
    without,
)
from tests.unit.lanes.reading import lanes_of, mesh_of, plan_of

BARE = without(service("cart"), "spec.selector")
AT = virtual_service("*", rule(to("cart")), gateways=["demo-gateway"], name="web")


def endpoint(*addresses: str, **more: object) -> Document:
    return {"addresses": list(addresses), **more}


def slice_of(name: str, *endpoints: Document, namespace: str = "default") -> Document:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name}-1",
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8000}],
        "endpoints": list(endpoints),
    }


OLDER: Document = {
    "apiVersion": "v1",
    "kind": "Endpoints",
    "metadata": {"name": "cart", "namespace": "default"},
    "subsets": [{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 8000}]}],
}
POD = {"kind": "Pod", "name": "cart-v1", "namespace": "default"}


@pytest.mark.parametrize(
    ("documents", "found"),
    [
        ([slice_of("cart", endpoint("10.1.2.3"))], "(none)"),
        ([slice_of("cart", endpoint("10.1.2.3", conditions={"ready": True}))], "(none)"),
        ([slice_of("cart", endpoint("10.1.2.3", conditions={"ready": False}))], "-"),
        ([slice_of("cart", endpoint("10.1.2.3", targetRef=POD))], "v1"),
        ([slice_of("cart", endpoint("10.1.2.3", targetRef={**POD, "kind": "Node"}))], "(none)"),
        ([slice_of("cart", endpoint("10.1.2.3", targetRef={**POD, "namespace": "x"}))], "(none)"),
        ([slice_of("cart", endpoint("10.1.2.3", targetRef=without(POD, "namespace")))], "v1"),
        ([slice_of("cart", endpoint("cart-v1"))], "v1"),
        ([slice_of("other", endpoint("10.1.2.3"))], "-"),
        ([slice_of("cart", endpoint("10.1.2.3"), namespace="other")], "-"),
        ([OLDER], "(none)"),
        ([], "-"),
    ],
)
def test_what_answers_for_a_service_without_a_selector(
    documents: list[Document], found: str
) -> None:
    known = [gateway(), AT, BARE, deployment("cart")]
    assert lanes_of(*known, *documents) == {"untagged": f"cart {found}"}


def test_each_address_is_one_pod_and_a_selector_has_no_need_of_them() -> None:
    twice = [slice_of("cart", endpoint("10.1.2.3", "10.1.2.4"), endpoint("10.1.2.3"))]
    names = [pod.name for pod in mesh_of(gateway(), AT, BARE, *twice).pods]
    assert names == ["10.1.2.3", "10.1.2.4"]
    selecting = [gateway(), AT, service("cart"), deployment("cart"), *twice]
    assert [pod.name for pod in mesh_of(*selecting).pods] == ["cart-v1"]


@pytest.mark.parametrize("host", ["shop.example", "shop.example:8080", "Shop.Example:80"])
def test_a_host_with_a_port_is_that_host(host: str) -> None:
    own = put(AT, "spec.hosts", ["shop.example"])
    planned = plan_of(gateway(), own, service("cart"), deployment("cart"), domain=host)
    assert planned.domain == "shop.example"
