"""The parts of a verdict: the baseline, failures, the results of lanes, classified answers."""

import re
from dataclasses import replace
from typing import Any

import pytest

from lanes.evidence.causes import Cause
from lanes.evidence.steps import Answer, Routed, Step
from lanes.mesh.traffic import Abort
from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule
from lanes.planning.hop import Hop, Reason
from lanes.planning.result import Lane, Plan
from lanes.verification.baseline import baseline_of
from lanes.verification.classification import classify, failed
from lanes.verification.hints import Hint, HintCode
from lanes.verification.problems import Break, Problem
from lanes.verification.problems import ProblemCode as Code
from lanes.verification.targets import Target
from lanes.verification.verdict import EntryVerdict, Holds, LaneVerdict
from lanes.verification.verify import verify
from tests.unit.lanes.test_verdict import PLAN, answer, text


def lane(name: str, weight: int, *hops: str) -> Lane:
    """Return a lane. The first hop calls the others, such as "cart v1 fallback"."""
    first, *behind = (hop.split() for hop in hops)
    called = tuple(Hop(service, (version,), Reason(why)) for service, version, why in behind)
    service, version, why = first
    return Lane(name, weight, Hop(service, (version,), Reason(why), called))


@pytest.mark.parametrize(
    ("lanes", "baseline"),
    [
        ([lane("a", 1, "shop a match"), lane("b", 9, "shop b match")], "b"),
        ([lane("a", 5, "shop a match"), lane("b", 5, "shop b match")], "a"),
        # That which others fall back to, whatever its weight is.
        ([lane("a", 1, "shop a match"), lane("b", 9, "shop a fallback")], "a"),
        ([lane("b", 9, "shop a fallback"), lane("a", 1, "shop a match")], "a"),
        # By the most hops, of which a hop where they do not fall back is none.
        (
            [
                lane("a", 1, "shop a match", "cart a match", "users a match"),
                lane("b", 9, "shop b match", "cart b match", "users b match"),
                lane("c", 5, "shop b fallback", "cart a fallback", "users a fallback"),
                lane("d", 5, "shop b split", "cart b split", "users b split"),
            ],
            "a",
        ),
        # A version that no lane has for its own is nobody's; of two lanes it is the first's.
        ([lane("a", 1, "shop x fallback"), lane("b", 9, "shop b match")], "b"),
        (
            [
                lane("a", 1, "shop x match"),
                lane("b", 9, "shop x match"),
                lane("c", 5, "shop x fallback"),
            ],
            "a",
        ),
    ],
)
def test_the_baseline(lanes: list[Lane], baseline: str) -> None:
    assert baseline_of(Plan("version", "*", tuple(lanes))) == baseline


@pytest.mark.parametrize(
    ("status", "fails"),
    [(0, True), (199, True), (200, False), (399, False), (400, True), (503, True)],
)
def test_what_counts_as_failed(status: int, fails: bool) -> None:
    assert failed(Answer(status, "")) is fails


def by_rule(count: int, as_planned: int, inconclusive: int = 0, unseen: int = 0) -> EntryVerdict:
    return EntryVerdict("v2", NO_ENTRY_RULE, count, as_planned, inconclusive, unseen)


NOT_SENT, RIGHT, WRONG = by_rule(0, 0), by_rule(5, 5), by_rule(5, 4)
NO_SERVICE, NO_HOP, SOME_HOPS = by_rule(5, 0, 5), by_rule(5, 0, 5, 2), by_rule(5, 1, 4)


@pytest.mark.parametrize(
    ("entered", "ok", "verified", "reached"),
    [
        (NOT_SENT, True, False, False),
        (RIGHT, True, True, True),
        (WRONG, False, True, True),
        (NO_SERVICE, True, False, False),
        (NO_HOP, True, False, True),
        (SOME_HOPS, True, True, True),
        (by_rule(5, 0, 4), False, True, True),
    ],
)
def test_the_result_of_an_entry_rule(
    entered: EntryVerdict, ok: bool, verified: bool, reached: bool
) -> None:
    assert (entered.ok, entered.verified, entered.reached) == (ok, verified, reached)


@pytest.mark.parametrize(
    ("drawn", "expected", "bounds", "entered", "found"),
    [
        # `drawn`: of how many it has how many, as planned, and how many may be its.
        ((10, 5, 5, 0), 0.5, (0.4, 0.6), (), (0.5, True, True)),
        ((10, 5, 4, 0), 0.5, (0.4, 0.6), (), (0.5, True, False)),
        ((10, 5, 5, 0), 0.4, (0.4, 0.6), (), (0.5, True, True)),
        ((10, 5, 5, 0), 0.6, (0.4, 0.6), (), (0.5, True, True)),
        ((10, 5, 5, 0), 0.3, (0.4, 0.6), (), (0.5, True, False)),
        ((10, 5, 5, 0), 0.7, (0.4, 0.6), (), (0.5, True, False)),
        ((1, 1, 1, 0), 1.0, (0.0, 1.0), (), (1.0, True, True)),
        # Nothing is drawn there, and should be or not.
        ((10, 0, 0, 0), 0.1, (0.0, 0.6), (), (0.0, False, False)),
        ((10, 0, 0, 0), 0.0, (0.0, 0.6), (), (0.0, False, True)),
        ((10, 0, 0, 1), 0.1, (0.0, 0.6), (), (0.0, False, True)),
        ((10, 0, 0, 0), 0.1, (0.0, 0.6), (RIGHT,), (0.0, True, False)),
        ((10, 0, 0, 0), 0.0, (0.0, 0.6), (RIGHT, WRONG), (0.0, True, False)),
        # Nothing is drawn at all: it is as it was entered.
        ((0, 0, 0, 0), 0.1, (0.0, 1.0), (), (0.0, False, False)),
        ((0, 0, 0, 0), 0.0, (0.0, 1.0), (NO_SERVICE,), (0.0, False, False)),
        ((0, 0, 0, 0), 0.1, (0.0, 1.0), (RIGHT, NOT_SENT), (0.0, True, True)),
        ((0, 0, 0, 0), 0.1, (0.0, 1.0), (NO_SERVICE, NO_HOP), (0.0, False, True)),
        ((0, 0, 0, 0), 0.1, (0.0, 1.0), (RIGHT, WRONG), (0.0, True, False)),
    ],
)
def test_the_result_of_a_lane(
    drawn: tuple[int, int, int, int],
    expected: float,
    bounds: tuple[float, float],
    entered: tuple[EntryVerdict, ...],
    found: tuple[float, bool, bool],
) -> None:
    total, count, as_planned, unsure = drawn
    verdict = LaneVerdict(
        "v2", count, total, expected, *bounds, as_planned, entered=entered, unsure=unsure
    )
    assert (verdict.share, verdict.verified, verdict.ok) == found


# What an answer counts for


def weighing(plan: Plan, *weights: int) -> Plan:
    lanes = zip(plan.lanes, weights, strict=True)
    return replace(plan, lanes=tuple(replace(lane, weight=weight) for lane, weight in lanes))


def step(service: str, version: str, lane: str | None = None, **further: Any) -> Step:
    return Step(service, version, lane, **further)


def part(*steps: Step, status: int = 200) -> Answer:
    return Answer(status, "", steps, partial=True)


def elsewhere(right: Answer, namespace: str = "blue") -> Answer:
    return replace(right, path=tuple(replace(one, namespace=namespace) for one in right.path))


def shop(**lanes: str) -> Plan:
    """Return lanes of weight 1 of a shop, each with the version of the cart that it calls."""
    return Plan(
        "version",
        "*",
        tuple(lane(name, 1, "shop v1 match", f"cart {v} match") for name, v in lanes.items()),
    )


TAGGED = shop(untagged="v1", v2="v2")
ALIKE = shop(v1="v1", v2="v2", v3="v1")
CART = part(step("cart", "v1"))
FAULTY = (Abort(503, 0.5),)


def with_cart(cart: Hop) -> Plan:
    """Return a plan of lane "v1" of a shop that calls this cart and then users."""
    users = Hop("users", ("v1",), Reason.MATCH)
    return Plan("", "*", (Lane("v1", 1, Hop("shop", ("v1",), Reason.MATCH, (cart, users))),))


Found = tuple[str, Code | None, bool, tuple[str, ...]]


@pytest.mark.parametrize(
    ("plan", "drawn", "found"),
    [
        (PLAN, answer("v2", "v2 v1 v2"), ("v2", None, True, ())),
        (PLAN, answer("v9", "v2 v1 v2"), ("", Code.LANE_NOT_PLANNED, True, ())),
        (PLAN, answer("v2", "v2 v1 v1"), ("v2", Code.OTHER_PATH, True, ())),
        (PLAN, answer("v2", "v2 v1 -", 502), ("v2", Code.FAILED, True, ())),
        (PLAN, answer("v2", "v2 v1 v2", tags="v2 - v2"), ("v2", Code.LANE_LOST, True, ())),
        (PLAN, answer("v2", "v2 v1 v2", tags="v2 v3 v2"), ("v2", Code.LANE_CHANGED, True, ())),
        # Whose pods answered comes first; the lane is known all the same.
        (PLAN, elsewhere(answer("v2", "v2 v1 v1")), ("v2", Code.OTHER_NAMESPACE, True, ())),
        (PLAN, elsewhere(answer("v9", "v1 v1 v1")), ("", Code.OTHER_NAMESPACE, True, ())),
        (PLAN, elsewhere(text("v1 v1 v1")), ("", Code.OTHER_NAMESPACE, True, ())),
        # An answer of requests without a lane names none, where others name theirs.
        (TAGGED, part(step("shop", "v1", "v2")), ("v2", None, True, ())),
        (TAGGED, part(step("shop", "v1")), ("untagged", None, True, ())),
        # Where no answer names its lane, it is of those that have its path, and a weight.
        (PLAN, text("v2 v1 v2"), ("v2", None, True, ())),
        (weighing(PLAN, 90, 0, 10), text("v2 v1 v2"), ("v2", None, True, ())),
        (PLAN, part(step("mockb", "v1")), ("v1 or v2", None, True, ("v1", "v2"))),
        (weighing(PLAN, 90, 0, 10), part(step("mockb", "v1")), ("v1", None, True, ())),
        (ALIKE, CART, ("v1 or v3", None, True, ())),
        (weighing(ALIKE, 0, 9, 1), CART, ("v1 or v3", None, True, ())),
        (weighing(ALIKE, 0, 9, 0), CART, ("v1 or v3", None, True, ())),
        (
            weighing(ALIKE, 0, 9, 1),
            part(step("shop", "v1")),
            ("v1 or v3 or v2", None, True, ("v1 or v3", "v2")),
        ),
        (weighing(ALIKE, 0, 9, 0), part(step("shop", "v1")), ("v2", None, True, ())),
        (PLAN, Answer(200, "hi"), ("v1 or v2 or v3", None, False, ("v1", "v2", "v3"))),
        (PLAN, Answer(503, "none"), ("", Code.NO_SERVICE, True, ())),
        (PLAN, Answer(200, "->", unreadable="no name"), ("", Code.UNREADABLE, True, ())),
        (PLAN, text("v9 v1 v1"), ("", Code.NO_SUCH_PATH, True, ())),
        (PLAN, text("v9 v1 v1", 500), ("", Code.FAILED, True, ())),
        (PLAN, part(step("mockb", "v9")), ("", Code.NO_SUCH_PATH, True, ())),
        # A hop that does not tell a lane is none without: its proxy tells, or nobody does.
        (PLAN, part(step("mocka", "v2", lane_known=False)), ("v2", None, True, ())),
        (PLAN, part(step("mocka", "v2", routed=Routed())), ("", Code.NO_LANE, True, ())),
        (
            PLAN,
            part(step("mocka", "v2", routed=Routed()), step("mockb", "v1")),
            ("", Code.NO_LANE, True, ()),
        ),
        (
            PLAN,
            part(step("mocka", "", silent=True, routed=Routed()), step("mockb", "v3")),
            ("v3", None, True, ()),
        ),
        (TAGGED, part(step("shop", "v1", routed=Routed())), ("untagged", None, True, ())),
    ],
)
def test_what_an_answer_counts_for(plan: Plan, drawn: Answer, found: Found) -> None:
    others = [part(step("shop", "v1", "v2"))] if plan is TAGGED else []
    one, *_ = classify(plan, [drawn, *others], []).drawn
    code = one.problem.code if one.problem else None
    assert (one.name, code, one.conclusive, one.among) == found


AT_B = Break("mocka", "mockb", "v1", "v1", Cause.NOT_PROPAGATED)
AT_C = Break("mockb", "mockc", "v2", "v1", Cause.NOT_TOLD)


@pytest.mark.parametrize(
    ("plan", "drawn", "problem"),
    [
        (
            PLAN,
            answer("v2", "v2 v1 v2", tags="v2 - -"),
            Problem(Code.LANE_LOST, "v2", "mockb", broken=AT_B),
        ),
        (
            PLAN,
            answer("v2", "v2 v1 v2", tags="v2 v3 v2"),
            Problem(
                Code.LANE_CHANGED, "v2", "mockb", "v3", broken=replace(AT_B, cause=Cause.CHANGED)
            ),
        ),
        (
            TAGGED,
            Answer(200, "", (step("shop", "v1"), step("cart", "v1", "v2"))),
            Problem(
                Code.LANE_CHANGED,
                "",
                "cart",
                "v2",
                broken=Break("shop", "cart", "v1", "v1", Cause.CHANGED),
            ),
        ),
        (PLAN, answer("v2", "v2 v1 v1"), Problem(Code.OTHER_PATH, "v2", broken=AT_C)),
        (
            PLAN,
            Answer(502, "", (*answer("v2", "v2 v1").path, step("mockc", "", "v2"))),
            Problem(Code.FAILED, "v2", broken=replace(AT_C, answered="", cause=Cause.NO_ANSWER)),
        ),
        (PLAN, answer("v2", "v2 v1 v2", 502), Problem(Code.FAILED, "v2")),
        (
            PLAN,
            part(step("mocka", "v2", "v2"), step("mockb", "v1", caller="mocka")),
            Problem(Code.LEFT, "v2", "mockb", broken=AT_B),
        ),
        (
            PLAN,
            part(step("mocka", "v2", routed=Routed())),
            Problem(Code.NO_LANE, broken=Break("", "mocka", "", "v2", Cause.NOT_SET)),
        ),
        (PLAN, answer("v9", "v2 v1 v2"), Problem(Code.LANE_NOT_PLANNED, "v9")),
        (
            PLAN,
            elsewhere(answer("v2", "v2 v1 v1")),
            Problem(Code.OTHER_NAMESPACE, "", "mocka", "blue", "default"),
        ),
        (PLAN, Answer(200, "->", unreadable="no name"), Problem(Code.UNREADABLE, other="no name")),
    ],
)
def test_what_is_wrong_with_an_answer_and_where(
    plan: Plan, drawn: Answer, problem: Problem
) -> None:
    others = [part(step("shop", "v1", "v2"))] if plan is TAGGED else []
    one, *_ = classify(plan, [drawn, *others], []).drawn
    assert one.problem == problem


@pytest.mark.parametrize(
    ("cart", "status", "code"),
    [
        (Hop("cart", ("v1",), Reason.MATCH), 200, None),
        (Hop("cart", ("v1",), Reason.MATCH), 503, Code.FAILED),
        (Hop("cart", ("v1",), Reason.MATCH, failing=FAULTY), 503, None),
        (Hop("cart", (), Reason.NONE, status=503), 503, None),
    ],
)
def test_a_partial_answer_may_fail_as_planned(cart: Hop, status: int, code: Code | None) -> None:
    lane_named = part(step("shop", "v1", "v1"), status=status)
    (one,) = classify(with_cart(cart), [lane_named], []).drawn
    assert (one.problem.code if one.problem else None) == code


def test_hops_behind_one_that_fails_each_time_are_not_counted() -> None:
    users = Hop("users", ("v1", "v2"), Reason.SPLIT, shares=(0.5, 0.5))
    split = Hop("cart", ("v1", "v2"), Reason.SPLIT, (users,), shares=(0.5, 0.5), failing=FAULTY)
    only = Plan("", "*", (Lane("v1", 1, Hop("shop", ("v1",), Reason.MATCH, (split,))),))
    ends = Answer(503, "", (step("shop", "v1"), step("cart", "")))
    splits = verify(only, [ends] * 4).splits
    assert [(one.version, one.count, one.total) for one in splits] == [("503", 4, 4)]


def test_a_split_is_counted_by_whole_answers_if_there_are_any() -> None:
    split = with_cart(Hop("cart", ("v1", "v2"), Reason.SPLIT, shares=(0.5, 0.5)))
    whole = [
        Answer(200, "", (step("shop", "v1"), step("cart", v), step("users", "v1")))
        for v in ("v1", "v2")
    ]
    splits = verify(split, [*whole, part(step("shop", "v1"), step("cart", "v1"))]).splits
    assert [(one.version, one.count, one.total) for one in splits] == [("v1", 1, 2), ("v2", 1, 2)]


BY_PATH, BY_HEADER = EntryRule(path="/beta"), EntryRule({"x-lane": "v3"})
BY_METHOD = EntryRule(method="POST")
PAGE = Answer(404, "<!doctype html>")
CLIENTS = replace(PLAN, lanes=tuple(replace(one, client_header="x") for one in PLAN.lanes))
NOTHING_THERE = Plan(
    "", "*", (Lane("v3", 0, Hop("shop", (), Reason.NONE, status=404, failing=(Abort(403, 0.5),))),)
)
UNKNOWN = Plan("", "*", (Lane("v3", 0, Hop("shop", (), Reason.UNSUPPORTED)),))


@pytest.mark.parametrize(
    ("plan", "rule", "came", "code", "conclusive"),
    [
        (PLAN, BY_HEADER, answer("v3", "v3 v3 v1"), None, True),
        (PLAN, BY_HEADER, answer("v3", "v3 v1 v1"), Code.OTHER_PATH, True),
        (PLAN, BY_HEADER, answer("v1", "v1 v1 v1"), Code.OTHER_LANE, True),
        (PLAN, BY_HEADER, elsewhere(answer("v3", "v3 v3 v1")), Code.OTHER_NAMESPACE, True),
        (PLAN, BY_HEADER, part(step("mocka", "v3", routed=Routed())), Code.NO_LANE, True),
        (PLAN, BY_HEADER, part(step("mocka", "v3", lane_known=False)), None, True),
        (PLAN, BY_HEADER, part(step("mocka", "v1")), Code.LEFT, True),
        # A client sends the lane header, whatever lane the gateway sets.
        (CLIENTS, BY_HEADER, answer("v1", "v3 v3 v1"), None, True),
        (shop(untagged="v1"), BY_HEADER, part(step("shop", "v1", routed=Routed())), None, True),
        # No service knows the path or the method of a rule, and says so in words.
        (PLAN, BY_PATH, PAGE, None, False),
        (PLAN, BY_METHOD, replace(PAGE, status=405), None, False),
        (PLAN, BY_HEADER, PAGE, Code.NO_SERVICE, True),
        (PLAN, BY_PATH, replace(PAGE, status=403), Code.NO_SERVICE, True),
        (PLAN, BY_PATH, replace(PAGE, status=406), Code.NO_SERVICE, True),
        (PLAN, BY_PATH, replace(PAGE, text=""), Code.NO_SERVICE, True),
        (PLAN, BY_PATH, answer("v3", "v3 v3 v1", 404), Code.FAILED, True),
        (PLAN, BY_HEADER, Answer(200, "hi"), None, False),
        # What ends at the gateway shows no hop, and is as planned.
        (NOTHING_THERE, BY_PATH, PAGE, None, True),
        (NOTHING_THERE, BY_HEADER, replace(PAGE, status=403), None, True),
        (NOTHING_THERE, BY_HEADER, replace(PAGE, status=503), Code.NO_SERVICE, True),
        (NOTHING_THERE, BY_HEADER, answer(None, "v3"), Code.OTHER_PATH, True),
        (UNKNOWN, BY_HEADER, Answer(418, ""), None, True),
    ],
)
def test_what_an_answer_by_an_entry_rule_shows(
    plan: Plan, rule: EntryRule, came: Answer, code: Code | None, conclusive: bool
) -> None:
    target = Target(plan.lanes[-1].name, rule)
    (one,) = classify(plan, [], [(target, came)]).entered
    found = one.problem.code if one.problem else None
    assert (one.name, one.rule, found, one.conclusive) == (*target, code, conclusive)
    assert one.problem is None or one.problem.rule == rule


SEEN = part(step("mocka", "v2", "v2", caller=""))
REST = [answer("v1", "v1 v1 v1"), answer("v3", "v3 v3 v1")]
WRONG_PATH = answer("v2", "v2 v1 v1")
BEHIND = part(step("mockb", "v1", "v2", caller="mocka"))


@pytest.mark.parametrize(
    ("drawn", "entered", "unseen"),
    [
        ([SEEN], [], ("mockb", "mockc")),
        ([SEEN, BEHIND], [], ("mockc",)),
        # A wrong answer shows nothing, and a right one all.
        ([SEEN, WRONG_PATH], [], ("mockb", "mockc")),
        ([WRONG_PATH], [], ()),
        ([SEEN, answer("v2", "v2 v1 v2")], [], ()),
        # One by a rule where no service answers shows nothing either.
        ([SEEN], [(Target("v2", BY_PATH), PAGE)], ("mockb", "mockc")),
        ([], [(Target("v2", BY_PATH), PAGE)], ()),
        ([], [(Target("v2", BY_PATH), Answer(200, "hi"))], ("mocka", "mockb", "mockc")),
        # What may be of another lane shows none of its hops.
        ([part(step("mockb", "v1", lane_known=False))], [], ("mocka", "mockb", "mockc")),
    ],
)
def test_which_services_of_a_lane_are_not_seen(
    drawn: list[Answer], entered: list[tuple[Target, Answer]], unseen: tuple[str, ...]
) -> None:
    verdict = verify(PLAN, [*REST, *drawn], entered)
    assert {lane.name: lane.unseen for lane in verdict.lanes}["v2"] == unseen


def test_a_hop_that_the_plan_does_not_know_counts_as_not_seen() -> None:
    unknown = with_cart(Hop("cart", (), Reason.UNSUPPORTED))
    came = Answer(200, "", (step("shop", "v1"), step("cart", "v7"), step("users", "v1")))
    verdict = verify(unknown, [came])
    (fared,) = verdict.lanes
    assert (fared.not_known, fared.unseen, fared.as_planned) == (("cart",), (), 1)
    assert verdict.holds is Holds.AS_FAR_AS_SEEN


LOST = answer("v2", "v2 v1 v1", tags="v2 - -")
LEFT = part(step("mocka", "v2", "v2"), step("mockb", "v1", None, caller="mocka"))
HINT = Hint(HintCode.LOST, ("mocka", "mockb"))


@pytest.mark.parametrize(
    ("drawn", "entered", "hints"),
    [
        ([LOST], [], [HINT]),
        # A hop that is named where the lane is left tells more.
        ([LEFT], [], []),
        ([LOST, LEFT], [], []),
        # What was drawn comes before what entered.
        (REST, [LOST], [HINT]),
        ([answer(None, "v1 v1 v1")], [LOST], [Hint(HintCode.NO_LANE)]),
    ],
)
def test_hints_at_the_cause_of_wrong_answers(
    drawn: list[Answer], entered: list[Answer], hints: list[Hint]
) -> None:
    target = Target("v2", BY_HEADER)
    verdict = verify(PLAN, drawn, [(target, one) for one in entered])
    assert [one for one in verdict.hints if one.code is not HintCode.EVIDENCE_ENDS] == hints


@pytest.mark.parametrize("codes", [Code, HintCode, Cause])
def test_every_code_is_documented_by_its_word(codes: type[Code | HintCode | Cause]) -> None:
    assert re.findall(r"^ *- ([a-z-]+): ", codes.__doc__ or "", re.MULTILINE) == list(codes)
