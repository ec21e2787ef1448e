"""Problems of answers, as codes with values; lanes/report has the sentences."""

from dataclasses import dataclass, field
from enum import StrEnum

from lanes.evidence.causes import Cause
from lanes.evidence.hop_verdicts import VerifiedHop
from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule


class ProblemCode(StrEnum):
    """What is wrong.

    - other-namespace: a pod of another namespace answered
    - lane-not-planned: the answer's lane is not in the plan
    - no-lane: no hop has a lane header
    - other-lane: another lane answered than the entry rule's
    - lane-lost: a hop has no lane header, though the gateway set it
    - lane-changed: a hop has another lane's header
    - failed: the answer is an error
    - other-path: the answer has another path than the lane
    - left: a hop is not as planned; `Problem.broken` says which
    - unreadable: the answer is in the services' format, and malformed
    - no-service: the answer is an error that no service sent
    - no-such-path: no lane has the answer's path
    """

    OTHER_NAMESPACE = "other-namespace"
    LANE_NOT_PLANNED = "lane-not-planned"
    NO_LANE = "no-lane"
    OTHER_LANE = "other-lane"
    LANE_LOST = "lane-lost"
    LANE_CHANGED = "lane-changed"
    FAILED = "failed"
    OTHER_PATH = "other-path"
    LEFT = "left"
    UNREADABLE = "unreadable"
    NO_SERVICE = "no-service"
    NO_SUCH_PATH = "no-such-path"


@dataclass(frozen=True)
class Break:
    """Where a lane breaks: at the call from `caller` ("": the gateway) to `service`.

    `planned` and `answered`: versions; "" for none.
    """

    caller: str
    service: str
    planned: str
    answered: str
    cause: Cause

    @classmethod
    def of(cls, verified: VerifiedHop) -> "Break":
        """Return the break at a hop that is not as planned."""
        answered = verified.step.version if verified.step else ""
        cause = verified.cause or Cause.NOT_TOLD
        return cls(verified.caller, verified.hop.service, verified.hop.version, answered, cause)


@dataclass(frozen=True)
class Problem:
    """What is wrong with one answer of `lane`, "" if unknown.

    `service`: where. `other`: the namespace, the lane or the reason of the code. `home`: the
    namespaces where the pod should be. `broken`: where the lane breaks; None if unknown.
    `rule`: the request's entry rule.
    """

    code: ProblemCode
    lane: str = ""
    service: str = ""
    other: str = ""
    home: str = ""
    broken: Break | None = None
    rule: EntryRule = field(default=NO_ENTRY_RULE)
