"""The rules of HTTPRoutes as routes, in the order of the Gateway API.

https://gateway-api.sigs.k8s.io/reference/api-types/httproute/
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from lanes.errors import ManifestError
from lanes.mesh.headers import matched_name
from lanes.mesh.matching import Kind, Match, StringMatch
from lanes.mesh.model import Route, Weighted
from lanes.mesh.traffic import HeaderOps, Retry
from lanes.reading.age import age_of_route
from lanes.reading.destinations import Destinations
from lanes.reading.filters import api_filters
from lanes.reading.kinds import http_route
from lanes.reading.manifests import Resource
from lanes.reading.match_scope import require_known
from lanes.reading.mirrors import api_mirrors
from lanes.reading.rewrites import api_redirect, api_rewrite
from lanes.reading.virtual_services import require_few, unsupported_route

Bound = tuple[Resource, http_route.HTTPRoute]
"""An HTTPRoute and its resource."""

# The API does not order regular expressions; Istio puts them behind all prefixes.
_MOST_SPECIFIC_FIRST = ("Exact", "PathPrefix", "RegularExpression")
_KINDS: Mapping[str, Kind] = {
    "Exact": "exact",
    "PathPrefix": "segments",
    "RegularExpression": "regex",
}

_Precedence = tuple[int, int, bool, int, int]
"""A sort key: the route of the least comes first."""
_FIRST: _Precedence = (-1, 0, False, 0, 0)


def rules_of(
    bound: Iterable[Bound], destinations: Destinations, *, in_mesh: bool
) -> tuple[Route, ...]:
    """Return a route for each match of HTTPRoutes that share a parent, the most specific first.

    Of routes with equal matches, those of the older HTTPRoute come first.
    """
    routes: list[tuple[_Precedence, Route]] = []
    ordered = sorted(bound, key=lambda one: age_of_route(one[1].metadata))
    for resource, body in ordered:
        for number, rule in enumerate(body.spec.rules):
            routes += _of_rule(resource, f"spec.rules[{number}]", rule, destinations, in_mesh)
    result = tuple(route for _, route in sorted(routes, key=lambda entry: entry[0]))
    require_few(ordered[-1][0], "spec.rules", result)
    return result


def _of_rule(
    resource: Resource,
    field: str,
    rule: http_route.Rule,
    destinations: Destinations,
    in_mesh: bool,
) -> Iterator[tuple[_Precedence, Route]]:
    """Yield a route for each match of a rule, with its precedence.

    A rule that is not supported is marked. It comes first if its matches are not supported.
    """
    unsupported = resource.unsupported(field)
    why = resource.unsupported(outside="spec.rules[") or unsupported
    comes_first = why and (resource.unsupported(f"{field}.matches") or not unsupported)
    try:
        for index, match in enumerate(rule.matches if in_mesh else ()):
            for header in match.headers:
                where = f"{field}.matches[{index}].headers.{header.name}"
                require_known(resource, where, header.name)
        route = None if why else _route(resource, field, rule, destinations, in_mesh)
    except ManifestError as error:
        why, route = destinations.diagnostics.error(error), None
    route = route or unsupported_route(why, resource.place(field))
    for match in rule.matches or [http_route.RouteMatch()]:
        precedence = _FIRST if comes_first else _precedence(match)
        yield precedence, replace(route, matches=(match_of(match),))


def _precedence(match: http_route.RouteMatch) -> _Precedence:
    kind = _MOST_SPECIFIC_FIRST.index(match.path.type)
    counts = -len(match.headers), -len(match.query_params)
    return kind, -len(match.path.path), match.method is None, *counts


def _route(
    resource: Resource,
    field: str,
    rule: http_route.Rule,
    destinations: Destinations,
    in_mesh: bool,
) -> Route:
    """Return the route of a rule, without a match."""
    backends = _backends(resource, field, rule, destinations, in_mesh)
    mirrors = api_mirrors(resource, field, rule, destinations, in_mesh=in_mesh)
    request, response = _changes(rule.filters)
    redirect = rule.redirect
    return Route(
        matches=(),
        destinations=() if redirect else backends,
        request=request,
        response=response,
        # Without retries, Istio takes a backend's timeout for the rule's.
        timeout=(None if rule.retry else rule.timeouts.backend_request) or rule.timeouts.request,
        retry=_retry(rule.retry, rule.timeouts.backend_request) if rule.retry else None,
        status=redirect.status_code if redirect else 500,
        place=resource.place(field),
        redirect=api_redirect(redirect) if redirect else None,
        rewrite=api_rewrite(rule.rewrite) if rule.rewrite else None,
        filters=api_filters(rule),
        mirrors=() if redirect else mirrors,
    )


def _retry(retry: http_route.Retry, per_try: float | None) -> Retry:
    """Return the retries, on Istio's conditions and on the codes of the rule."""
    conditions = ("connect-failure", "refused-stream", "unavailable", "cancelled")
    return Retry(
        retry.attempts,
        per_try or None,
        ",".join((*conditions, *map(str, retry.codes))),
        backoff=retry.backoff,
    )


def match_of(match: http_route.RouteMatch) -> Match:
    every_path = (match.path.type, match.path.path) == ("PathPrefix", "/")
    return Match(
        headers={matched_name(h.name): StringMatch(_KINDS[h.type], h.value) for h in match.headers},
        uri=None if every_path else StringMatch(_KINDS[match.path.type], match.path.path),
        method=StringMatch("exact", match.method) if match.method else None,
        query={q.name: StringMatch(_KINDS[q.type], q.value) for q in match.query_params},
    )


def _backends(
    resource: Resource,
    field: str,
    rule: http_route.Rule,
    destinations: Destinations,
    in_mesh: bool,
) -> tuple[Weighted, ...]:
    """Return the destinations of a rule; (): no backend has a weight."""
    if not any(ref.weight for ref in rule.backend_refs):
        return ()
    backends = []
    for index, ref in enumerate(rule.backend_refs):
        where = f"{field}.backendRefs[{index}]"
        destination = destinations.of_backend_ref(resource, where, ref, in_mesh=in_mesh)
        backends.append(Weighted(destination, ref.weight, *_changes(ref.filters)))
    return tuple(backends)


def _changes(filters: Sequence[http_route.BackendFilter]) -> tuple[HeaderOps, HeaderOps]:
    """Return the changes to the headers of requests, and to those of responses."""
    requests = (one.request_header_modifier for one in filters)
    responses = (one.response_header_modifier for one in filters)
    return _ops(next(filter(None, requests), None)), _ops(next(filter(None, responses), None))


def request_changes(filters: Sequence[http_route.BackendFilter]) -> HeaderOps:
    """Return the changes to the headers of requests."""
    return _changes(filters)[0]


def _ops(modifier: http_route.HeaderModifier | None) -> HeaderOps:
    if modifier is None:
        return HeaderOps()
    return HeaderOps.of(
        {header.name: header.value for header in modifier.set},
        {header.name: header.value for header in modifier.add},
        modifier.remove,
    )
