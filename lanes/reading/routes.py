"""From a VirtualService's rules to routes."""

import re

from lanes.model import AUTHORITY, HeaderOps, Match, Retry, Route, StringMatch, Weighted
from lanes.reading import kinds
from lanes.reading.destinations import Destinations
from lanes.reading.manifests import Resource

# What clients and proxies put on their calls, with values of their own.
_CALLERS_OWN = re.compile(
    r":.*|accept.*|connection|content-.*|host|te|traceparent|tracestate|user-agent|via"
    r"|x-envoy-.*|x-forwarded-.*|x-request-id",
    re.IGNORECASE,
)


def routes_of(
    resource: Resource, service: kinds.VirtualService, destinations: Destinations, port: int | None
) -> tuple[Route, ...]:
    """The rules of a VirtualService, in their order; `port`: the one that is asked."""
    return tuple(
        _route(resource, destinations, port, f"spec.http[{index}]", http)
        for index, http in enumerate(service.spec.http)
    )


def require_known(resource: Resource, field: str, header: str) -> None:
    """Raises ManifestError where `field` asks a call in the mesh for what only its caller knows."""
    if _CALLERS_OWN.fullmatch(header):
        raise resource.error(
            field, "calls have it with values that no plan can know; match the lane's header"
        )


def _route(
    resource: Resource,
    destinations: Destinations,
    port: int | None,
    field: str,
    http: kinds.HttpRoute,
) -> Route:
    weights = [d.weight for d in http.route]
    if len(weights) == 1:
        weights = [100]
    if None in weights or not sum(w or 0 for w in weights):
        raise resource.error(f"{field}.route", "several destinations need weights above 0")
    for index, match in enumerate(http.match):
        asked = {f"headers.{name}": name for name in match.headers}
        asked |= {"authority": AUTHORITY} if match.authority else {}
        for where, name in asked.items() if port is not None else ():
            require_known(resource, f"{field}.match[{index}].{where}", name)
    return Route(
        matches=tuple(map(_match, http.match)),
        destinations=tuple(
            Weighted(
                destinations.of_route(resource, f"{field}.route[{index}]", destination, port),
                weight or 0,
                _header_ops(destination.headers.request),
                _header_ops(destination.headers.response),
            )
            for index, (destination, weight) in enumerate(zip(http.route, weights, strict=True))
        ),
        request=_header_ops(http.headers.request),
        response=_header_ops(http.headers.response),
        timeout=http.timeout,
        retry=_retry(http.retries) if http.retries else None,
        place=resource.place(field),
    )


def _match(match: kinds.HttpMatch) -> Match:
    headers = {name.lower(): _string_match(m) for name, m in match.headers.items()}
    if match.authority:
        headers[AUTHORITY] = _string_match(match.authority)
    return Match(headers, _string_match(match.uri) if match.uri else None)


def _retry(retries: kinds.Retries) -> Retry:
    return Retry(
        attempts=retries.attempts,
        per_try_timeout=retries.per_try_timeout,
        retry_on=retries.retry_on,
        next_tier=retries.retry_remote_localities,
    )


def _string_match(match: kinds.StringMatch) -> StringMatch:
    ((how, value),) = match.model_dump(exclude_none=True).items()
    return StringMatch(how, value)


def _header_ops(operations: kinds.HeaderOperations) -> HeaderOps:
    return HeaderOps(
        {name.lower(): value for name, value in operations.set.items()},
        {name.lower(): value for name, value in operations.add.items()},
        tuple(name.lower() for name in operations.remove),
    )
