"""Notes below a plan: what its marks mean, and what the plan leaves out."""

from collections.abc import Callable, Iterable, Iterator

from lanes.planning.hop import Hop, Reason
from lanes.planning.result import Plan

# The version of pods without a label for it.
NO_VERSION = "(none)"

Hops = list[tuple[str, Hop]]
"""Hops, each with the name of its lane."""


def plan_notes(plan: Plan) -> list[str]:
    """Return the notes. Marks that the plan does not have get none."""
    hops = [(lane.name, hop) for lane in plan.lanes for hop in (*lane.path, *lane.unreached)]
    return [
        *_fallback(hops),
        *_unanswered(hops),
        *_marked("!", hops, lambda hop: str(hop.misrouted or "")),
        *_marked("?", hops, lambda hop: hop.unsupported and f"not known: {hop.unsupported}"),
        *_versions(hops),
        *_unreached(plan),
        *_assumed(plan),
        *_not_set(plan),
        *_default(plan),
        *(f"not planned: {rule}" for rule in plan.not_planned),
        *(f"not planned: {rule} (no planned call matches it)" for rule in plan.other_rules),
        *(f"port: {port}" for port in plan.ports),
    ]


def _fallback(hops: Hops) -> Iterator[str]:
    if any(hop.reason == Reason.FALLBACK for _, hop in hops):
        yield "* fallback: the lane has no version here"


def _unanswered(hops: Hops) -> Iterator[str]:
    """Yield the statuses of unanswered hops with their reasons, and the hops if reasons differ."""
    by_status: dict[int, dict[str, Hops]] = {}
    for lane, hop in hops:
        if hop.unanswered:
            by_reason = by_status.setdefault(hop.status, {})
            by_reason.setdefault(str(hop.unanswered), []).append((lane, hop))
    for status, by_reason in sorted(by_status.items(), reverse=True):
        for reason, unanswered in by_reason.items():
            services = _listed(hop.service for _, hop in unanswered)
            lanes = _listed(lane for lane, _ in unanswered)
            where = f" at {services}, lane {lanes}" if len(by_reason) > 1 else ""
            yield f"- answers {status}{where}: {reason}"


def _marked(mark: str, hops: Hops, reason_of: Callable[[Hop], str]) -> Iterator[str]:
    """Yield the reasons of marked hops. A hop without a reason has no mark."""
    lanes: dict[tuple[str, str], list[str]] = {}
    for lane, hop in hops:
        if reason := reason_of(hop):
            lanes.setdefault((hop.service, reason), []).append(lane)
    for (service, reason), names in lanes.items():
        yield f"{mark} {service}, lane {_listed(names)}: {reason}"


def _versions(hops: Hops) -> Iterator[str]:
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
        services = _listed(name for name, header in plan.assumed.items() if header == carrier)
        yield (
            f"assumed: {carrier} is propagated at {services}. No manifest shows it: check the code"
        )


def _not_set(plan: Plan) -> Iterator[str]:
    for header in dict.fromkeys(lane.client_header for lane in plan.lanes if lane.client_header):
        lanes = _listed(lane.name for lane in plan.lanes if lane.client_header == header)
        yield f"{lanes}: set by no gateway; a client or a service has to send {header}"
    for lane in plan.unset_headers:
        yield f"{lane.name}: no gateway sets it or lets it in; a service has to send {lane.words}"


def _default(plan: Plan) -> Iterator[str]:
    if plan.default_status != 200:
        yield f"requests that no entry rule matches: the gateway answers {plan.default_status}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))
