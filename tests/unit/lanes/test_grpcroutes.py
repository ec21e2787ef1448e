"""GRPCRoutes: HTTPRoutes whose paths are a service and a method."""

import pytest

from lanes.mesh.matching import StringMatch
from tests.kube import (
    Document,
    api_gateway,
    backend,
    deployment,
    http_route,
    listener,
    put,
    reference_grant,
    route_rule,
    service,
    to_gateway,
    to_service,
)
from tests.unit.lanes.reading import mesh_of, refusal
from tests.unit.lanes.test_resolve import port_of

A = (service("a"), deployment("a"))


def grpc_route(name: str, parent: Document, *rules: Document) -> Document:
    return {**http_route(name, parent, *rules), "kind": "GRPCRoute"}


def calls(method: Document | None = None, **headers: str) -> Document:
    """A rule that matches a method and these headers."""
    matches = [{"name": name, "value": value} for name, value in headers.items()]
    match: Document = {"headers": matches, **({"method": method} if method else {})}
    return {**route_rule(backend("a")), "matches": [match]}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ({"service": "shop.Cart", "method": "Add"}, StringMatch("exact", "/shop.Cart/Add")),
        ({"service": "shop.Cart"}, StringMatch("segments", "/shop.Cart")),
        ({"method": "Add"}, StringMatch("regex", "/[^/]+/Add")),
        (
            {"type": "RegularExpression", "service": "shop.*", "method": "Add|Get"},
            StringMatch("regex", "/shop.*/Add|Get"),
        ),
        ({"type": "RegularExpression", "service": "s"}, StringMatch("regex", "/s/.+")),
        (None, None),
    ],
)
def test_the_path_of_a_method(method: Document | None, path: StringMatch) -> None:
    mesh = mesh_of(*A, grpc_route("g", to_gateway(), calls(method)))
    assert [route.matches[0].uri for route in mesh.gateway[0].routes] == [path]


@pytest.mark.parametrize(
    ("method", "sentence"),
    [
        ({"type": "Exact"}, "method should name a service or a method"),
        ({"service": "s", "n": 1}, "method should have a type, a service and a method alone"),
    ],
)
def test_methods_that_are_refused(method: Document, sentence: str) -> None:
    message = refusal(*A, grpc_route("g", to_gateway(), calls(method)))
    assert message == f"GRPCRoute g: spec.rules[0].matches[0]: {sentence}"


def test_grpcroutes_apply_in_the_mesh_and_need_grants_at_a_gateway() -> None:
    lane = grpc_route("lane", to_service("a"), calls(lane="v2"), route_rule(backend("a")))
    assert len(port_of(mesh_of(*A, lane), "a").routes) == 2
    there = put(service("b"), "metadata.namespace", "other")
    leading = grpc_route("g", to_gateway(), route_rule(backend("b", namespace="other")))
    (warning,) = mesh_of(*A, there, leading).warnings
    assert warning.rule == "not-granted"
    grant = put(reference_grant("other"), "spec.from[0].kind", "GRPCRoute")
    assert mesh_of(*A, there, leading, grant).warnings == ()


def test_a_listener_may_take_grpcroutes_alone() -> None:
    kinds: Document = {"allowedRoutes": {"kinds": [{"kind": "GRPCRoute"}]}}
    route = grpc_route("g", to_gateway(), calls())
    assert len(mesh_of(*A, api_gateway(listener(**kinds)), route).gateway) == 1
    other = http_route("h", to_gateway(), route_rule(backend("a")))
    assert mesh_of(*A, api_gateway(listener(**kinds)), other).gateway == ()


def test_a_backend_of_an_unknown_kind_leads_nowhere() -> None:
    unknown = put(route_rule(backend("a")), "backendRefs[0].kind", "Database")
    mesh = mesh_of(*A, http_route("r", to_gateway(), unknown))
    (weighted,) = mesh.gateway[0].routes[0].destinations
    assert weighted.destination.tiers == ()
    assert [w.rule for w in mesh.warnings] == ["no-backend"]
    of_istio = {"group": "networking.istio.io", "kind": "Hostname"}
    route = http_route("r", to_gateway(), route_rule({**backend("a"), **of_istio}))
    assert "Hostname is not supported; name a Service" in refusal(*A, route)
