"""Types of fields, such as durations and ports, and the bases of open and closed models."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache, lru_cache
from typing import Annotated, Any, Self, get_args

import re2
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from lanes.mesh.headers import header_name, is_authority, is_header_name

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
# Command operators about the request, its connections and the time. Others read files and variables
# of the machine that Envoy runs on, or data of Istio's own filters.
_OPERATOR = (
    r"(?:REQ|RESP)\([A-Za-z0-9:_.-]+(?:\?[A-Za-z0-9:_.-]+)?\)(?::\d{1,5})?"
    r"|START_TIME(?:\([A-Za-z0-9%:/., _-]*\))?"
    r"|(?:DOWNSTREAM|UPSTREAM)(?:_DIRECT)?_(?:REMOTE|LOCAL)_(?:ADDRESS(?:_WITHOUT_PORT)?|PORT)"
    r"|PROTOCOL|REQUESTED_SERVER_NAME|UPSTREAM_HOST|UPSTREAM_CLUSTER"
    r"|RESPONSE_CODE|RESPONSE_FLAGS|DURATION|BYTES_RECEIVED|BYTES_SENT"
    r"|STREAM_ID|CONNECTION_ID|TRACE_ID"
)
_FORMAT = re.compile(rf"(?:[^%\x00-\x08\x0a-\x1f\x7f]|%%|%(?:{_OPERATOR})%)*")
# https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter
_RETRIABLE = re.compile(
    r"5xx|gateway-error|reset|reset-before-request|connect-failure|envoy-ratelimited|retriable-4xx"
    r"|refused-stream|retriable-status-codes|retriable-headers|http3-post-connect-failure"
    r"|cancelled|deadline-exceeded|internal|resource-exhausted|unavailable|[1-5]\d\d"
)
_PART = r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)"
_DURATION = re.compile(rf"\+?(?:{_PART})+")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6}\d*)?(?:Z|[+-]\d\d:\d\d)")
# The type of errors about values that every mesh refuses.
WRONG = "wrong"


def wrong(problem: str) -> PydanticCustomError:
    """Return an error about a value that every mesh refuses; lint reports it too."""
    return PydanticCustomError(WRONG, "{problem}", {"problem": problem})


def seconds(text: object) -> float:
    """Return the seconds of a Kubernetes duration such as "1.5s", "1m30s" or "250ms"."""
    if not isinstance(text, str) or not _DURATION.fullmatch(text):
        raise wrong("should be a duration such as 500ms, 2s or 1m30s")
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, text))


def _created(text: object) -> float:
    """Return the seconds since 1970 of a Kubernetes time such as "2026-11-30T08:00:00Z"."""
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        raise wrong("should be a time such as 2026-11-30T08:00:00Z")
    try:
        return datetime.fromisoformat(text.upper()).timestamp()
    except (ValueError, OverflowError):
        raise wrong("is not a time of the calendar") from None


def port_or_name(value: object) -> int | str:
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535:
        return value
    raise wrong("should be a port from 1 to 65535, or a port's name")


def _header_changed(name: str) -> str:
    if not is_authority(name) and not is_header_name(name):
        raise ValueError("is not a header that can be changed here")
    return name


def _header_value(value: str) -> str:
    if not _FORMAT.fullmatch(value):
        raise ValueError(
            "has a control character, or a % that is neither doubled nor part of a command operator"
            " that is supported, such as %REQ(name)%, %START_TIME% or %DOWNSTREAM_REMOTE_ADDRESS%"
        )
    return value


def _retry_on(conditions: str) -> str:
    for name in filter(None, (part.strip() for part in conditions.split(","))):
        if not _RETRIABLE.fullmatch(name):
            raise wrong(f'has "{name}", which is neither a retry condition of Envoy nor a status')
    return conditions


RetryOn = Annotated[str, AfterValidator(_retry_on)]
Duration = Annotated[float, BeforeValidator(seconds)]
Port = Annotated[int, Field(ge=1, le=65535)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
Percent = Annotated[int, Field(ge=0, le=100)]
HostName = Annotated[str, Field(min_length=1)]
HeaderName = Annotated[str, AfterValidator(header_name)]
ChangedHeader = Annotated[str, AfterValidator(_header_changed)]
HeaderValue = Annotated[str, AfterValidator(_header_value)]
Changes = dict[ChangedHeader, HeaderValue]


# For one host. A plan tries each lane with each rule, and more would take over a minute.
MOST_RULES = 2000


def require_few_rules(matches: Iterable[int]) -> None:
    """Raise a `wrong` error for more rules than are planned; `matches`: the number of each rule."""
    count = sum(max(1, number) for number in matches)
    if count > MOST_RULES:
        raise wrong(
            f"has {count:,} rules and matches, and no more than {MOST_RULES:,} are planned;"
            " leave out those that no lane needs"
        )


class _OnlyRunning:
    """Marks a field that chooses no route and that only a cluster acts on."""


OnlyRunning = Annotated[Any, _OnlyRunning()]


def only_running(model: BaseModel, path: str) -> Iterator[str]:
    """Yield the paths, below `path`, of the fields that are set and marked `OnlyRunning`."""
    for name, alias, marked in _marked(type(model)):
        if name in model.model_fields_set and (value := getattr(model, name)):
            if marked:
                yield f"{path}.{alias}"
            elif isinstance(value, BaseModel):
                yield from only_running(value, f"{path}.{alias}")
            elif isinstance(value, list):
                for index, item in enumerate(value):
                    if isinstance(item, BaseModel):
                        yield from only_running(item, f"{path}.{alias}[{index}]")


@cache
def _marked(kind: type[BaseModel]) -> tuple[tuple[str, str, bool], ...]:
    """Return the fields that are marked or hold models with marked fields.

    Each has its name, its name in manifests, and whether it is marked itself.
    """
    fields = []
    for name, field in kind.model_fields.items():
        marked = any(isinstance(one, _OnlyRunning) for one in field.metadata)
        if marked or any(map(_marked, models_in(field.annotation))):
            fields.append((name, field.alias or name, marked))
    return tuple(fields)


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the models that a field's type names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


@lru_cache(maxsize=4096)
def require_re2(regex: str) -> None:
    """Raise a `wrong` error if RE2, which Envoy uses, does not compile the regular expression."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(regex, options=options)
    except re2.error as error:
        (reason,) = error.args
        reason = reason.decode() if isinstance(reason, bytes) else reason
        raise wrong(f"regex does not compile as RE2: {reason}") from None


class _Frozen(BaseModel):
    """A model that does not change. Like an API server, it takes no string for a number.

    pydantic builds a model's schema when a manifest first needs it. Defaults are made by
    `model_construct`, which needs no schema, so that a start builds none.
    """

    model_config = ConfigDict(frozen=True, strict=True, alias_generator=to_camel, defer_build=True)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Return the model itself, which never changes; pydantic copies defaults."""
        return self


class Open(_Frozen):
    """A model of which other fields are ignored."""

    model_config = ConfigDict(extra="ignore")


class Closed(_Frozen):
    """A model of which other fields are errors, since they may choose routes."""

    model_config = ConfigDict(extra="forbid")


class Metadata(Open):
    name: str
    namespace: str = "default"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    created: Annotated[
        float | None, BeforeValidator(_created), Field(alias="creationTimestamp")
    ] = None


class Untyped(Open):
    """The identity of a resource without a model, or that does not fit its model."""

    api_version: str
    kind: str
    metadata: Metadata

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """Return the identity of a document; "" for each part that it lacks."""
        metadata = document.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        name, namespace = (str(metadata.get(key, "")) for key in ("name", "namespace"))
        return cls.model_construct(
            api_version=str(document.get("apiVersion", "")),
            kind=str(document.get("kind", "")),
            metadata=Metadata.model_construct(name=name, namespace=namespace),
        )


class ClosedKind(Closed):
    """A mesh kind; its spec is the only further field."""

    api_version: str
    kind: str
    metadata: Metadata


class PortSelector(Closed):
    number: Port


# Namespaces that may use a resource: names, `.` its own, `*` all, `~` none.
ExportTo = list[Annotated[str, Field(min_length=1)]]
