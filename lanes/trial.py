"""What `lanes verify` does: ask a gateway, judge the answers, compare the lanes, and say so."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing as closed
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from lanes.errors import LanesError
from lanes.judging.answers import Answer
from lanes.judging.asking import LATE_MS, MOST_AT_ONCE, Asked, Asking, gather, until_wrong
from lanes.judging.performance import Performance, baseline_of, performance
from lanes.judging.traffic import Gateway
from lanes.judging.verify import Verdict, verify
from lanes.planning.plan import Plan
from lanes.report.performance import performance_json, show_performance
from lanes.report.tables import print_lines, shown
from lanes.report.verdict import closing, show_verdict, verdict_json

Progress = Callable[[Iterable[tuple[str, Answer]], int | None], Iterator[tuple[str, Answer]]]


@dataclass(frozen=True)
class Result:
    """What a trial found. `no_worse`: a lane that is worse than the baseline fails it."""

    plan: Plan
    url: str
    asking: Asking
    asked: Asked
    verdict: Verdict
    performance: Performance
    no_worse: bool

    @property
    def ok(self) -> bool:
        compared = bool(self.performance.found)
        good = compared and not self.performance.worse
        return self.verdict.ok and (good or not self.no_worse)

    @property
    def closing(self) -> str:
        """The result in a sentence or two."""
        told = self.performance
        said = [closing(self.verdict)]
        if told.worse:
            named = ", ".join(lane.name for lane in told.worse)
            are = "are" if len(told.worse) > 1 else "is"
            said.append(f"{named} {are} worse than {told.baseline}.")
        elif self.no_worse and not told.found:
            said.append("Lanes NOT compared: no answer came by the baseline and by another lane.")
        return " ".join(said)

    def show(self, console: Console) -> None:
        """Print all of it."""
        show_verdict(self.verdict, console)
        show_performance(self.performance, console)
        if late := self.asked.late:
            print_lines(
                [
                    f"{late} requests started over {LATE_MS:g} ms late: {MOST_AT_ONCE} had no"
                    " answer yet, or this machine is too slow",
                    "",
                ],
                console,
            )
        print_lines([self.closing], console)

    def json(self) -> dict[str, Any]:
        """All of it, for programs."""
        return {
            **verdict_json(self.verdict),
            "ok": self.ok,
            "performance": performance_json(self.performance),
            "run": {
                "url": self.url,
                "began": self.asked.began.isoformat(timespec="seconds"),
                "seconds": round(self.asked.seconds, 3),
                "concurrency": None if self.asking.rate else self.asking.concurrency,
                "rate": self.asking.rate,
                "started_late": self.asked.late,
            },
        }


@dataclass(frozen=True)
class Trial:
    """A run of `asking`, judged by `plan`, the lanes compared with `baseline`, or with the one
    that they fall back to.

    `alone`: what the weights lead is asked only for the lanes to be compared with it.
    Raises LanesError for a baseline that the plan has not.
    """

    plan: Plan
    asking: Asking
    alone: bool = False
    baseline: str | None = None
    no_worse: bool = False
    fail_fast: bool = False

    def __post_init__(self) -> None:
        if self.baseline is not None:
            self.plan.lane(self.baseline)

    def run(self, gateway: Gateway, progress: Progress) -> Result:
        """Ask `gateway`. Raises LanesError where it can't be reached, or there is no path in its
        answers.
        """
        client = gateway.client(MOST_AT_ONCE if self.asking.rate else self.asking.concurrency)
        client.require_reachable()
        with closed(self.asking.answers(client)) as answers:
            wanted = until_wrong(self.plan, answers) if self.fail_fast else answers
            asked = gather(progress(wanted, self.asking.total))
        if all(200 <= answer.status < 300 and not answer.path for answer in asked.answers):
            raise LanesError(
                f"{gateway.url}: it answers, but not as the sample's services do, so there is no"
                f" path to judge; it said: {shown(asked.answers[0].text)}"
            )
        return Result(
            self.plan,
            gateway.url,
            self.asking,
            asked,
            verify(self.plan, () if self.alone else asked.drawn, asked.entered),
            performance(
                self.plan,
                asked.drawn,
                asked.entered,
                baseline=self.baseline or baseline_of(self.plan),
                warm_up=self.asking.warm_up,
            ),
            self.no_worse,
        )
