"""What `lanes verify` does: ask a gateway, judge the answers, compare the lanes."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

from lanes.errors import LanesError
from lanes.planning.result import Plan
from lanes.printable import shortened
from lanes.verification.answers import Answer
from lanes.verification.classification import classify
from lanes.verification.gateway import Gateway
from lanes.verification.load_profile import LoadProfile, collect, until_unexpected
from lanes.verification.performance import baseline_of, performance
from lanes.verification.result import Result
from lanes.verification.targets import Target
from lanes.verification.verdict import verify

Progress = Callable[[Iterable[tuple[Target, Answer]], int | None], Iterator[tuple[Target, Answer]]]


@dataclass(frozen=True)
class VerificationRun:
    """A run of `asking`, judged by `plan`, the lanes compared with `baseline`, or with the one
    that they fall back to.

    `alone`: what the weights lead is asked only for the lanes to be compared with it.
    Raises LanesError for a baseline that the plan has not.
    """

    plan: Plan
    manifests: tuple[str, ...]
    asking: LoadProfile
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
        client = gateway.client()
        client.require_reachable()
        with closing(self.asking.answers(client)) as answers:
            wanted = until_unexpected(self.plan, answers) if self.fail_fast else answers
            asked = collect(progress(wanted, self.asking.total))
        if not asked.answers:
            raise LanesError(
                "--duration: no request was sent in so short a time. Set a longer one."
            )
        if all(200 <= answer.status < 300 and not answer.path for answer in asked.answers):
            first = asked.answers[0]
            why = first.unreadable and f" ({first.unreadable})"
            raise LanesError(
                f"{gateway.address}: the answers are not in the sample's format{why}. lanes verify"
                f" needs it to read a path. The first answer: {shortened(first.text)}"
            )
        drawn = () if self.alone else asked.drawn
        return Result(
            self.plan,
            self.manifests,
            gateway.address,
            self.asking,
            asked,
            classify(self.plan, drawn, asked.entered),
            verify(self.plan, drawn, asked.entered),
            performance(
                self.plan,
                asked.drawn,
                asked.entered,
                baseline=self.baseline or baseline_of(self.plan),
                warm_up=self.asking.warm_up,
            ),
            self.no_worse,
        )
