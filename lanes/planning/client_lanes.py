"""Client lanes: lanes that no gateway sets, since clients have to send their headers."""

from collections.abc import Iterator
from dataclasses import replace

from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule
from lanes.planning.ingress import ForwardedRequest, Ingress, forward
from lanes.planning.lane_context import PlanContext
from lanes.planning.lane_headers import LaneHeader, matched_headers
from lanes.planning.lanes import Candidate, Lanes, LaneSpec, NotPlanned
from lanes.planning.resolver import Resolver


def add_client_lanes(ingress: Ingress, lanes: Lanes, context: PlanContext) -> Lanes:
    """Add the lanes of lane headers that rules of the mesh match and the gateway does not set.

    A header that no request can bring, or that depends on the gateway's lane, is no lane. Raises
    LanesError if such a lane has several paths.
    """
    known = [spec.carried for spec in lanes.specs]
    for header in matched_headers(context.graph.mesh, known):
        lanes = _add(ingress, lanes, context, header)
    return lanes


def _add(ingress: Ingress, lanes: Lanes, context: PlanContext, header: LaneHeader) -> Lanes:
    attempts = ((rule, _forwarded(ingress, rule)) for rule in _rules(ingress, header))
    rule, forwarded = next((attempt for attempt in attempts if attempt[1]), (NO_ENTRY_RULE, ()))
    if not forwarded or any(spec.name == header.name for spec in lanes.specs):
        return replace(lanes, unset=(*lanes.unset, header))
    spec = LaneSpec(header.name, header.header, forwarded, sent=rule.headers)
    if len(forwarded) > 1 and not Resolver(context.of(spec)).is_independent():
        refused = NotPlanned(str(rule), "depends-on-gateway")
        return replace(lanes, not_planned=(*lanes.not_planned, refused))
    candidate = Candidate(spec.name, rule, forwarded[0])
    return replace(lanes, specs=(*lanes.specs, spec), candidates=(*lanes.candidates, candidate))


def _rules(ingress: Ingress, header: LaneHeader) -> Iterator[EntryRule]:
    """Yield entry rules with the lane header.

    If the gateway has no default route, they include the conditions of one of its rules.
    """
    headers = dict(header.headers)
    yield EntryRule(headers)
    for other in () if ingress.default else ingress.alternatives:
        if other.rule:
            yield replace(other.rule, headers={**other.rule.headers, **headers})


def _forwarded(ingress: Ingress, rule: EntryRule) -> tuple[ForwardedRequest, ...]:
    """Return the request as the gateway forwards it; () if the gateway changes its headers."""
    request = ingress.probe.request(rule)
    route = request.rule(ingress.virtual_host.routes)
    forwarded = forward(route, request, ingress.assumed) if route else ()
    kept = all(rule.headers.items() <= one.request.headers.items() for one in forwarded)
    return forwarded if kept else ()
