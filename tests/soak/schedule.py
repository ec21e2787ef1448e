"""The schedule of faults of a service's pods: a pure function of the seed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

KILL = "killed"  # SIGKILL, as a crash
END = "asked to end"  # SIGTERM, and started again
ROLL = "rolled"  # every pod of the service, one after the other, as a rollout
STOP = "stopped"  # SIGSTOP: accepts connections and does not answer
SLOW = "slowed"  # stopped for half of the time
HOLD = "held"  # a neighbor keeps incomplete requests at its port
KINDS = (KILL, END, ROLL, STOP, SLOW, HOLD)

# A request at a stopped pod waits for the pod, and its caller waits 5 s. Faults are shorter, also
# on a busy machine.
_SHORTEST, _LONGEST = 0.5, 2.5


@dataclass(frozen=True)
class Fault:
    """After `peace` seconds, `pod` has a fault of `kind`, for `seconds` if the kind lasts."""

    peace: float
    kind: str
    pod: str
    seconds: float


def faults(seed: int, service: str, pods: Sequence[str]) -> Iterator[Fault]:
    """Yield endless faults, one after the other.

    Only one pod of a service has a fault at a time, so that another can answer. Each kind occurs
    once before any occurs again.
    """
    random = Random(f"{seed} {service}")
    while True:
        for kind in random.sample(KINDS, len(KINDS)):
            yield Fault(
                peace=round(random.uniform(0, 1), 2),
                kind=kind,
                pod=random.choice(pods),
                seconds=round(random.uniform(_SHORTEST, _LONGEST), 2),
            )
