"""VirtualServices, with ASM's `fallback`."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from lanes.mesh.headers import header_name, is_authority
from lanes.reading.kinds.fields import (
    ChangedHeader,
    Changes,
    Closed,
    ClosedKind,
    Count,
    Duration,
    ExportTo,
    HostName,
    OnlyRunning,
    Open,
    Percent,
    Port,
    PortSelector,
    RetryOn,
    require_few_rules,
    require_re2,
    wrong,
)
from lanes.reading.kinds.redirects import DirectResponse, HttpRewrite, Redirect, Text


class StringMatch(Closed):
    """A match of a value; no field matches any value. `regex` (RE2) matches the whole value."""

    exact: str | None = None
    prefix: str | None = None
    regex: str | None = None

    @model_validator(mode="after")
    def _at_most_one(self) -> "StringMatch":
        if sum(value is not None for value in (self.exact, self.prefix, self.regex)) > 1:
            raise wrong("should have exactly one of exact, prefix and regex")
        if self.regex not in (None, "*"):  # for Istio, * matches any value
            require_re2(self.regex)
        return self

    @property
    def matches_all(self) -> bool:
        return self.regex == "*" or (self.exact is self.prefix is self.regex is None)


class UriMatch(StringMatch):
    @model_validator(mode="after")
    def _one_kind(self) -> "UriMatch":
        if self.matches_all:
            raise wrong("should have exactly one of exact, prefix and regex")
        return self


class HeaderMatch(StringMatch):
    """A match of a header's value; unlike for a URI, Envoy takes no empty prefix."""

    @model_validator(mode="after")
    def _not_empty(self) -> "HeaderMatch":
        if "" in (self.prefix, self.regex):
            raise ValueError("is empty; leave it out to match anything")
        return self


# A name with a dot is in brackets: @request.auth.claims[example.com/group].
_CLAIM = re.compile(r"@request\.auth\.claims[.\[][A-Za-z0-9_./:\[\]-]*")


def _header_or_claim(name: str) -> str:
    if name.startswith("@"):
        if not _CLAIM.fullmatch(name):
            raise ValueError("is not a claim of a token; write @request.auth.claims.NAME")
        return name
    if name.startswith(":") and not is_authority(name):
        raise ValueError("is a header that a plan cannot know; match method, uri or authority")
    return name if name.startswith(":") else header_name(name)


HeaderMatches = dict[Annotated[str, AfterValidator(_header_or_claim)], HeaderMatch]


class HttpMatch(Closed):
    """A match of requests, and the callers and gateways that it applies to."""

    name: str = ""
    stat_prefix: str = ""
    authority: HeaderMatch | None = None
    headers: HeaderMatches = {}
    without_headers: HeaderMatches = {}
    uri: UriMatch | None = None
    ignore_uri_case: bool = False
    method: HeaderMatch | None = None
    scheme: HeaderMatch | None = None
    query_params: dict[str, HeaderMatch] = {}
    port: Port | None = None
    gateways: list[str] = []
    source_labels: dict[str, str] = {}
    source_namespace: str = ""

    @model_validator(mode="after")
    def _host_once(self) -> "HttpMatch":
        authority = ["authority"] if self.authority else []
        hosts = [*authority, *filter(is_authority, self.headers)]
        for names in (hosts, list(filter(is_authority, self.without_headers))):
            if len(names) > 1:
                raise ValueError(f"matches the host by {' and '.join(names)}; keep one")
        return self


def _no_variable(subset: str | None) -> str | None:
    if subset and subset.startswith("$"):
        raise ValueError(f"{subset} depends on the calling pod, which is not supported")
    return subset


class Target(Closed):
    host: str
    subset: Annotated[str | None, AfterValidator(_no_variable)] = None
    port: PortSelector | None = None


class Fallback(Closed):
    target: Target


class HeaderOperations(Closed):
    set: Changes = {}
    add: Changes = {}
    remove: list[ChangedHeader] = []


class Headers(Closed):
    request: HeaderOperations = HeaderOperations.model_construct()
    response: HeaderOperations = HeaderOperations.model_construct()


class HttpDestination(Closed):
    destination: Target
    fallback: Fallback | None = None
    weight: Count | None = None
    headers: Headers = Headers.model_construct()


class Retries(Closed):
    attempts: Count = 2
    per_try_timeout: Duration | None = None
    retry_on: RetryOn = ""
    retry_remote_localities: bool = False
    backoff: Duration | None = None
    retry_ignore_previous_hosts: bool = True


class Percentage(Open):
    value: Annotated[float, Field(ge=0, le=100)] = 0


class Abort(Open):
    """Answers a share of the requests; without a percentage, none."""

    http_status: Annotated[int, Field(ge=200, le=599)] | None = None
    percentage: Percentage = Percentage.model_construct()

    @model_validator(mode="after")
    def _by_status(self) -> "Abort":
        if self.percentage.value and self.http_status is None:
            raise ValueError("has no httpStatus, and other faults are not supported")
        return self


class Delay(Open):
    """Delays a share of the requests; without a percentage, none."""

    fixed_delay: Duration | None = None
    percentage: Percentage | None = None
    percent: Percent = 0


class Fault(Open):
    abort: Abort | None = None
    delay: Delay | None = None


class CorsPolicy(Open):
    """The pages that may call; `allow_origin` is the older form of `allow_origins`."""

    allow_origins: list[HeaderMatch] = []
    allow_origin: list[Text] = []
    allow_methods: list[Text] = []
    allow_headers: list[Text] = []
    expose_headers: list[Text] = []
    max_age: Duration | None = None
    allow_credentials: bool = False
    unmatched_preflights: str = ""


class Delegate(Closed):
    """A VirtualService without hosts, whose rules replace the rule that names it."""

    name: str
    namespace: str = ""


class MirrorTarget(Open):
    host: str = ""
    subset: str = ""
    port: PortSelector | None = None


class Mirror(Open):
    destination: MirrorTarget = MirrorTarget.model_construct()
    percentage: Percentage | None = None


class HttpRoute(Closed):
    name: str = ""
    delegate: Delegate | None = None
    match: list[HttpMatch] = []
    route: list[HttpDestination] = []
    redirect: Redirect | None = None
    direct_response: DirectResponse | None = None
    rewrite: HttpRewrite | None = None
    headers: Headers = Headers.model_construct()
    timeout: Duration | None = None
    retries: Retries | None = None
    mirror: MirrorTarget | None = None
    mirrors: list[Mirror] = []
    mirror_percent: Percent | None = None
    mirror_percentage: Percentage | None = None
    cors_policy: CorsPolicy | None = None
    fault: Fault | None = None


def _few(rules: list[HttpRoute]) -> list[HttpRoute]:
    require_few_rules(len(rule.match) for rule in rules)
    return rules


class VirtualServiceSpec(Closed):
    hosts: list[HostName] = []
    gateways: Annotated[list[str], AfterValidator(lambda names: names or ["mesh"])] = ["mesh"]
    export_to: ExportTo = []
    http: Annotated[list[HttpRoute], AfterValidator(_few)] = []
    tls: OnlyRunning = None
    tcp: OnlyRunning = None


class VirtualService(ClosedKind):
    spec: VirtualServiceSpec
