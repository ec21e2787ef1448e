"""HTTPRoutes of the Gateway API: parents, matches, filters and backends.

https://gateway-api.sigs.k8s.io/reference/api-types/httproute/
"""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic.alias_generators import to_camel

from lanes.mesh.model import Host
from lanes.reading.kinds.fields import (
    ChangedHeader,
    Closed,
    ClosedKind,
    Count,
    Duration,
    HeaderName,
    HeaderValue,
    HostName,
    Open,
    Percent,
    Port,
    require_few_rules,
    require_re2,
    wrong,
)
from lanes.reading.kinds.gateway_api import GROUP
from lanes.reading.kinds.redirects import RequestRedirect, Text, UrlRewrite

_GATEWAYS = (GROUP, "Gateway"), (GROUP, "ListenerSet")


class ParentReference(Closed):
    """What a route is attached to: a Gateway or ListenerSet, or a Service for callers."""

    group: str = GROUP
    kind: str = "Gateway"
    name: str
    namespace: str | None = None
    section_name: str = ""
    port: Port | None = None

    @model_validator(mode="after")
    def _known(self) -> "ParentReference":
        if (self.group, self.kind) not in (*_GATEWAYS, ("", "Service")):
            raise ValueError(f'should be a Gateway of {GROUP}, or a Service of group ""')
        if self.of_mesh and self.section_name:
            raise ValueError("names a section of a Service, which has none; name a port")
        return self

    @property
    def of_mesh(self) -> bool:
        return self.kind == "Service"


class _Expression(Closed):
    """An exact value, or a regular expression (RE2) that matches the whole value."""

    type: Literal["Exact", "RegularExpression"] = "Exact"
    value: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _compiles(self) -> "_Expression":
        if self.type == "RegularExpression":
            require_re2(self.value)
        return self


class HeaderMatch(_Expression):
    name: HeaderName


class QueryParamMatch(_Expression):
    name: Annotated[str, Field(min_length=1)]


class PathMatch(Closed):
    type: Literal["Exact", "PathPrefix", "RegularExpression"] = "PathPrefix"
    value: Annotated[str, Field(min_length=1)] = "/"

    @model_validator(mode="after")
    def _usable(self) -> "PathMatch":
        if self.type == "RegularExpression":
            require_re2(self.value)
        elif not self.value.startswith("/") or {"?", "#"} & set(self.value):
            raise wrong("value should be a path: it begins with / and has no ? and no #")
        return self

    @property
    def path(self) -> str:
        """The value without the / at the end of a prefix, which matches whole segments."""
        return self.value.rstrip("/") or "/" if self.type == "PathPrefix" else self.value


class RouteMatch(Closed):
    path: PathMatch = PathMatch.model_construct()
    headers: list[HeaderMatch] = []
    method: str | None = None
    query_params: list[QueryParamMatch] = []

    @model_validator(mode="after")
    def _once(self) -> "RouteMatch":
        _require_once("a header", (header.name.lower() for header in self.headers))
        _require_once("a query parameter", (query.name for query in self.query_params))
        return self


def _require_once(what: str, names: Iterable[str]) -> None:
    if max(Counter(names).values(), default=1) > 1:
        raise wrong(f"names {what} twice; keep one")


class Header(Closed):
    name: ChangedHeader
    value: HeaderValue


class HeaderModifier(Closed):
    set: list[Header] = []
    add: list[Header] = []
    remove: list[ChangedHeader] = []


class BackendFilter(Closed):
    """A change of headers; only the field that has its type's name may be set."""

    type: Literal["RequestHeaderModifier", "ResponseHeaderModifier"]
    request_header_modifier: HeaderModifier | None = None
    response_header_modifier: HeaderModifier | None = None

    @model_validator(mode="after")
    def _of_its_type(self) -> "BackendFilter":
        fields = {to_camel(name).lower() for name in self.model_fields_set - {"type"}}
        if fields != {self.type.lower()}:
            raise ValueError(f"is of type {self.type}, and should set that field alone")
        return self


class MirrorRef(Open):
    group: str = ""
    kind: str = "Service"
    name: str
    namespace: str | None = None
    port: Port | None = None


class Fraction(Open):
    numerator: Count
    denominator: Annotated[Count, Field(gt=0)] = 100


class RequestMirror(Open):
    """Sends copies of a share of the requests, by default of all, to a Service."""

    backend_ref: MirrorRef
    percent: Percent | None = None
    fraction: Fraction | None = None

    @property
    def share(self) -> float:
        """The share, 0 to 1."""
        if self.fraction:
            return min(1.0, self.fraction.numerator / self.fraction.denominator)
        return 1.0 if self.percent is None else self.percent / 100


class Cors(Open):
    """Which pages may call."""

    allow_origins: list[Text] = []
    allow_methods: list[Text] = []
    allow_headers: list[Text] = []
    expose_headers: list[Text] = []
    max_age: Count = 5
    allow_credentials: bool = False


class Filter(BackendFilter):
    type: Literal[  # type: ignore[assignment]  # more types
        "RequestHeaderModifier",
        "ResponseHeaderModifier",
        "RequestRedirect",
        "URLRewrite",
        "RequestMirror",
        "CORS",
    ]
    request_redirect: RequestRedirect | None = None
    url_rewrite: UrlRewrite | None = None
    request_mirror: RequestMirror | None = None
    cors: Cors | None = None


def _of_one_type_each(filters: list[Any]) -> list[Any]:
    types = [one.type for one in filters if one.type != "RequestMirror"]
    if len(set(types)) < len(types):
        raise ValueError("has two filters of one type; merge them")
    return filters


OfOneTypeEach = AfterValidator(_of_one_type_each)


# Kinds of backends that Istio supports and lanes does not.
_OF_ISTIO = (
    ("networking.istio.io", "Hostname"),
    ("multicluster.x-k8s.io", "ServiceImport"),
    ("inference.networking.k8s.io", "InferencePool"),
)


class BackendRef(Closed):
    """A Service that answers; HTTPRoutes attached to it do not apply."""

    group: str = ""
    kind: str = "Service"
    name: str
    namespace: str | None = None
    port: Port | None = None
    weight: Annotated[Count, Field(le=1_000_000)] = 1
    filters: Annotated[list[BackendFilter], OfOneTypeEach] = []

    @property
    def is_service(self) -> bool:
        return (self.group, self.kind) == ("", "Service")

    @model_validator(mode="after")
    def _known(self) -> "BackendRef":
        if (self.group, self.kind) in _OF_ISTIO:
            raise ValueError(f"{self.kind} is not supported; name a Service")
        if self.is_service and self.port is None:
            raise wrong("a Service needs a port")
        return self


def referred(ref: ParentReference | BackendRef | MirrorRef, namespace: str) -> Host:
    """Return the Service that a route in `namespace` refers to."""
    return Host(ref.name, ref.namespace or namespace)


class Timeouts(Closed):
    request: Duration | None = None
    backend_request: Duration | None = None


class Retry(Open):
    """Retries; `attempts` has Istio's default."""

    codes: list[Annotated[int, Field(ge=100, le=599)]] = []
    attempts: Count = 2
    backoff: Duration | None = None


class Rule(Closed):
    name: str = ""
    matches: list[RouteMatch] = []
    filters: Annotated[list[Filter], OfOneTypeEach] = []
    backend_refs: list[BackendRef] = []
    timeouts: Timeouts = Timeouts.model_construct()
    retry: Retry | None = None

    @property
    def redirect(self) -> RequestRedirect | None:
        """The redirect that the rule answers with, if any."""
        return next((one.request_redirect for one in self.filters if one.request_redirect), None)

    @property
    def rewrite(self) -> UrlRewrite | None:
        """The rewrite of forwarded requests, if any."""
        return next((one.url_rewrite for one in self.filters if one.url_rewrite), None)


def _few(rules: list[Rule]) -> list[Rule]:
    require_few_rules(len(rule.matches) for rule in rules)
    return rules


Few = AfterValidator(_few)


class HTTPRouteSpec(Closed):
    parent_refs: list[ParentReference] = []
    hostnames: list[HostName] = []
    rules: Annotated[list[Rule], Few] = [Rule.model_construct()]


class HTTPRoute(ClosedKind):
    spec: HTTPRouteSpec
