"""A run of `lanes verify`: sends requests, verifies the answers, compares the lanes."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace

from lanes.errors import LanesError
from lanes.evidence.source import Source
from lanes.evidence.steps import Answer
from lanes.planning.result import Plan
from lanes.printable import shortened
from lanes.verification.baseline import baseline_of
from lanes.verification.classification import classify
from lanes.verification.gateway import Gateway
from lanes.verification.load_profile import (
    LoadProfile,
    RunAnswers,
    collect,
    completed,
    until_unexpected,
)
from lanes.verification.performance import performance
from lanes.verification.result import Result
from lanes.verification.targets import Target
from lanes.verification.verify import verify

Progress = Callable[[Iterable[tuple[Target, Answer]], int | None], Iterator[tuple[Target, Answer]]]


@dataclass(frozen=True)
class VerificationRun:
    """The settings of a run: the load to send, and the plan to verify it by.

    `baseline`: the lane to compare the others with; None: the one that they fall back to. `alone`:
    requests by weight count for that comparison only. `fail_fast`: stop at the first wrong answer.
    The other flags are those of `Result`. Raises LanesError if the plan lacks the baseline.
    """

    plan: Plan
    manifests: tuple[str, ...]
    load: LoadProfile
    alone: bool = False
    baseline: str | None = None
    no_worse: bool = False
    fail_fast: bool = False
    strict: bool = False
    require_entry: bool = False

    def __post_init__(self) -> None:
        if self.baseline is not None:
            self.plan.lane(self.baseline)

    def run(self, gateway: Gateway, progress: Progress, evidence: Source | None = None) -> Result:
        """Send the requests and return the result. `evidence` adds hops that answers do not show.

        With `evidence`, requests are sent one at a time, unless the first answer shows all of its
        hops, or the load has a rate. Raises LanesError if the gateway can't be reached, or if no
        hop is seen.
        """
        client = (replace(gateway, traced=True) if evidence else gateway).client()
        client.require_reachable()
        load = self.load
        if evidence and not load.rate and not client.send().whole:
            # Without traces, the time of a call alone shows which request in the logs it is of.
            load = replace(load, concurrency=1)
        with closing(load.answers(client)) as answers:
            counted = until_unexpected(self.plan, answers) if self.fail_fast else answers
            sample = collect(progress(counted, load.total))
        if evidence:
            sample = completed(sample, evidence)
        _require_seen(sample, gateway, with_evidence=evidence is not None)
        drawn = () if self.alone else sample.drawn
        return Result(
            self.plan,
            self.manifests,
            gateway.address,
            load,
            sample,
            classify(self.plan, drawn, sample.entered),
            verify(self.plan, drawn, sample.entered),
            performance(
                self.plan,
                sample.drawn,
                sample.entered,
                baseline=self.baseline or baseline_of(self.plan),
                warm_up=load.warm_up,
            ),
            self.no_worse,
            self.strict,
            self.require_entry,
        )


def _require_seen(sample: RunAnswers, gateway: Gateway, *, with_evidence: bool) -> None:
    """Raise LanesError if no request was sent, or no hop of any request is seen."""
    if not sample.answers:
        raise LanesError("--duration: no request was sent in so short a time. Set a longer one.")
    first = sample.answers[0]
    if any(answer.path or not 200 <= answer.status < 300 for answer in sample.answers):
        return
    reason = first.unreadable and f" ({first.unreadable})"
    evidence = (
        "neither do traces or access logs. Check that the mesh writes them."
        if with_evidence
        else "there is no other evidence. Set --traces or --access-logs; in helm test, test.traces."
    )
    raise LanesError(
        f"{gateway.address}: no hop of any request is seen{reason}. The answers show none, and"
        f" {evidence} The first answer: {shortened(first.text)}"
    )
