"""What `lanes verify` does: send requests, verify the answers, compare the lanes."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

from lanes.errors import LanesError
from lanes.evidence.steps import Answer
from lanes.planning.result import Plan
from lanes.printable import shortened
from lanes.verification.baseline import baseline_of
from lanes.verification.classification import classify
from lanes.verification.gateway import Gateway
from lanes.verification.load_profile import LoadProfile, collect, until_unexpected
from lanes.verification.performance import performance
from lanes.verification.result import Result
from lanes.verification.targets import Target
from lanes.verification.verdict import verify

Progress = Callable[[Iterable[tuple[Target, Answer]], int | None], Iterator[tuple[Target, Answer]]]


@dataclass(frozen=True)
class VerificationRun:
    """A run of `load`, verified by `plan`, the lanes compared with `baseline`, or with the one
    that they fall back to.

    `alone`: requests by weight are sent only to compare the lanes with their answers.
    Raises LanesError for a baseline that the plan has not.
    """

    plan: Plan
    manifests: tuple[str, ...]
    load: LoadProfile
    alone: bool = False
    baseline: str | None = None
    no_worse: bool = False
    fail_fast: bool = False
    strict: bool = False

    def __post_init__(self) -> None:
        if self.baseline is not None:
            self.plan.lane(self.baseline)

    def run(self, gateway: Gateway, progress: Progress) -> Result:
        """Send the requests. Raises LanesError where the gateway can't be reached, or no answer has
        a path.
        """
        client = gateway.client()
        client.require_reachable()
        with closing(self.load.answers(client)) as answers:
            wanted = until_unexpected(self.plan, answers) if self.fail_fast else answers
            sample = collect(progress(wanted, self.load.total))
        if not sample.answers:
            raise LanesError(
                "--duration: no request was sent in so short a time. Set a longer one."
            )
        if all(200 <= answer.status < 300 and not answer.path for answer in sample.answers):
            first = sample.answers[0]
            why = first.unreadable and f" ({first.unreadable})"
            raise LanesError(
                f"{gateway.address}: no hop of any request is seen{why}: the answers tell none, and"
                f" there is no other evidence. The first answer: {shortened(first.text)}"
            )
        drawn = () if self.alone else sample.drawn
        return Result(
            self.plan,
            self.manifests,
            gateway.address,
            self.load,
            sample,
            classify(self.plan, drawn, sample.entered),
            verify(self.plan, drawn, sample.entered),
            performance(
                self.plan,
                sample.drawn,
                sample.entered,
                baseline=self.baseline or baseline_of(self.plan),
                warm_up=self.load.warm_up,
            ),
            self.no_worse,
            self.strict,
        )
