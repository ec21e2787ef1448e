"""GRPCRoutes of the Gateway API: rules for calls by gRPC, which are HTTP requests.

https://gateway-api.sigs.k8s.io/reference/api-types/grpcroute/
"""

from typing import Annotated, Any

from pydantic import model_validator

from lanes.reading.kinds.fields import OnlyRunning, wrong
from lanes.reading.kinds.http_route import Few, HTTPRoute, HTTPRouteSpec, RouteMatch, Rule


class GRPCMatch(RouteMatch):
    """What a rule asks of a call: by gRPC's convention the path is /SERVICE/METHOD."""

    @model_validator(mode="before")
    @classmethod
    def _by_path(cls, asked: Any) -> Any:
        """Take `method` for the path that Istio makes of it."""
        if not isinstance(asked, dict) or "method" not in asked:
            return asked
        method = asked["method"]
        if not isinstance(method, dict) or method.keys() - {"type", "service", "method"}:
            raise ValueError("method should have a type, a service and a method alone")
        return {**asked, "method": None, "path": _path_of(method)}


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
    matches: list[GRPCMatch] = []  # type: ignore[assignment]  # fewer of them
    session_persistence: OnlyRunning = None


class GRPCRouteSpec(HTTPRouteSpec):
    rules: Annotated[list[GRPCRule], Few] = [GRPCRule.model_construct()]  # type: ignore[assignment]


class GRPCRoute(HTTPRoute):
    """Rules for calls by gRPC, which are HTTP requests: what is true of HTTPRoutes holds."""

    spec: GRPCRouteSpec
