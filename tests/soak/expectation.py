"""What must hold in a soak: pure functions of requests, answers and measurements."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median_high

from lanes.planning.hop import Reason
from lanes.planning.result import Plan
from tests.soak.clients import Exchange
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

    def failed(self, exchange: Exchange) -> bool:
        """Tell whether a request got no answer, or a status other than 200."""
        return exchange.answer.status != 200

    def fell_back(self, exchange: Exchange) -> bool:
        """Tell whether a pod of another version than the lane's answered."""
        return any(self._stand_ins(exchange))

    def unprompted(self, exchange: Exchange, troubles: Sequence[Trouble]) -> bool:
        """Tell whether a request fell back at a service whose lane pod had no fault meanwhile."""
        return any(
            not any(
                (trouble.service, trouble.version) == (service, own)
                and trouble.began <= exchange.ended
                and exchange.began <= trouble.ended
                for trouble in troubles
            )
            for service, own, _ in self._stand_ins(exchange)
        )

    def misrouted(self, exchange: Exchange) -> str | None:
        """Return why an answered request is misrouted, or None if it is not.

        Every hop must read the same lane, and answer with the lane's version, or with the
        baseline's where the lane may fall back.
        """
        if self.failed(exchange):
            return None
        lane, path = exchange.answer.lane or "", exchange.answer.path
        if lane not in self._path or self._services(lane) != [step.service for step in path]:
            return f"no path of a lane ({exchange.answer.lane})"
        for step in path:
            if step.lane != lane:
                return f"lane {lane} is {step.lane} at {step.service}"
        for service, _, version in self._stand_ins(exchange):
            if version not in self._baseline:
                return f"lane {lane} is answered by {service} {version}"
        return None

    def _services(self, lane: str) -> list[str]:
        return [service for service, _ in self._path[lane]]

    def _stand_ins(self, exchange: Exchange) -> Iterator[tuple[str, str, str]]:
        """Yield each hop that another version answered: service, the lane's version, the other."""
        path = self._path.get(exchange.answer.lane or "", [])
        for (service, own), step in zip(path, exchange.answer.path, strict=False):
            if step.version != own:
                yield service, own, step.version


@dataclass(frozen=True)
class Usage:
    """Bytes of memory and open files of a process and its children."""

    memory: int
    files: int


def settled(samples: Sequence[Usage]) -> tuple[Usage, Usage]:
    """Return the medians of the second and the last quarter of samples at equal intervals."""
    quarter = max(1, len(samples) // 4)
    return _median(samples[quarter : 2 * quarter] or samples), _median(samples[-quarter:])


def not_flat(name: str, early: Usage, late: Usage) -> list[str]:
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


def _median(samples: Sequence[Usage]) -> Usage:
    return Usage(
        median_high(sample.memory for sample in samples),
        median_high(sample.files for sample in samples),
    )
