"""The load of a run: its requests by weight and by entry rules, mixed, and its duration."""

import math
import random
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice, takewhile

from lanes.evidence.source import Source
from lanes.evidence.steps import Answer
from lanes.planning.result import Plan
from lanes.verification.classification import Classifier
from lanes.verification.gateway import Client
from lanes.verification.sending import send_each, send_on_schedule
from lanes.verification.targets import BY_WEIGHT, Target

# The most requests in flight, where requests start on a schedule.
MOST_IN_FLIGHT = 256
# A request that starts later than its schedule by more than this is reported.
LATE_AFTER_MS = 10.0


@dataclass(frozen=True)
class LoadProfile:
    """`requests` by weight, and those that are `entering` a lane by an entry rule.

    They are sent in random order, so that changes during the run meet all lanes alike:
    `concurrency` at a time or, with a `rate`, so many a second however long answers take. With a
    `duration`, in seconds, they are repeated until it is over.
    """

    requests: int
    entering: tuple[Target, ...]
    concurrency: int
    rate: float | None = None
    duration: float | None = None

    @property
    def total(self) -> int | None:
        """How many requests there will be; None if that depends on the answers' times."""
        if self.duration is None:
            return self.requests + len(self.entering)
        return None if self.rate is None else math.ceil(self.rate * self.duration)

    @property
    def warm_up(self) -> int:
        """How many requests open connections and count for no latency: at most a tenth."""
        total = self.total
        return self.concurrency if total is None else min(self.concurrency, total // 10)

    def targets(self) -> Iterator[Target]:
        """Yield the target of each request."""
        block = [BY_WEIGHT] * self.requests + list(self.entering)
        while True:
            yield from random.sample(block, len(block))
            if self.duration is None:
                return

    def answers(self, client: Client) -> Generator[tuple[Target, Answer], None, None]:
        """Send the requests, and yield each answer when it comes, with its target."""
        if self.rate is not None:
            scheduled = islice(self.targets(), self.total)
            return send_on_schedule(client, scheduled, MOST_IN_FLIGHT, self.rate)
        end = time.monotonic() + (math.inf if self.duration is None else self.duration)
        targets = takewhile(lambda _: time.monotonic() < end, self.targets())
        return send_each(client, targets, self.concurrency)


@dataclass(frozen=True)
class RunAnswers:
    """A run's answers: `drawn` by weight, and `entered` by entry rules.

    `began`: when the first request started. `seconds`: the time from then to the last answer.
    """

    drawn: tuple[Answer, ...]
    entered: tuple[tuple[Target, Answer], ...]
    began: datetime
    seconds: float

    @property
    def answers(self) -> tuple[Answer, ...]:
        """All of them."""
        return (*self.drawn, *(answer for _, answer in self.entered))

    @property
    def late(self) -> int:
        """How many requests started later than scheduled."""
        return sum((answer.late_ms or 0.0) > LATE_AFTER_MS for answer in self.answers)


def collect(answers: Iterable[tuple[Target, Answer]]) -> RunAnswers:
    """Wait for all answers."""
    began, started = datetime.now(UTC), time.monotonic()
    collected = list(answers)
    return RunAnswers(
        tuple(answer for target, answer in collected if not target.lane),
        tuple((target, answer) for target, answer in collected if target.lane),
        began,
        time.monotonic() - started,
    )


def completed(sample: RunAnswers, evidence: Source) -> RunAnswers:
    """Return the answers with the hops of `evidence`."""
    answers = evidence.complete(sample.answers)
    drawn, entered = answers[: len(sample.drawn)], answers[len(sample.drawn) :]
    targets = [target for target, _ in sample.entered]
    return replace(sample, drawn=tuple(drawn), entered=tuple(zip(targets, entered, strict=True)))


def until_unexpected(
    plan: Plan, answers: Generator[tuple[Target, Answer], None, None]
) -> Iterator[tuple[Target, Answer]]:
    """Yield the answers up to the first that is not as planned; drop those in flight then."""
    classifiers = {lanes_named: Classifier(plan, lanes_named) for lanes_named in (False, True)}
    lanes_named = False
    with closing(answers):
        for target, answer in answers:
            lanes_named = lanes_named or answer.lane is not None
            classifier = classifiers[lanes_named]
            yield target, answer
            if (
                classifier.entered(target, answer) if target.lane else classifier.drawn(answer)
            ).problem:
                return
