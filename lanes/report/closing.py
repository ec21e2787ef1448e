"""The closing sentence of a verification."""

from collections.abc import Iterable, Mapping, Sequence

from lanes.report.tables import counted
from lanes.verification import split
from lanes.verification.verdict import Holds, LaneVerdict, Verdict


def closing(verdict: Verdict) -> str:
    """Return the verdict in a sentence. It says which lanes no request entered."""
    if verdict.entered and not verdict.requests:
        subject = f"Lane {_names(verdict.lanes)}"
        if not any(lane.verified for lane in verdict.lanes):
            return f"{subject} was NOT verified: {_reason(verdict.lanes[0]).format(them='it')}."
        if not verdict.ok:
            return f"{subject} does NOT hold."
        return f"{subject} holds{_as_far_as_seen(verdict)}."
    lanes_fit = all(lane.fits for lane in verdict.lanes)
    if verdict.unexpected or not lanes_fit or not all(hop.fits for hop in verdict.splits):
        return "Lanes do NOT hold."
    missed = [lane for lane in verdict.lanes if not lane.ok]
    if missed:
        needed = max(split.requests_to_see(lane.expected, len(verdict.lanes)) for lane in missed)
        requests = counted(verdict.requests, "request")
        by_weight = " by weight" if verdict.entered else ""
        return (
            f"Lanes NOT all verified: none of {requests}{by_weight} entered {_names(missed)}."
            f" {counted(needed, 'request')} would."
        )
    by_reason: dict[str, list[LaneVerdict]] = {}
    for lane in verdict.lanes:
        if not lane.verified and not lane.unseen:
            by_reason.setdefault(_reason(lane), []).append(lane)
    if by_reason:
        parts = (_not_verified(lanes, why) for why, lanes in by_reason.items())
        return f"Lanes hold{_as_far_as_seen(verdict)}; {'; '.join(parts)}."
    if not verdict.ok:
        return "Lanes NOT verified: no hop of any request is seen."
    return f"Lanes hold{_as_far_as_seen(verdict)}."


def _as_far_as_seen(verdict: Verdict) -> str:
    """Return the services that no answer shows or the plan does not know; "" without any."""
    if verdict.holds is not Holds.AS_FAR_AS_SEEN:
        return ""
    unseen = _services({lane.name: lane.unseen for lane in verdict.lanes})
    not_known = _services({lane.name: lane.not_known for lane in verdict.lanes})
    parts = []
    if unseen:
        parts.append(f"{', '.join(unseen)} {'was' if len(unseen) == 1 else 'were'} not seen")
    if not_known:
        parts.append(f"the plan does not know {', '.join(not_known)}")
    return f" as far as seen: {', and '.join(parts)}"


def _services(by_lane: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the services, each with its lanes unless it has all lanes."""
    lanes_of: dict[str, list[str]] = {}
    for lane, services in by_lane.items():
        for service in services:
            lanes_of.setdefault(service, []).append(lane)
    return [
        service if len(lanes) == len(by_lane) else f"{service} ({', '.join(lanes)})"
        for service, lanes in lanes_of.items()
    ]


def _not_verified(lanes: Sequence[LaneVerdict], why: str) -> str:
    were, them = ("was", "it") if len(lanes) == 1 else ("were", "them")
    return f"{_names(lanes)} {were} not verified: {why.format(them=them)}"


def _reason(lane: LaneVerdict) -> str:
    """Return why the lane was not verified. {them} in it stands for the lane."""
    if any(entered.count for entered in lane.entered):
        unseen = any(entered.unseen for entered in lane.entered)
        return "no hop is seen" if unseen else "no service answers where its entry rules lead"
    if lane.entered:
        methods = " or ".join(dict.fromkeys(str(entered.by.method) for entered in lane.entered))
        return f"only {methods} would enter {{them}}, which {lane.entered[0].by.not_sent_because}"
    return "no request entered {them}"


def _names(lanes: Iterable[LaneVerdict]) -> str:
    return ", ".join(lane.name for lane in lanes)
