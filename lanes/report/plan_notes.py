"""The notes below a plan's table: what its marks mean, and what it leaves out."""

from collections.abc import Iterable, Iterator

from lanes.planning.hop import Hop, Reason
from lanes.planning.result import Plan

# The version of pods without a label for it.
NO_VERSION = "(none)"

Found = list[tuple[str, Hop]]
"""Hops, each with the name of its lane."""


def plan_notes(plan: Plan) -> list[str]:
    """Return the notes; those on marks only where the marks stand in the table."""
    hops = [(lane.name, hop) for lane in plan.lanes for hop in (*lane.path, *lane.unreached)]
    return [
        *_fallback(hops),
        *_unanswered(hops),
        *_misrouted(hops),
        *_unsupported(hops),
        *_versions(hops),
        *_unreached(plan),
        *_assumed(plan),
        *_not_set(plan),
        *_default(plan),
        *(f"not planned: {one}" for one in plan.not_planned),
        *(f"not planned: {one} (no planned call matches it)" for one in plan.other_rules),
        *(f"port: {one}" for one in plan.ports),
    ]


def _fallback(hops: Found) -> Iterator[str]:
    if any(hop.reason == Reason.FALLBACK for _, hop in hops):
        yield "* fallback: the lane has no version here"


def _unanswered(hops: Found) -> Iterator[str]:
    """Yield what is answered where no pod answers, and why; and where, if that differs."""
    reasons: dict[int, dict[str, Found]] = {}
    for lane, hop in hops:
        if hop.unanswered:
            found = reasons.setdefault(hop.status, {})
            found.setdefault(str(hop.unanswered), []).append((lane, hop))
    for status, found in sorted(reasons.items(), reverse=True):
        for reason, ends in found.items():
            services = _listed(hop.service for _, hop in ends)
            lanes = _listed(lane for lane, _ in ends)
            where = f" at {services}, lane {lanes}" if len(found) > 1 else ""
            yield f"- answers {status}{where}: {reason}"


def _misrouted(hops: Found) -> Iterator[str]:
    reasons: dict[tuple[str, str], list[str]] = {}
    for lane, hop in hops:
        if hop.misrouted:
            reasons.setdefault((hop.service, str(hop.misrouted)), []).append(lane)
    for (service, reason), lanes in reasons.items():
        yield f"! {service}, lane {_listed(lanes)}: {reason}"


def _unsupported(hops: Found) -> Iterator[str]:
    reasons: dict[tuple[str, str], list[str]] = {}
    for lane, hop in hops:
        if hop.unsupported:
            reasons.setdefault((hop.service, hop.unsupported), []).append(lane)
    for (service, reason), lanes in reasons.items():
        yield f"? {service}, lane {_listed(lanes)}: not known: {reason}"


def _versions(hops: Found) -> Iterator[str]:
    if any(len(hop.versions) > 1 and not hop.shares for _, hop in hops):
        yield "| any of these versions answers: no rule chooses one"
    if any("" in hop.versions for _, hop in hops):
        yield f"{NO_VERSION} the pods have no version label"


def _unreached(plan: Plan) -> Iterator[str]:
    if plan.unreached:
        yield "? not found in any call path; the cell shows what a call would get."
        yield f"  Use --calls CALLER={','.join(plan.unreached)} to add it."


def _assumed(plan: Plan) -> Iterator[str]:
    for carrier in dict.fromkeys(plan.assumed.values()):
        services = _listed(name for name, held in plan.assumed.items() if held == carrier)
        sentence = f"assumed: {carrier} is propagated at {services}."
        yield f"{sentence} No manifest shows it: check the code"


def _not_set(plan: Plan) -> Iterator[str]:
    for header in dict.fromkeys(lane.client_header for lane in plan.lanes if lane.client_header):
        lanes = _listed(lane.name for lane in plan.lanes if lane.client_header == header)
        yield f"{lanes}: set by no gateway; a client or a service has to send {header}"
    for one in plan.unset_headers:
        yield f"{one.name}: no gateway sets it or lets it in; a service has to send {one.words}"


def _default(plan: Plan) -> Iterator[str]:
    if plan.default_status != 200:
        yield f"requests that no entry rule matches: the gateway answers {plan.default_status}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))
