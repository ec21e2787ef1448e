"""A verification from its first request to the result, against a gateway that takes no time."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lanes.errors import LanesError
from lanes.evidence.source import Source
from lanes.evidence.steps import Answer
from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule
from lanes.planning.messages import PlanError, Problem
from lanes.planning.result import Lane
from lanes.report.closing import closing
from lanes.report.html import html
from lanes.report.junit import junit
from lanes.report.result import conclusion, result_json
from lanes.report.tables import show
from lanes.report.verdict import entered_table
from lanes.verification import problems
from lanes.verification.gateway import Client, Gateway
from lanes.verification.load_profile import LoadProfile, collect, until_unexpected
from lanes.verification.result import Result
from lanes.verification.run import VerificationRun
from lanes.verification.targets import BY_WEIGHT, Target, entry_targets
from tests.kube import asm
from tests.unit.lanes.clockwork import BESIDE, PATHS, PLAN, TWO_WAYS, Clock, tried
from tests.unit.lanes.reading import plan_of, printed
from tests.unit.lanes.test_html import Page
from tests.unit.lanes.test_junit import cases
from tests.unit.lanes.test_verdict import answer, text


def test_a_worse_lane_fails_a_run_with_no_worse() -> None:
    sound, slow = tried(Clock()), tried(Clock("v2"))
    assert (sound.ok, conclusion(sound)) == (True, "Lanes hold.")
    assert (slow.ok, conclusion(slow)) == (True, "Lanes hold. v2 is worse than v1.")
    assert slow.verdict.ok
    assert tried(Clock(), no_worse=True).ok
    assert not tried(Clock("v2"), no_worse=True).ok
    assert replace(sound, strict=True, require_entry=True).ok
    part = replace(sound.verdict.lanes[0], unseen=("mockb",))
    partly = replace(sound, verdict=replace(sound.verdict, lanes=(part,)))
    assert [replace(partly, strict=strict).ok for strict in (False, True)] == [True, False]
    lanes = (replace(part, unseen=("mocka",)), *sound.verdict.lanes[1:])
    first = replace(sound, verdict=replace(sound.verdict, lanes=lanes))
    assert [replace(one, require_entry=True).ok for one in (partly, first)] == [True, False]
    assert first.ok
    assert result_json(slow)["ok"] is True
    assert result_json(tried(Clock("v2"), no_worse=True))["ok"] is False


def test_a_run_that_compares_no_lane_fails_with_no_worse() -> None:
    only = plan_of(*asm(weights={"v1": 1}))
    gateway = Clock(by_weight=("v1",))
    assert tried(gateway, only).ok
    result = tried(gateway, only, no_worse=True)
    assert not result.ok
    assert conclusion(result) == (
        "Lanes hold. Lanes NOT compared: the baseline has no answers, or no other lane has."
    )


def test_a_lane_alone_is_compared_with_requests_by_weight() -> None:
    result = tried(Clock("v3", by_weight=("v1",)), BESIDE, alone=True, requests=50)
    assert (result.verdict.requests, [lane.name for lane in result.verdict.lanes]) == (0, ["v3"])
    assert conclusion(result) == "Lane v3 holds. v3 is worse than v1."


def test_requests_by_weight_and_by_entry_rules_come_mixed() -> None:
    gateway = Clock(by_weight=("v1",))
    tried(gateway, BESIDE)
    assert Counter(gateway.asked) == {"": 100, "x-lane: v3": 50}
    assert "x-lane: v3" in gateway.asked[:100]  # 1 in 10^28 shuffles has none


def test_each_entry_rule_is_used_and_one_that_misroutes_is_named() -> None:
    gateway = Clock(by_weight=("v1",))
    assert tried(gateway, TWO_WAYS).ok
    assert Counter(gateway.asked) == {"": 100, "x-lane: v3": 50, "x-also: v3": 5}
    result = tried(Clock(by_weight=("v1",), heeds=""), TWO_WAYS)
    assert not result.ok
    also = EntryRule({"x-also": "v3"})
    assert [(one.problem, one.count) for one in result.verdict.unexpected] == [
        (problems.Problem(problems.ProblemCode.OTHER_LANE, "v1", rule=also), 5)
    ]
    assert printed(show, entered_table(result.verdict)) == [
        "lane   entered by   paths",
        "v3     x-lane: v3   50 as planned",
        "v3     x-also: v3   5 NOT as planned",
    ]
    assert result_json(result)["lanes"]["v3"]["entry_rules"] == [
        {"rule": "x-lane: v3", "count": 50, "as_planned": 50, "not_verified": 0},
        {"rule": "x-also: v3", "count": 5, "as_planned": 0, "not_verified": 0},
    ]
    assert cases(junit(result)) == {
        "lane v1: path": "passed",
        "lane v1: share": "passed",
        "lane v3: entered by x-lane: v3": "passed",
        "lane v3: entered by x-also: v3": "failure",
        "lane v3: share": "passed",
        "lane v3: no worse than v1": "passed",
    }
    words = " ".join(Page(html(result)).text.split())
    assert "5 by x-also: v3: 5 NOT as planned" in words


@pytest.mark.parametrize(
    ("weight", "requests", "further"),
    [(0, 20, 5), (30, 20, 6), (40, 20, 8), (90, 100, 66), (90, 20, 20), (100, 20, 5), (40, 3, 3)],
)
def test_requests_by_a_further_entry_rule_rule_out_the_weights(
    weight: int, requests: int, further: int
) -> None:
    ways = (EntryRule({"a": "1"}), EntryRule({"a": "2"}))
    v1, v2, _ = PLAN.lanes
    lanes = (Lane("v1", 100 - weight, v1.entry), Lane("v2", weight, v2.entry, ways))
    plan = replace(PLAN, lanes=lanes)
    assert Counter(entry_targets(plan, plan.enterable, requests)) == {
        Target("v2", ways[0]): requests,
        Target("v2", ways[1]): further,
    }


def test_very_many_entry_rules_get_one_request_each() -> None:
    ways = tuple(EntryRule(path=f"/{number}") for number in range(3_001))
    lane = replace(PLAN.lanes[1], entry_rules=ways)
    assert len(entry_targets(PLAN, [lane], 20)) == 20 + 3_000


def test_no_request_is_sent_by_an_entry_rule_that_may_change_something() -> None:
    """The rule is not verified. A lane without another rule is named with the reason."""
    v1, v3 = BESIDE.lanes
    post, both = EntryRule(method="POST"), EntryRule({"x-also": "v3"}, method="DELETE")
    plan = replace(BESIDE, lanes=(v1, replace(v3, entry_rules=(both, *v3.entry_rules))))
    gateway = Clock(by_weight=("v1",))
    result = tried(gateway, plan)
    assert Counter(gateway.asked) == {"": 100, "x-lane: v3": 50}
    assert closing(result.verdict) == "Lanes hold."
    assert printed(show, entered_table(result.verdict))[1:] == [
        "v3     x-also: v3 and method DELETE   not verified: not sent, DELETE may change something",
        "v3     x-lane: v3                     50 as planned",
    ]
    assert "0 by x-also: v3 and method DELETE: not verified, not sent" in " ".join(
        Page(html(result)).text.split()
    )
    assert cases(junit(result))["lane v3: entered by x-also: v3 and method DELETE"] == "skipped"
    shut = replace(
        BESIDE, lanes=(v1, replace(v3, entry_rules=(post,)), replace(v3, name="v4", entry_rules=()))
    )
    verdict = tried(Clock(by_weight=("v1",)), shut).verdict
    assert verdict.ok
    assert closing(verdict) == (
        "Lanes hold; v3 was not verified: only POST would enter it, which may change something;"
        " v4 was not verified: no request entered it."
    )
    head = replace(BESIDE, lanes=(v1, replace(v3, entry_rules=(EntryRule(method="HEAD"),))))
    assert tried(Clock(by_weight=("v1",)), head).verdict.ok
    for plan, method, why in (
        (shut, "POST", "may change something"),
        (head, "HEAD", "brings nothing to read"),
    ):
        with pytest.raises(PlanError) as caught:
            plan.lane_to_enter("v3")
        assert caught.value.problem is Problem.NO_TESTABLE_RULE
        assert (caught.value.values["methods"], caught.value.values["because"]) == (method, why)


def test_the_first_wrong_answer_ends_a_run_that_fails_fast() -> None:
    gateway = Clock(wrong=20)
    result = tried(gateway, fail_fast=True)
    assert not result.ok
    assert result.verdict.requests == 21
    assert len(gateway.asked) < 25
    assert tried(Clock(wrong=20)).verdict.requests == 100
    entered = tried(Clock(by_weight=("v1",), heeds=""), TWO_WAYS, fail_fast=True)
    assert [one.problem.code for one in entered.verdict.unexpected] == ["other-lane"]
    assert tried(Clock(by_weight=("v1",)), TWO_WAYS, fail_fast=True).verdict.ok


def test_a_run_without_a_request_is_refused_and_one_goes_on_unless_it_is_to_fail_fast() -> None:
    clock = cast(Gateway, Clock(wrong=20))
    runs = (VerificationRun(PLAN, (), LoadProfile(number, (), 1)) for number in (0, 100))
    none, whole = (partial(run.run, clock, lambda answers, _: iter(answers)) for run in runs)
    with pytest.raises(LanesError, match="no request was sent"):
        none()
    assert whole().verdict.requests == 100


def of_run(
    gateway: Clock, load: LoadProfile, evidence: Source | None = None, **more: Any
) -> Result:
    run = VerificationRun(PLAN, (), load, **more)
    return run.run(cast(Gateway, gateway), lambda answers, _: iter(answers), evidence)


@pytest.mark.parametrize("named", ["v1", "v2", None])
def test_lanes_are_compared_with_the_baseline_that_is_named(named: str | None) -> None:
    result = of_run(Clock(), LoadProfile(100, (), 8), baseline=named)
    assert (result.performance.baseline, result.performance.warm_up) == (named or "v1", 8)
    assert (result.no_worse, result.strict, result.require_entry) == (False, False, False)
    with pytest.raises(PlanError):
        of_run(Clock(), LoadProfile(100, (), 8), baseline="v9")


@dataclass
class Foreign(Clock):
    """A gateway whose answers have this status, and show hops only if it `tells`."""

    status: int = 200
    tells: bool = False
    unreadable: str = ""
    clients: list[Clock] = field(default_factory=list)

    def client(self) -> Clock:
        self.clients.append(self)
        return self

    def send(self, rule: EntryRule = NO_ENTRY_RULE, due: float | None = None) -> Answer:
        came = super().send(rule, due)
        told = replace(came, status=self.status, path=(), unreadable=self.unreadable)
        return came if self.tells else told


class Seen:
    """A source that knows every hop, by the lane in the answer's text."""

    def complete(self, answers: Sequence[Answer]) -> list[Answer]:
        return [replace(one, path=answer(one.text, PATHS[one.text]).path) for one in answers]


@pytest.mark.parametrize(
    ("tells", "rate", "concurrency", "asked"),
    [(True, None, 3, 10), (False, None, 1, 10), (False, 10_000.0, 3, 9)],
)
def test_requests_are_sent_one_at_a_time_if_evidence_alone_shows_their_hops(
    tells: bool, rate: float | None, concurrency: int, asked: int
) -> None:
    """A first request shows whether answers show hops. A rate stays as it is."""
    gateway = Foreign(tells=tells)
    result = of_run(gateway, LoadProfile(9, (), 3, rate), Seen())
    (client,) = gateway.clients
    assert (client.traced, len(client.asked)) == (True, asked)
    assert (result.load.concurrency, result.verdict.unexpected) == (concurrency, ())


@pytest.mark.parametrize(
    ("status", "refused"), [(199, False), (200, True), (299, True), (300, False)]
)
def test_a_run_whose_answers_show_no_hop_is_an_error_unless_they_failed(
    status: int, refused: bool
) -> None:
    with pytest.raises(LanesError, match=r"is seen\. The") if refused else nullcontext():
        of_run(Foreign(status=status), LoadProfile(2, (), 1))


def test_the_error_says_why_the_first_answer_cannot_be_read() -> None:
    with pytest.raises(LanesError, match=r"is seen \(no name\)\. The"):
        of_run(Foreign(unreadable="no name"), LoadProfile(2, (), 1))


def test_how_many_requests_start_late() -> None:
    came = [Answer(200, "", late_ms=late) for late in (None, 0.0, 10.0, 10.5)]
    found = collect((BY_WEIGHT, one) for one in came)
    assert found.late == 1
    assert found.seconds < 60


def test_answers_that_name_no_lane_end_no_run_unless_others_name_theirs() -> None:
    came = ((BY_WEIGHT, text("v1 v1 v1")) for _ in range(3))
    assert len(list(until_unexpected(PLAN, came))) == 3
    named = answer("v1", "v1 v1 v1")
    mixed = ((BY_WEIGHT, one) for one in (named, text("v1 v1 v1"), named))
    assert len(list(until_unexpected(PLAN, mixed))) == 2


def asked(asking: LoadProfile, ask: Callable[[EntryRule, float | None], Answer]) -> list[Answer]:
    class Asked:
        def send(self, rule: EntryRule, due: float | None = None) -> Answer:
            return ask(rule, due)

    return [answer for _, answer in asking.answers(cast(Client, Asked()))]


def test_requests_on_a_schedule_are_due_however_long_answers_take() -> None:
    dues: list[float] = []

    def ask(_: EntryRule, due: float | None) -> Answer:
        assert due is not None
        dues.append(due)
        return Answer(200, "")

    answers = asked(LoadProfile(7, (), concurrency=1, rate=1000, duration=0.05), ask)
    assert len(answers) == 50
    first, *_ = dues = sorted(dues)
    assert dues == pytest.approx([first + number / 1000 for number in range(50)], abs=1e-6)


def test_a_duration_ends_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reading of the clock is a second later; the first is the run's begin."""
    clock = SimpleNamespace(monotonic=partial(next, count()))
    monkeypatch.setattr("lanes.verification.load_profile.time", clock)
    asking = LoadProfile(3, (), concurrency=2, duration=9)
    assert len(asked(asking, lambda *_: Answer(200, ""))) == 8


@pytest.mark.parametrize(
    ("asking", "total", "warm_up"),
    [
        (LoadProfile(100, (), 8), 100, 8),
        (LoadProfile(20, (), 8), 20, 2),
        (LoadProfile(19, (), 8), 19, 1),
        (LoadProfile(100, entry_targets(BESIDE, BESIDE.enterable, 20), 8), 120, 8),
        (LoadProfile(100, (), 8, duration=9), None, 8),
        (LoadProfile(100, (), 8, rate=0.5, duration=9), 5, 0),
        (LoadProfile(100, (), 8, rate=50), 100, 8),
    ],
)
def test_how_many_are_asked_and_how_many_warm_up(
    asking: LoadProfile, total: int | None, warm_up: int
) -> None:
    assert (asking.total, asking.warm_up) == (total, warm_up)
