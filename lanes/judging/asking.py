"""What a run asks: how many by weight and how many by ways in, mixed, and for how long."""

import math
import random
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, takewhile

from lanes.judging.answers import Answer
from lanes.judging.sorting import Sorter
from lanes.judging.traffic import EVERYBODYS, Client, ask_each, ask_on_schedule
from lanes.planning.plan import Lane, Plan
from lanes.planning.ways import Way

# The most requests that have no answer yet, where requests start on a schedule.
MOST_AT_ONCE = 256
# A request that started so much late is told.
LATE_MS = 10.0

Call = tuple[str, Way]
"""The lane to enter, "" for none, and the way to ask by."""


@dataclass(frozen=True)
class Asking:
    """`requests` by weight, and `lane_requests` into each of `lanes`, by its first way in.

    They come in one random order, so that whatever changes meanwhile is the same to all.
    `concurrency` at a time or, with a `rate`, so many a second, whatever the answers do.
    With a `duration`, in seconds, the same again and again until it is over.
    """

    requests: int
    lanes: tuple[Lane, ...]
    lane_requests: int
    concurrency: int
    rate: float | None = None
    duration: float | None = None

    @property
    def total(self) -> int | None:
        """How many requests there will be; None where only time will tell."""
        if self.duration is None:
            return self.requests + len(self.lanes) * self.lane_requests
        return None if self.rate is None else math.ceil(self.rate * self.duration)

    @property
    def warm_up(self) -> int:
        """How many requests open connections, and a tenth at most: they count for no latency."""
        return min(self.concurrency, (self.total or 10 * self.concurrency) // 10)

    def calls(self) -> Iterator[Call]:
        """What to ask, one after the other."""
        block = [("", EVERYBODYS)] * self.requests
        block += [(lane.name, lane.ways[0]) for lane in self.lanes] * self.lane_requests
        while True:
            yield from random.sample(block, len(block))
            if self.duration is None:
                return

    def answers(self, client: Client) -> Generator[tuple[str, Answer], None, None]:
        """Every answer as it comes, with the lane that its request entered, "" for none."""
        if self.rate is not None:
            scheduled = islice(self.calls(), self.total)
            return ask_on_schedule(client, scheduled, MOST_AT_ONCE, self.rate)
        over = time.monotonic() + (math.inf if self.duration is None else self.duration)
        calls = takewhile(lambda _: time.monotonic() < over, self.calls())
        return ask_each(client, calls, self.concurrency)


@dataclass(frozen=True)
class Asked:
    """What came of it: the answers that were `drawn`, those that `entered` the named lane, when
    the first request started, and how many seconds passed to the last answer.
    """

    drawn: tuple[Answer, ...]
    entered: tuple[tuple[str, Answer], ...]
    began: datetime
    seconds: float

    @property
    def answers(self) -> tuple[Answer, ...]:
        """All of them."""
        return (*self.drawn, *(answer for _, answer in self.entered))

    @property
    def late(self) -> int:
        """How many requests started later than their schedule says."""
        return sum((answer.late_ms or 0.0) > LATE_MS for answer in self.answers)


def gather(answers: Iterable[tuple[str, Answer]]) -> Asked:
    """Wait for all answers."""
    began, started = datetime.now(UTC), time.monotonic()
    told = list(answers)
    return Asked(
        tuple(answer for lane, answer in told if not lane),
        tuple((lane, answer) for lane, answer in told if lane),
        began,
        time.monotonic() - started,
    )


def until_wrong(
    plan: Plan, answers: Generator[tuple[str, Answer], None, None]
) -> Iterator[tuple[str, Answer]]:
    """The answers up to the first that is not as planned; what is asked then has no say."""
    sorters = {told: Sorter(plan, told) for told in (False, True)}
    told = False
    with closing(answers):
        for lane, answer in answers:
            told = told or answer.lane is not None
            sorter = sorters[told]
            yield lane, answer
            if (sorter.entered(lane, answer) if lane else sorter.drawn(answer)).problem:
                return
