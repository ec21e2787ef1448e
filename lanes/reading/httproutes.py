"""From the rules of HTTPRoutes to routes, in the order that the Gateway API gives them.

https://gateway-api.sigs.k8s.io/reference/api-types/httproute/
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from lanes.errors import ManifestError
from lanes.mesh.diagnostics import Place
from lanes.mesh.headers import matched_name
from lanes.mesh.matching import Kind, Match, StringMatch
from lanes.mesh.model import (
    Route,
    Weighted,
)
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
"""An HTTPRoute, and where it was read."""

# The API leaves the place of regular expressions open; Istio puts them behind all prefixes.
_MOST_SPECIFIC_FIRST = ("Exact", "PathPrefix", "RegularExpression")
_KINDS: Mapping[str, Kind] = {
    "Exact": "exact",
    "PathPrefix": "segments",
    "RegularExpression": "regex",
}


def rules_of(
    bound: Iterable[Bound], destinations: Destinations, *, in_mesh: bool
) -> tuple[Route, ...]:
    """The rules of HTTPRoutes that share a parent, merged: the most specific match first.

    A rule with several matches is one for each. Among equals the older HTTPRoute's come first, and
    where no time tells which that is, they go by namespace and name.
    """
    found: list[tuple[_Precedence, Route]] = []
    ordered = sorted(bound, key=lambda one: age_of_route(one[1].metadata))
    for resource, body in ordered:
        for number in range(len(body.spec.rules)):
            found += _of_rule(resource, body, number, destinations, in_mesh)
    routes = tuple(route for _, route in sorted(found, key=lambda entry: entry[0]))
    require_few(ordered[-1][0], "spec.rules", routes)
    return routes


def _of_rule(
    resource: Resource,
    body: http_route.HTTPRoute,
    number: int,
    destinations: Destinations,
    in_mesh: bool,
) -> Iterator[tuple["_Precedence", Route]]:
    """Yield a route for each match of the rule of this number, and what orders it.

    One that is not supported is marked; where that is what it asks for, it may come first.
    """
    rule, field = body.spec.rules[number], f"spec.rules[{number}]"
    why = resource.unsupported(outside="spec.rules[") or resource.unsupported(field)
    anywhere = why and (resource.unsupported(f"{field}.matches") or not resource.unsupported(field))
    place = resource.place(field)
    backends: tuple[Weighted, ...] = ()
    mirrors: tuple[Weighted, ...] = ()
    try:
        for index, match in enumerate(rule.matches):
            for header in match.headers if in_mesh else ():
                where = f"{field}.matches[{index}].headers.{header.name}"
                require_known(resource, where, header.name)
        if not why:
            backends = _backends(resource, field, rule, destinations, in_mesh)
            mirrors = api_mirrors(resource, field, rule, destinations, in_mesh=in_mesh)
    except ManifestError as error:
        why = destinations.diagnostics.error(error)
    for match in rule.matches or [http_route.RouteMatch()]:
        order = _FIRST if anywhere else _precedence(match)
        if why:
            yield order, unsupported_route(why, place, (match_of(match),))
        else:
            yield order, _route(rule, match, backends, mirrors, place)


_Precedence = tuple[int, int, bool, int, int]


# Of a rule that may ask for anything.
_FIRST: _Precedence = (-1, 0, False, 0, 0)


def _precedence(match: http_route.RouteMatch) -> _Precedence:
    """What orders rules: less goes first."""
    kind = _MOST_SPECIFIC_FIRST.index(match.path.type)
    asked = -len(match.headers), -len(match.query_params)
    return kind, -len(match.path.path), match.method is None, *asked


def _route(
    rule: http_route.Rule,
    match: http_route.RouteMatch,
    backends: tuple[Weighted, ...],
    mirrors: tuple[Weighted, ...],
    place: Place,
) -> Route:
    request, response = _changes(rule.filters)
    redirect = rule.redirect
    return Route(
        matches=(match_of(match),),
        destinations=() if redirect else backends,
        request=request,
        response=response,
        # Without retries to tell it from, Istio takes a backend's timeout for the rule's.
        timeout=(None if rule.retry else rule.timeouts.backend_request) or rule.timeouts.request,
        retry=_retry(rule.retry, rule.timeouts.backend_request) if rule.retry else None,
        status=redirect.status_code if redirect else 500,
        place=place,
        redirect=api_redirect(redirect) if redirect else None,
        rewrite=api_rewrite(rule.rewrite) if rule.rewrite else None,
        filters=api_filters(rule),
        mirrors=() if redirect else mirrors,
    )


def _retry(retry: http_route.Retry, per_try: float | None) -> Retry:
    """Istio's conditions, and the codes that the rule names."""
    conditions = ("connect-failure", "refused-stream", "unavailable", "cancelled")
    return Retry(
        retry.attempts,
        per_try or None,
        ",".join((*conditions, *map(str, retry.codes))),
        backoff=retry.backoff,
    )


def match_of(match: http_route.RouteMatch) -> Match:
    """Return what a match asks for."""
    anywhere = (match.path.type, match.path.path) == ("PathPrefix", "/")
    return Match(
        headers={matched_name(h.name): StringMatch(_KINDS[h.type], h.value) for h in match.headers},
        uri=None if anywhere else StringMatch(_KINDS[match.path.type], match.path.path),
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
    """The rule's destinations; none where no share leads anywhere."""
    if not any(ref.weight for ref in rule.backend_refs):
        return ()
    return tuple(
        Weighted(
            destinations.of_backend_ref(
                resource, f"{field}.backendRefs[{index}]", ref, in_mesh=in_mesh
            ),
            ref.weight,
            *_changes(ref.filters),
        )
        for index, ref in enumerate(rule.backend_refs)
    )


def _changes(filters: Sequence[http_route.BackendFilter]) -> tuple[HeaderOps, HeaderOps]:
    """The changes to the request's headers, and to the response's."""
    nothing = http_route.HeaderModifier()
    request = next((f.request_header_modifier for f in filters if f.request_header_modifier), None)
    response = next(
        (f.response_header_modifier for f in filters if f.response_header_modifier), None
    )
    return _ops(request or nothing), _ops(response or nothing)


def request_changes(filters: Sequence[http_route.BackendFilter]) -> HeaderOps:
    """Return the changes to the request's headers."""
    return _changes(filters)[0]


def _ops(modifier: http_route.HeaderModifier) -> HeaderOps:
    return HeaderOps.of(
        {header.name: header.value for header in modifier.set},
        {header.name: header.value for header in modifier.add},
        modifier.remove,
    )
