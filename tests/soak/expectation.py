"""What must hold in a soak: pure functions of requests, answers and measurements."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median_high

from lanes.planning.hop import Reason
from lanes.planning.result import Plan
from tests.soak.clients import Asked
from tests.soak.faults import Trouble

MEGABYTE = 2**20


class Expectation:
    """The plan's expectation of answers: the versions that may answer a lane at each service."""

    def __init__(self, plan: Plan) -> None:
        hops = [hop for lane in plan.lanes for hop in lane.path]
        self._baseline = {hop.version for hop in hops if hop.reason == Reason.FALLBACK}
        self._path = {
            lane.name: [(hop.service, hop.version) for hop in lane.entry.calls()]
            for lane in plan.lanes
        }

    def failed(self, asked: Asked) -> bool:
        """Tell whether a request got no answer, or a status other than 200."""
        return asked.answer.status != 200

    def fell_back(self, asked: Asked) -> bool:
        """Tell whether a pod of another version than the lane's answered."""
        return any(self._stand_ins(asked))

    def unprompted(self, asked: Asked, troubles: Sequence[Trouble]) -> bool:
        """Tell whether a request fell back at a service whose lane pod had no fault meanwhile."""
        return any(
            not any(
                (trouble.service, trouble.version) == (service, own)
                and trouble.began <= asked.ended
                and asked.began <= trouble.ended
                for trouble in troubles
            )
            for service, own, _ in self._stand_ins(asked)
        )

    def misrouted(self, asked: Asked) -> str | None:
        """Return why an answered request is misrouted, or None if it is not.

        Every hop must read the same lane, and answer with the lane's version, or with the
        baseline's where that may stand in.
        """
        if self.failed(asked):
            return None
        lane, path = asked.answer.lane or "", asked.answer.path
        if lane not in self._path or self._services(lane) != [step.service for step in path]:
            return f"no way of a lane ({asked.answer.lane})"
        for step in path:
            if step.lane != lane:
                return f"lane {lane} is {step.lane} at {step.service}"
        for service, _, version in self._stand_ins(asked):
            if version not in self._baseline:
                return f"lane {lane} is answered by {service} {version}"
        return None

    def _services(self, lane: str) -> list[str]:
        return [service for service, _ in self._path[lane]]

    def _stand_ins(self, asked: Asked) -> Iterator[tuple[str, str, str]]:
        """Yield each hop that another version answered: service, the lane's version, the other."""
        ways = self._path.get(asked.answer.lane or "", [])
        for (service, own), step in zip(ways, asked.answer.path, strict=False):
            if step.version != own:
                yield service, own, step.version


@dataclass(frozen=True)
class Held:
    """Bytes of memory and open files of a process and its children."""

    memory: int
    files: int


def settled(samples: Sequence[Held]) -> tuple[Held, Held]:
    """Return the medians of the second and the last quarter of samples at equal intervals."""
    quarter = max(1, len(samples) // 4)
    return _median(samples[quarter : 2 * quarter] or samples), _median(samples[-quarter:])


def not_flat(name: str, early: Held, late: Held) -> list[str]:
    """Return what grew from the second quarter of the time to the last.

    Memory may grow by a quarter and 16 MB, open files by a quarter and 64, because allocators and
    connection pools take a while to settle.
    """
    grown = []
    if late.memory > 1.25 * early.memory + 16 * MEGABYTE:
        grown.append(
            f"{name}: {early.memory // MEGABYTE} MB grew to {late.memory // MEGABYTE} MB of memory"
        )
    if late.files > 1.25 * early.files + 64:
        grown.append(f"{name}: {early.files} open files grew to {late.files}")
    return grown


def _median(samples: Sequence[Held]) -> Held:
    return Held(
        median_high(sample.memory for sample in samples),
        median_high(sample.files for sample in samples),
    )
