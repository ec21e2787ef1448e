"""Converts the rules of VirtualServices to routes."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from lanes.errors import ManifestError
from lanes.mesh.diagnostics import Diagnostics, Place
from lanes.mesh.headers import AUTHORITY, matched_name
from lanes.mesh.matching import Match, is_catch_all
from lanes.mesh.model import Route, Weighted
from lanes.mesh.traffic import Abort, HeaderOps, Retry
from lanes.reading import kinds
from lanes.reading.conditions import string_match
from lanes.reading.delegates import Ruled
from lanes.reading.destinations import Destinations
from lanes.reading.filters import filters_of
from lanes.reading.kinds.fields import MOST_RULES
from lanes.reading.manifests import Manifests, Resource
from lanes.reading.match_scope import applies
from lanes.reading.mirrors import mirrors_of
from lanes.reading.rewrites import redirect_of, rewrite_of
from lanes.reading.sides import Side

_ABORTS = "aborts the share of requests that it sets"


def routes_of(
    resource: Resource, service: kinds.VirtualService, destinations: Destinations, side: Side
) -> tuple[Route, ...]:
    """Return the rules of a VirtualService that apply to `side`, in order.

    A rule that is not supported is marked, and has the matches that are.
    """
    if why := resource.unsupported(outside="spec.http["):
        return (unsupported_route(why, resource.place("spec")),)
    routes = (
        _route_of(ruled, service, destinations, side)
        for ruled in destinations.delegates.rules(resource, service)
        if _answers(ruled[2]) or ruled[0].lacks(ruled[1])
    )
    return tuple(route for route in routes if route)


def _route_of(
    ruled: Ruled, service: kinds.VirtualService, destinations: Destinations, side: Side
) -> Route | None:
    """Return the route of a rule of `service`; None: the rule does not apply to `side`."""
    resource, field, http = ruled
    why = resource.unsupported(outside="spec.http[") or resource.unsupported(field)
    applicable = http.match
    try:
        applicable = [
            match
            for number, match in enumerate(http.match)
            if applies(resource, f"{field}.match[{number}]", service, match, side)
        ]
        if http.match and not applicable:
            return None
        if not why:
            return _route(resource, destinations, side, field, http, applicable)
    except ManifestError as error:
        why = destinations.diagnostics.error(error)
    matches, _ = _matches(applicable)
    return unsupported_route(why, resource.place(field), matches)


def unsupported_route(why: str, place: Place, matches: tuple[Match, ...] = ()) -> Route:
    """Return a route that is not supported: it may do anything with its requests."""
    return Route(matches, (), place=place, unsupported=why)


def _matches(alternatives: Sequence[kinds.HttpMatch]) -> tuple[tuple[Match, ...], bool]:
    """Return a rule's matches; (): every request matches one.

    The second value tells whether each match for every request names the scheme.
    """
    matches = tuple(map(match_of, alternatives))
    catch_all = [
        one for one, match in zip(alternatives, matches, strict=True) if is_catch_all(match)
    ]
    if not catch_all:
        return matches, False
    return (), all(one.scheme for one in catch_all)


def require_few(resource: Resource, field: str, routes: Iterable[Route]) -> None:
    """Raise ManifestError if several resources have more routes for one host than are planned."""
    count = sum(max(1, len(route.matches)) for route in routes)
    if count > MOST_RULES:
        raise resource.error(
            field,
            f"the resources for this host have {count:,} rules and matches, and no more than"
            f" {MOST_RULES:,} are planned; leave out those that no lane needs",
        )


def require_complete(manifests: Manifests, diagnostics: Diagnostics) -> None:
    """Report VirtualServices without hosts, and rules that neither route nor answer requests."""
    delegates = {
        (http.delegate.namespace or body.metadata.namespace, http.delegate.name)
        for _, body in manifests.of(kinds.VirtualService)
        for http in body.spec.http
        if http.delegate
    }
    for resource, service in manifests.of(kinds.VirtualService):
        is_delegate = (service.metadata.namespace, service.metadata.name) in delegates
        if not service.spec.hosts and not is_delegate:
            is_set = "hosts" in service.spec.model_fields_set
            diagnostics.error(resource.error("spec.hosts", "is empty" if is_set else "missing"))
        for index, http in enumerate(service.spec.http):
            answers = _answers(http) or http.delegate is not None
            if not answers and not resource.lacks(f"spec.http[{index}]"):
                problem = "should have a route, a redirect or a directResponse"
                diagnostics.error(resource.error(f"spec.http[{index}]", problem))


def _answers(http: kinds.HttpRoute) -> bool:
    return bool(http.route or http.redirect or http.direct_response)


def is_narrow(match: kinds.HttpMatch) -> bool:
    """Tell whether a match applies only to some ports, schemes, gateways or callers."""
    limits = (match.port, match.scheme, match.gateways, match.source_labels, match.source_namespace)
    return any(limits)


def _route(
    resource: Resource,
    destinations: Destinations,
    side: Side,
    field: str,
    http: kinds.HttpRoute,
    applicable: Sequence[kinds.HttpMatch],
) -> Route:
    """Return the route of a rule with the matches that are `applicable`."""
    matches, by_scheme = _matches(applicable)
    aborts = _aborts(http)
    aborts_all = aborts is not None and aborts.share >= 1
    status = aborts.status if aborts and aborts_all else _own_status(http)
    if aborts:
        destinations.diagnostics.warn(resource.finding("fault", f"{field}.fault", _ABORTS))
    return Route(
        matches=matches,
        destinations=() if status else _weighted(resource, destinations, side, field, http),
        request=header_ops(http.headers.request),
        response=header_ops(http.headers.response),
        timeout=http.timeout,
        retry=_retry(http.retries) if http.retries else None,
        status=status or 500,
        abort=None if aborts_all else aborts,
        place=resource.place(field),
        redirect=redirect_of(http.redirect) if http.redirect and not aborts_all else None,
        rewrite=rewrite_of(http.rewrite) if http.rewrite else None,
        filters=filters_of(http),
        mirrors=() if status else mirrors_of(resource, field, http, destinations, side),
        body=http.direct_response.body.string if http.direct_response else "",
        by_scheme=by_scheme,
    )


def _own_status(http: kinds.HttpRoute) -> int | None:
    """Return the status that a rule answers with; None: it leads to a destination."""
    if http.redirect:
        return http.redirect.redirect_code
    return http.direct_response.status if http.direct_response else None


def _aborts(http: kinds.HttpRoute) -> Abort | None:
    """Return the abort of a rule's fault; None: it aborts no request."""
    abort = http.fault.abort if http.fault else None
    if abort is None or abort.http_status is None or not abort.percentage.value:
        return None
    return Abort(abort.http_status, abort.percentage.value / 100)


def _weighted(
    resource: Resource,
    destinations: Destinations,
    side: Side,
    field: str,
    http: kinds.HttpRoute,
) -> tuple[Weighted, ...]:
    """Return a rule's destinations; a missing weight is 0, unless there is only one."""
    alone = len(http.route) == 1
    legs = [(leg, 100 if alone else leg.weight or 0) for leg in http.route]
    if not any(weight for _, weight in legs):
        raise resource.error(f"{field}.route", "several destinations need weights above 0")
    return tuple(
        Weighted(
            destinations.of_route(resource, f"{field}.route[{index}]", leg, side),
            weight,
            header_ops(leg.headers.request),
            header_ops(leg.headers.response),
        )
        for index, (leg, weight) in enumerate(legs)
    )


def match_of(match: kinds.HttpMatch) -> Match:
    """Return what a match says of requests, without the fields of `is_narrow`."""
    headers = {matched_name(name): string_match(m) for name, m in match.headers.items()}
    if match.authority:
        headers[AUTHORITY] = string_match(match.authority)
    uri = string_match(match.uri) if match.uri else None
    return Match(
        headers=headers,
        uri=replace(uri, ignore_case=True) if uri and match.ignore_uri_case else uri,
        method=string_match(match.method) if match.method else None,
        without={matched_name(name): string_match(m) for name, m in match.without_headers.items()},
        query={name: string_match(m) for name, m in match.query_params.items()},
    )


def _retry(retries: kinds.Retries) -> Retry:
    return Retry(
        attempts=retries.attempts,
        per_try_timeout=retries.per_try_timeout,
        retry_on=retries.retry_on,
        next_tier=retries.retry_remote_localities,
        backoff=retries.backoff,
        same_host=not retries.retry_ignore_previous_hosts,
    )


def header_ops(operations: kinds.HeaderOperations) -> HeaderOps:
    """Return changes to headers, their names in lower case."""
    if not operations.model_fields_set:
        return HeaderOps()
    return HeaderOps.of(operations.set, operations.add, operations.remove)
