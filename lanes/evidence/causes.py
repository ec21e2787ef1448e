"""Why a hop is not as planned, as far as the evidence shows."""

from collections.abc import Collection
from enum import StrEnum

from lanes.evidence.steps import Step
from lanes.planning.hop import Hop


class Cause(StrEnum):
    """Why a hop is wrong.

    - not-set: the gateway's call has no lane header
    - not-propagated: the caller got the lane header, but its call has none
    - changed: the caller's call has another lane's header
    - no-sidecar: the call passed no sidecar
    - no-rule: the sidecar sent the call where requests without the lane go
    - other-rule: the sidecar sent the call where another lane goes
    - not-ready: the sidecar chose the lane's version, but another answered: no pod was ready
    - no-answer: nothing answered the call
    - contradicted: two sources show different versions
    - not-told: another version answered, and the evidence does not show why
    """

    NOT_SET = "not-set"
    NOT_PROPAGATED = "not-propagated"
    CHANGED = "changed"
    NO_SIDECAR = "no-sidecar"
    NO_RULE = "no-rule"
    OTHER_RULE = "other-rule"
    NOT_READY = "not-ready"
    NO_ANSWER = "no-answer"
    CONTRADICTED = "contradicted"
    NOT_TOLD = "not-told"


def cause(
    hop: Hop, step: Step, caller: str, header: str | None, baseline: Collection[str]
) -> Cause:
    """Return why `step` is not the planned `hop`; `caller` and `header` as in `LaneVerification`.

    `baseline`: the versions that requests without a lane of their own get at the service.
    """
    if step.contradicted:
        return Cause.CONTRADICTED
    if lost(step, header):
        if step.lane:
            return Cause.CHANGED
        return Cause.NOT_PROPAGATED if caller else Cause.NOT_SET
    if not step.version:
        return Cause.NO_ANSWER
    if step.routed is None:
        return Cause.NOT_TOLD
    if not step.routed.proxied:
        return Cause.NO_SIDECAR
    if not step.routed.ruled:
        return Cause.NO_RULE
    if step.routed.versions <= set(hop.versions):
        return Cause.NOT_READY if step.routed.versions else Cause.NOT_TOLD
    if not step.lane_known:  # the header may be missing, or another lane's
        return Cause.NOT_TOLD
    return Cause.NO_RULE if step.routed.versions <= set(baseline) else Cause.OTHER_RULE


def lost(step: Step, header: str | None) -> bool:
    """Tell whether the step has another lane header than `header`; None: any is right."""
    return header is not None and step.lane_known and step.lane != (header or None)
