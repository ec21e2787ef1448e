"""The verdict in a sentence."""

from collections.abc import Iterable, Mapping, Sequence

from lanes.report.tables import counted
from lanes.verification import split
from lanes.verification.verdict import Holds, LaneVerdict, Verdict


def closing(verdict: Verdict) -> str:
    """The verdict in a sentence, which claims nothing of a lane that nobody entered."""
    if verdict.entered and not verdict.requests:
        alone = f"Lane {_named(verdict.lanes)}"
        if not any(lane.verified for lane in verdict.lanes):
            return f"{alone} was NOT verified: {_reason(verdict.lanes[0]).format(them='it')}."
        held = f"{alone} holds{_as_far_as_seen(verdict)}."
        return held if verdict.ok else f"{alone} does NOT hold."
    split_right = all(one.fits for one in verdict.splits)
    if verdict.unexpected or not split_right or not all(lane.fits for lane in verdict.lanes):
        return "Lanes do NOT hold."
    absent = [lane for lane in verdict.lanes if not lane.verified and not lane.unseen]
    missed = [lane for lane in verdict.lanes if not lane.ok]
    if missed:
        most = max(split.requests_to_see(lane.expected, len(verdict.lanes)) for lane in missed)
        asked = counted(verdict.requests, "request")
        by_weight = " by weight" if verdict.entered else ""
        return (
            f"Lanes NOT all verified: none of {asked}{by_weight} entered {_named(missed)}."
            f" {counted(most, 'request')} would."
        )
    if absent:
        alike: dict[str, list[LaneVerdict]] = {}
        for lane in absent:
            alike.setdefault(_reason(lane), []).append(lane)
        parts = (_not_verified(lanes, why) for why, lanes in alike.items())
        return f"Lanes hold{_as_far_as_seen(verdict)}; {'; '.join(parts)}."
    if not verdict.ok:
        return "Lanes NOT verified: no hop of any request is seen."
    return f"Lanes hold{_as_far_as_seen(verdict)}."


def _as_far_as_seen(verdict: Verdict) -> str:
    """What limits that lanes hold: the services that no answer shows, or that the plan does not
    know; "" where none does.
    """
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
    """Services, each with its lanes; where these are all, alone."""
    lanes: dict[str, list[str]] = {}
    for lane, services in by_lane.items():
        for service in services:
            lanes.setdefault(service, []).append(lane)
    every = len(by_lane)
    return [s if len(names) == every else f"{s} ({', '.join(names)})" for s, names in lanes.items()]


def _not_verified(lanes: Sequence[LaneVerdict], why: str) -> str:
    were, them = ("was", "it") if len(lanes) == 1 else ("were", "them")
    return f"{_named(lanes)} {were} not verified: {why.format(them=them)}"


def _reason(lane: LaneVerdict) -> str:
    """Return why the lane was not verified; {them} stands for the lanes that were not."""
    if any(entered.count for entered in lane.entered):
        unseen = any(entered.unseen for entered in lane.entered)
        return "no hop is seen" if unseen else "no service answers where its entry rules lead"
    if lane.entered:
        methods = " or ".join(dict.fromkeys(str(entered.by.method) for entered in lane.entered))
        return f"only {methods} would enter {{them}}, which {lane.entered[0].by.not_sent_because}"
    return "no request entered {them}"


def _named(lanes: Iterable[LaneVerdict]) -> str:
    return ", ".join(lane.name for lane in lanes)
