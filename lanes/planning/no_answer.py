"""Hops at which no pod answers, or at which the answer is not known."""

from collections.abc import Sequence

from lanes.mesh.model import Host, Route, ServicePort
from lanes.planning.hop import Hop, Reason, Unanswered
from lanes.planning.lane_context import LaneContext
from lanes.planning.reasons import Choice, unselected, why_unanswered
from lanes.planning.shares import Part


def no_rule(port: ServicePort) -> Hop:
    """Return the hop of a call to a Service's port that no rule matches: 404."""
    return Hop(
        port.host.name,
        (),
        Reason.NONE,
        status=404,
        unanswered=Unanswered("no-rule"),
        hosts=(port.host,),
        port=port.port,
    )


def unsupported(service: Host, rule: Route, port: int) -> Hop:
    """Return the hop of a rule that is not supported."""
    return Hop(
        service.name,
        (),
        Reason.UNSUPPORTED,
        unsupported=rule.unknown,
        place=rule.place,
        hosts=(service, *(w.destination.host for w in rule.destinations)),
        port=port,
    )


def no_answer(
    lane: LaneContext,
    service: Host,
    port: int,
    rule: Route,
    parts: Sequence[Part],
    choice: Choice,
) -> Hop:
    """Return the hop of a rule that leads to no pod; its status is 503 if the Service exists."""
    hosts = tuple(w.destination.host for w in rule.destinations)
    status = 503 if any(part.exists for part in parts) else rule.status
    misrouted = unselected(lane, parts) if parts and choice.specific and choice.runs else None
    return Hop(
        service.name,
        (),
        Reason.NONE,
        status=status,
        misrouted=misrouted,
        unanswered=why_unanswered(lane, rule, hosts, status, misrouted is not None),
        place=rule.place,
        hosts=(service, *hosts),
        failing=(rule.abort,) if rule.abort else (),
        port=port,
    )
