"""GRPCRoutes of the Gateway API: rules for gRPC calls, which are HTTP requests.

https://gateway-api.sigs.k8s.io/reference/api-types/grpcroute/
"""

from typing import Annotated, Any

from pydantic import model_validator

from lanes.reading.kinds.fields import OnlyRunning, wrong
from lanes.reading.kinds.http_route import Few, HTTPRoute, HTTPRouteSpec, RouteMatch, Rule


class GRPCMatch(RouteMatch):
    """A match of a gRPC call, whose path is /SERVICE/METHOD."""

    @model_validator(mode="before")
    @classmethod
    def _by_path(cls, document: Any) -> Any:
        """Return the match with the path that Istio makes of `method`."""
        if not isinstance(document, dict) or "method" not in document:
            return document
        method = document["method"]
        if not isinstance(method, dict) or method.keys() - {"type", "service", "method"}:
            raise ValueError("method should have a type, a service and a method alone")
        return {**document, "method": None, "path": _path_of(method)}


def _path_of(method: dict[str, Any]) -> dict[str, Any]:
    service, name = method.get("service"), method.get("method")
    if not service and not name:
        raise wrong("method should name a service or a method")
    if method.get("type", "Exact") == "Exact" and service:
        path = f"/{service}/{name}" if name else f"/{service}"
        return {"type": "Exact" if name else "PathPrefix", "value": path}
    regex = f"/{service or '[^/]+'}/{name or '.+'}"
    return {"type": "RegularExpression", "value": regex}


class GRPCRule(Rule):
    matches: list[GRPCMatch] = []  # type: ignore[assignment]  # fewer fields
    session_persistence: OnlyRunning = None


class GRPCRouteSpec(HTTPRouteSpec):
    rules: Annotated[list[GRPCRule], Few] = [GRPCRule.model_construct()]  # type: ignore[assignment]


class GRPCRoute(HTTPRoute):
    """Rules for gRPC calls, which are HTTP requests; they are read like an HTTPRoute's."""

    spec: GRPCRouteSpec
