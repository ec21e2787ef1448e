"""Lanes that no gateway sets: what rules of the mesh ask for, and a client has to send."""

from collections.abc import Iterator
from dataclasses import replace

from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule
from lanes.planning.ingress import ForwardedRequest, Ingress, forward
from lanes.planning.lane_context import PlanContext
from lanes.planning.lane_headers import LaneHeader, asked_for
from lanes.planning.lanes import Candidate, Lanes, LaneSpec, NotPlanned
from lanes.planning.resolver import Resolver


def add_client_lanes(ingress: Ingress, lanes: Lanes, context: PlanContext) -> Lanes:
    """Add the lanes that clients send for, and what of it is none.

    A lane header that a client sends beside the gateway's is a lane where what answers does not
    depend on the gateway's. Raises LanesError where such a lane has no one path.
    """
    known = [spec.carried for spec in lanes.specs]
    for asked in asked_for(context.graph.mesh, known):
        lanes = _add(ingress, lanes, context, asked)
    return lanes


def _add(ingress: Ingress, lanes: Lanes, context: PlanContext, asked: LaneHeader) -> Lanes:
    tried = ((rule, _forwarded(ingress, rule)) for rule in _rules(ingress, asked))
    rule, forwarded = next((one for one in tried if one[1]), (NO_ENTRY_RULE, ()))
    if not forwarded or any(spec.name == asked.name for spec in lanes.specs):
        return replace(lanes, unset=(*lanes.unset, asked))
    spec = LaneSpec(asked.name, asked.header, forwarded, sent=rule.headers)
    if len(forwarded) > 1 and not Resolver(context.of(spec)).is_independent():
        refused = NotPlanned(str(rule), "depends-on-gateway")
        return replace(lanes, not_planned=(*lanes.not_planned, refused))
    candidate = Candidate(spec.name, rule, forwarded[0])
    return replace(lanes, specs=(*lanes.specs, spec), candidates=(*lanes.candidates, candidate))


def _rules(ingress: Ingress, asked: LaneHeader) -> Iterator[EntryRule]:
    """Yield rules that send these headers: alone or, where the gateway has no rule for every
    request, with what one of its rules asks for.
    """
    headers = dict(asked.headers)
    yield EntryRule(headers)
    for other in () if ingress.default else ingress.alternatives:
        if other.rule:
            yield replace(other.rule, headers={**other.rule.headers, **headers})


def _forwarded(ingress: Ingress, rule: EntryRule) -> tuple[ForwardedRequest, ...]:
    """Return the request with these headers as the gateway forwards it; (): it loses some."""
    request = ingress.probe.request(rule)
    route = request.rule(ingress.virtual_host.routes)
    forwarded = forward(route, request, ingress.assumed) if route else ()
    kept = all(rule.headers.items() <= one.request.headers.items() for one in forwarded)
    return forwarded if kept else ()
