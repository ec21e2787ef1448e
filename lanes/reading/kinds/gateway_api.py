"""The Kubernetes Gateway API's kinds.

https://gateway-api.sigs.k8s.io/reference/api-spec/main/spec/
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from lanes.reading.kinds.fields import (
    ChangedHeader,
    Closed,
    Count,
    Duration,
    HeaderToken,
    HeaderValue,
    HostName,
    Metadata,
    Port,
    Unused,
    require_re2,
)

GROUP = "gateway.networking.k8s.io"


class ParentReference(Closed):
    """What a route is bound to: a Gateway of the API, or a Service for its callers in the mesh."""

    group: str = GROUP
    kind: str = "Gateway"
    name: str
    namespace: str | None = None
    section_name: str | None = None
    port: Port | None = None

    @model_validator(mode="after")
    def _known(self) -> "ParentReference":
        if (self.group, self.kind) not in ((GROUP, "Gateway"), ("", "Service")):
            raise ValueError(f'should be a Gateway of {GROUP}, or a Service of group ""')
        if self.of_mesh and self.section_name is not None:
            raise ValueError("names a section of a Service, which has none; name a port")
        return self

    @property
    def of_mesh(self) -> bool:
        return self.kind == "Service"


class _Expression(Closed):
    """A value to equal, or a regular expression (RE2) to match as a whole."""

    type: Literal["Exact", "RegularExpression"] = "Exact"
    value: str

    @model_validator(mode="after")
    def _compiles(self) -> "_Expression":
        if self.type == "RegularExpression":
            require_re2(self.value)
        return self


class HeaderMatch(_Expression):
    name: HeaderToken
    value: Annotated[str, Field(min_length=1)]


class PathMatch(Closed):
    type: Literal["Exact", "PathPrefix", "RegularExpression"] = "PathPrefix"
    value: Annotated[str, Field(min_length=1)] = "/"

    @model_validator(mode="after")
    def _usable(self) -> "PathMatch":
        if self.type == "RegularExpression":
            require_re2(self.value)
        elif not self.value.startswith("/") or {"?", "#"} & set(self.value):
            raise ValueError("value should be a path: it begins with / and has no ? and no #")
        return self

    @property
    def path(self) -> str:
        """The value as it counts: a prefix means whole segments, with or without a / behind."""
        return self.value.rstrip("/") or "/" if self.type == "PathPrefix" else self.value


class RouteMatch(Closed):
    path: PathMatch = PathMatch()
    headers: list[HeaderMatch] = []
    method: str | None = None
    query_params: Unused = None

    @model_validator(mode="after")
    def _once(self) -> "RouteMatch":
        names = [header.name.lower() for header in self.headers]
        if len(set(names)) < len(names):
            raise ValueError("names a header twice; keep one")
        return self


class Header(Closed):
    name: ChangedHeader
    value: HeaderValue


class HeaderModifier(Closed):
    set: list[Header] = []
    add: list[Header] = []
    remove: list[ChangedHeader] = []


class Filter(Closed):
    type: Literal["RequestHeaderModifier", "ResponseHeaderModifier"]
    request_header_modifier: HeaderModifier | None = None
    response_header_modifier: HeaderModifier | None = None


def _of_one_type_each(filters: list[Filter]) -> list[Filter]:
    types = [one.type for one in filters]
    if len(set(types)) < len(types):
        raise ValueError("has two filters of one type; make them one")
    return filters


Filters = Annotated[list[Filter], AfterValidator(_of_one_type_each)]


class BackendRef(Closed):
    """A Service that answers, straight from the caller: routes bound to it don't count."""

    group: Literal[""] = ""
    kind: Literal["Service"] = "Service"
    name: str
    namespace: str | None = None
    port: Port
    weight: Annotated[Count, Field(le=1_000_000)] = 1
    filters: Filters = []


class Timeouts(Closed):
    request: Duration | None = None
    backend_request: Duration | None = None


class Rule(Closed):
    name: str = ""
    matches: list[RouteMatch] = []
    filters: Filters = []
    backend_refs: list[BackendRef] = []
    timeouts: Timeouts = Timeouts()


class HTTPRouteSpec(Closed):
    parent_refs: Annotated[list[ParentReference], Field(min_length=1)]
    hostnames: list[HostName] = []
    rules: list[Rule] = [Rule()]


class HTTPRoute(Closed):
    api_version: str
    kind: str
    metadata: Metadata
    spec: HTTPRouteSpec


class RouteKind(Closed):
    group: str = GROUP
    kind: str


class RouteNamespaces(Closed):
    from_: Annotated[Literal["Same", "All"], Field(alias="from")] = "Same"


class AllowedRoutes(Closed):
    namespaces: RouteNamespaces = RouteNamespaces()
    kinds: list[RouteKind] = []


def _plain_http(protocol: str) -> str:
    if protocol != "HTTP":
        raise ValueError(f"{protocol} is not emulated; use HTTP")
    return protocol


class Listener(Closed):
    name: str
    hostname: HostName = "*"
    port: Port
    protocol: Annotated[str, AfterValidator(_plain_http)]
    allowed_routes: AllowedRoutes = AllowedRoutes()


class GatewaySpec(Closed):
    gateway_class_name: str
    listeners: Annotated[list[Listener], Field(min_length=1)]
    # Where a cluster deploys the gateway, and under which addresses.
    infrastructure: dict[str, Any] = {}
    addresses: list[Any] = []


class Gateway(Closed):
    api_version: str
    kind: str
    metadata: Metadata
    spec: GatewaySpec
