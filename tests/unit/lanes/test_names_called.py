"""What a call meets by the name that it uses: Istio compares the literal domain of the port."""

from typing import Any

import pytest

from lanes.planning.plan import plan
from lanes.report.plan_warnings import warnings
from tests.kube import (
    Document,
    deployment,
    destination_rule,
    foreign,
    gateway,
    put,
    rule,
    service,
    sidecar,
    to,
    virtual_service,
)
from tests.unit.lanes.reading import lanes_of, mesh_of, plan_of

SUBSETS = destination_rule("cart", "v1", "v2")
PODS = [deployment("cart"), deployment("cart", "v2")]
V2 = rule(to("cart", "v2"))
HTTP: Document = {"name": "http", "port": 80, "targetPort": 8000}
UNTOLD: Document = {"name": "web", "port": 80, "targetPort": 8000}


def called(
    url: str, *documents: Document, port: Document = HTTP, subsets: Document = SUBSETS
) -> str:
    """What answers a shop that calls `url`, in words."""
    entry = virtual_service("*", rule(to("shop")), gateways=["demo-gateway"], name="web")
    shop = [service("shop"), foreign("shop", CART_URL=url), gateway(), entry]
    (lane,) = lanes_of(*shop, service("cart", port), *PODS, subsets, *documents).values()
    return lane.removeprefix("shop v1").removeprefix(", ")


def test_a_url_without_a_path_asks_for_the_root() -> None:
    at_root = virtual_service(
        "cart", V2 | {"match": [{"uri": {"exact": "/"}}]}, rule(to("cart", "v1"))
    )
    assert called("http://cart", at_root) == called("http://cart/", at_root) == "cart v2"
    assert called("http://cart/x", at_root) == "cart v1"


def rules(*hosts: str, namespace: str = "default") -> Document:
    made = virtual_service(hosts[0], V2, namespace=namespace, name="rules")
    return put(made, "spec.hosts", list(hosts))


FULL = "cart.default.svc.cluster.local"


@pytest.mark.parametrize(
    ("hosts", "url", "port", "found"),
    [
        (["cart"], "http://cart/", HTTP, "cart v2"),
        (["cart"], "http://cart.default/", HTTP, "cart v2"),
        ([FULL], "http://cart.default.svc/", HTTP, "cart v2"),
        (["cart.default"], "http://cart.default/", HTTP, "cart.default cart v2"),
        (["cart.default"], "http://cart/", HTTP, "cart v1|v2"),
        (["cart.default"], f"http://{FULL}/", HTTP, "cart v1|v2"),
        # Found by the Service's address where the port does not tell HTTP.
        (["cart.default"], "http://cart.default/", UNTOLD, "cart v1|v2"),
        (["cart.internal"], "http://cart.internal/", HTTP, "cart.internal cart v2"),
        (["Cart.internal"], "http://cart.internal/items", HTTP, "cart.internal cart v2"),
        (["*.internal"], "http://cart.internal/", HTTP, "*.internal cart v2"),
        (["cart.internal"], "http://cart.internal:81/", HTTP, ""),
        (["cart.internal"], "http://other.internal/", HTTP, ""),
        (["*.internal"], "http://cart.external/", HTTP, ""),
        (["*.internal", "*.eu.internal"], "http://a.eu.internal/", HTTP, "*.eu.internal cart v2"),
    ],
)
def test_rules_count_for_the_names_that_istio_knows(
    hosts: list[str], url: str, port: Document, found: str
) -> None:
    assert called(url, rules(*hosts), port=port) == found


def test_a_name_that_dns_finds_is_its_service_where_that_does_not_tell_http() -> None:
    """Another Service does at that port, so that rules for other names count there."""
    cache, half = service("cache", HTTP), rules("cart.default", "cart.internal")
    assert called("http://cart.default/", cache, half, port=UNTOLD) == "cart v1|v2"
    assert called("http://cart.internal/", cache, half, port=UNTOLD) == "cart.internal cart v2"


@pytest.mark.parametrize(
    ("export", "name", "found"),
    [
        (".", "cart.default", "cart.default cart v2"),
        ("default", "cart.default", "cart.default cart v2"),
        ("elsewhere", "cart.default", "cart v1|v2"),
        (".", "cart.internal", "cart.internal cart v2"),
    ],
)
def test_rules_for_such_a_name_count_where_they_are_exported(
    export: str, name: str, found: str
) -> None:
    own = put(rules(name), "spec.exportTo", [export])
    assert called(f"http://{name}/", own) == found


@pytest.mark.parametrize(
    ("export", "found"),
    [(".", "cart.default cart v2"), ("elsewhere", "cart.default -"), ("*", "cart.default cart v2")],
)
def test_they_lead_to_the_subsets_that_callers_know(export: str, found: str) -> None:
    own = put(SUBSETS, "spec.exportTo", [export])
    assert called("http://cart.default/", rules("cart.default"), subsets=own) == found


@pytest.mark.parametrize(
    ("half", "whole", "port", "found"),
    [
        ("a", "z", 80, "cart.default cart v2"),
        ("z", "a", 80, "cart v1"),
        ("z", "a", 81, "cart.default cart v2"),  # these have no rule for the call
    ],
)
def test_of_rules_for_half_a_name_and_for_its_service_the_older_count(
    half: str, whole: str, port: int, found: str
) -> None:
    both = [
        put(rules("cart.default"), "metadata.name", half),
        virtual_service("cart", rule(to("cart", "v1"), match=[{"port": port}]), name=whole),
    ]
    assert called("http://cart.default/", *both) == found


def test_rules_for_half_a_name_that_lead_to_it_lead_nowhere() -> None:
    half = virtual_service("cart.default", rule(to("cart.default", "v2")), name="half")
    assert called("http://cart.default/", half) == "cart.default -"
    entry = virtual_service("*", rule(to("shop")), gateways=["demo-gateway"], name="web")
    shop = [service("shop"), foreign("shop", U="http://cart.default/"), gateway(), entry]
    planned = plan_of(*shop, service("cart", HTTP), *PODS, SUBSETS, half)
    hop = planned.lanes[0].path[-1]
    assert (hop.status, str(hop.unanswered)) == (
        503,
        "the rule names cart.default, which is not a Service here",
    )


def entry(host: str, **spec: Any) -> Document:
    ports = [{"number": 80, "name": "http", "protocol": "HTTP"}]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": "entry", "namespace": "default"},
        "spec": {"hosts": [host], "ports": ports, "resolution": "DNS", **spec},
    }


@pytest.mark.parametrize(
    ("documents", "found"),
    [
        ([rules("cart.mesh")], "v2"),
        ([], "v1|v2"),
    ],
)
def test_a_name_that_a_service_entry_gives_to_a_service(
    documents: list[Document], found: str
) -> None:
    named = entry("cart.mesh", endpoints=[{"address": FULL}])
    assert called("http://cart.mesh/", named, *documents).endswith(f" {found}")


def test_a_name_that_stands_for_a_service_is_called_as_that() -> None:
    alias = put(service("alias", HTTP), "spec", {"type": "ExternalName", "externalName": FULL})
    assert called("http://alias/", alias, rules("cart")) == "cart v2"
    outside = put(alias, "spec.externalName", "partner.example.com")
    assert called("http://alias/", outside) == ""


@pytest.mark.parametrize(
    ("imported", "found"),
    [
        (["./cart.default.svc.cluster.local"], "cart v1|v2"),
        (["./alias.default.svc.cluster.local"], "cart v1|v2"),
        (["./*"], "cart v2"),
    ],
)
def test_a_sidecar_hides_a_name_that_stands_for_a_service(imported: list[str], found: str) -> None:
    alias = put(service("alias", HTTP), "spec", {"type": "ExternalName", "externalName": FULL})
    assert called("http://alias/", alias, sidecar(*imported), rules("cart")) == found


@pytest.mark.parametrize(
    ("imported", "found"),
    [
        (["./*"], " cart v2"),
        (["*/cart.internal"], " -"),  # no Service that it knows serves HTTP at port 80
        (["./cart.default.svc.cluster.local"], " -"),
        (["./cart.default.svc.cluster.local", "./*.internal"], " cart v2"),
        (["*/*", "~default/*"], " -"),
        (["*/*", "~/cart.internal"], " -"),
        (["*/*", f"~/{FULL}"], " -"),
        (["elsewhere/*"], " -"),
    ],
)
@pytest.mark.parametrize("host", ["cart.internal", "*.internal"])
def test_a_sidecar_hides_the_rules_of_a_name_that_is_no_service(
    host: str, imported: list[str], found: str
) -> None:
    excluded = [one.replace("~/cart.internal", f"~/{host}") for one in imported]
    assert called("http://cart.internal/", sidecar(*excluded), rules(host)) == f"{host}{found}"


def test_a_sidecar_that_imports_any_service_with_http_at_80_has_rules_for_other_names() -> None:
    cache = service("cache", HTTP, namespace="other")
    hides = sidecar("other/*", "./*.internal")
    found = called("http://cart.internal/", cache, hides, rules("cart.internal"))
    assert found == "cart.internal cart v2"


def test_a_short_name_means_a_service_of_the_callers_namespace() -> None:
    entry_rule = virtual_service("*", rule(to("shop")), gateways=["demo-gateway"], name="web")
    caller = [service("shop"), foreign("shop", CART_URL="http://cart/"), gateway(), entry_rule]
    there = [service("cart", HTTP, namespace="other"), deployment("cart", namespace="other")]
    mesh = mesh_of(*caller, *there)
    planned = plan(mesh)
    assert [hop.service for hop in planned.lanes[0].path] == ["shop"]
    assert [w.message for w in warnings(mesh, planned)] == [
        "CART_URL names cart, which is not a Service in namespace default, so this is not planned"
        " as a call; did you mean cart.other?"
    ]


def test_a_host_that_only_rules_know_is_no_row_unless_it_is_called() -> None:
    assert called("http://cart/", rules("cart.internal")) == "cart v1|v2"
    (warning,) = mesh_of(service("cart", HTTP), *PODS, rules("cart.internal")).warnings
    assert warning.message == (
        "cart.internal is not a Service in these manifests; its rules apply to calls to this very"
        " name, at port 80"
    )
