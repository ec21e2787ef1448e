"""The trace of one request: its hops, and why it went there."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lanes.errors import LanesError
from lanes.evidence.answers import parse
from lanes.evidence.steps import Answer, Step
from lanes.planning.hop import Hop, Misrouted, Reason
from lanes.planning.messages import PlanError, Problem
from lanes.planning.result import Lane, Plan
from lanes.report.trace import branches, show_trace, trace_json
from lanes.verification.gateway import Client
from lanes.verification.tracing import Trace, trace, traced
from tests import kube
from tests.kube import SAMPLE, asm
from tests.unit.lanes.reading import plan_of, printed

PLAN = plan_of(*asm())
STRICT = plan_of(*asm(strict=True))


def hop(name: str, version: str, *upstreams: dict[str, Any], ms: float = 1, **more: Any) -> Any:
    told = {"name": name, "version": version, "ip": "::1", "lane": "v2", "duration_ms": ms}
    return {"status": 200, **told, "upstreams": list(upstreams), **more}


def chain(*versions: str, **more: Any) -> dict[str, Any]:
    tree: list[dict[str, Any]] = []
    for depth, (name, version) in enumerate(
        reversed(list(zip(("mocka", "mockb", "mockc"), versions, strict=False))), 1
    ):
        tree = [hop(name, version, *tree, ms=depth * depth, **more)]
    return tree[0]


def of(tree: dict[str, Any], status: int = 200) -> Trace:
    plan = STRICT if status == 503 else PLAN
    return traced(plan, parse(status, "application/json", json.dumps(tree).encode()))


def whys(trace: Trace) -> list[str]:
    return [hop.why for hop in trace.hops]


@pytest.mark.parametrize(
    ("versions", "last"),
    [
        ("v2 v1 v2", ""),
        ("v2 v1 v1", "mockc v1 answered, and the plan is v2: is mockc v2 up?"),
        ("v2 v1 v3", "mockc v3 answered, and the plan is v2"),
    ],
)
def test_why_each_hop_answered(versions: str, last: str) -> None:
    told = of(chain(*versions.split()))
    assert whys(told) == ["match", "fallback: no mockb v2", "NOT planned" if last else "match"]
    assert [hop.misrouted for hop in told.hops] == ["", "", last]
    assert [(hop.depth, hop.seen) for hop in told.hops] == [(0, True), (1, True), (2, True)]
    assert bool(told.problem) is bool(last)


def test_where_strict_mode_ends_the_lane() -> None:
    refused = {"url": "http://mockb:8000", "duration_ms": 1, "status": 503, "error": "no upstream"}
    told = of(hop("mocka", "v2", refused, status=503), 503)
    assert whys(told) == ["match", "none: no mockb v2"]
    assert told.problem is None


def test_a_tree_without_times_is_traced() -> None:
    tree = chain("v2", "v1", "v2")
    del tree["upstreams"][0]["duration_ms"]
    tree["status"] = "fine"
    assert whys(of(tree)) == ["match", "fallback: no mockb v2", "match"]


def test_hops_of_a_service_that_is_called_twice_are_in_the_plans_order() -> None:
    lost = Hop("c", ("v1",), Reason.LOST, misrouted=Misrouted(Reason.LOST))
    ways = (Hop("c", ("v2",), Reason.MATCH), Hop("b", ("v1",), Reason.FALLBACK, (lost,)))
    plan = Plan("version", "*", (Lane("v2", 1, Hop("a", ("v2",), Reason.MATCH, ways)),))
    tree = hop("a", "v2", hop("c", "v2"), hop("b", "v1", hop("c", "v1")))
    told = traced(plan, parse(200, "application/json", json.dumps(tree).encode()))
    assert whys(told) == [
        "match",
        "match",
        "fallback: no b v2",
        f"lost: {Misrouted(Reason.LOST)}",
    ]


def test_steps_of_services_that_the_plan_does_not_know() -> None:
    cart = Hop("b", (), Reason.UNSUPPORTED, unsupported="spec.x")
    plan = Plan("version", "*", (Lane("v2", 1, Hop("a", ("v2",), Reason.MATCH, (cart,))),))
    tree = hop("a", "v1", hop("b", "v7", hop("c", "v1")))
    told = traced(plan, parse(200, "application/json", json.dumps(tree).encode()))
    assert [(one.why, one.misrouted, one.depth) for one in told.hops] == [
        ("NOT planned", "a v1 answered, and the plan is v2", 0),
        ("unsupported: spec.x", "", 1),
        ("not known", "", 2),
    ]


def test_nothing_is_planned_for_an_answer_of_no_lane() -> None:
    told = of(chain("v9", "v9") | {"lane": "v9"})
    assert [(one.why, one.misrouted, one.depth) for one in told.hops] == [("", "", 0), ("", "", 1)]
    assert (told.lane, told.entered, told.ok) == ("v9", "by weight", False)


NOBODY = Hop("b", (), Reason.NONE, status=503)
CALLED = Hop("c", ("v1",), Reason.MATCH)


@pytest.mark.parametrize(
    ("planned", "tree", "misrouted"),
    [
        (CALLED, hop("b", "v1"), "the plan has no b here"),
        (NOBODY, hop("b", "v1"), "b v1 answered, and the plan is 503 by the mesh"),
        (
            CALLED,
            {"url": "http://c:8000", "error": "x"},
            "nothing answered, and the plan is v1: is c v1 up?",
        ),
    ],
)
def test_what_is_wrong_with_a_hop(planned: Hop, tree: dict[str, Any], misrouted: str) -> None:
    plan = Plan("version", "*", (Lane("v2", 1, Hop("a", ("v2",), Reason.MATCH, (planned,))),))
    told = traced(plan, parse(200, "application/json", json.dumps(hop("a", "v2", tree)).encode()))
    assert told.hops[-1].misrouted == misrouted


@pytest.mark.parametrize(("caller", "depth"), [("a", 1), ("c", 2), ("elsewhere", 1)])
def test_a_hop_off_the_path_follows_its_caller(caller: str, depth: int) -> None:
    """A hop whose caller is not in the plan follows the first hop."""
    lane = Lane("v2", 1, Hop("a", ("v2",), Reason.MATCH, (CALLED,)), unreached=(NOBODY, CALLED))
    plan = Plan("version", "*", (lane,))
    steps = (Step("a", "v2", "v2", caller=""), Step("b", "v1", "v2", caller=caller))
    told = traced(plan, Answer(200, "", steps, partial=True))
    assert [(one.step.service, one.depth, one.seen) for one in told.hops] == [
        ("a", 0, True),
        ("c", 1, False),
        ("b", depth, True),
    ]
    assert told.unseen == ("c",)


@pytest.mark.parametrize(("version", "fell"), [("v1", True), ("v9", False), ("", True)])
def test_a_version_may_be_down_if_the_baselines_answered(version: str, fell: bool) -> None:
    entries = [
        Hop("a", (own,), Reason.MATCH, (Hop("c", (cart,), Reason.MATCH),))
        for own, cart in (("v1", "v9"), ("v2", "v2"))
    ]
    lanes = (Lane("v1", 9, entries[0]), Lane("v2", 1, entries[1]))
    step = Step("a", version, "v2", caller="")
    for partly in (True, False):
        answer = Answer(200, "", (step,), partial=partly)
        told = traced(Plan("version", "*", lanes), answer)
        assert told.hops[0].misrouted.endswith(": is a v2 up?") is fell


class Answers:
    def __init__(self, lanes: Iterable[str]) -> None:
        self._lanes = iter(lanes)

    def send(self, rule: Any = None) -> Any:
        lane = rule.headers["x-lane"] if rule else next(self._lanes)
        body = json.dumps({"name": "mocka", "version": lane, "ip": "::1", "lane": lane})
        return parse(200, "application/json", body.encode())


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (1, ""),
        *((n, f", at the {n}th request") for n in (4, 11, 12, 13, 111)),
        (2, ", at the 2nd request"),
        (23, ", at the 23rd request"),
        (101, ", at the 101st request"),
    ],
)
def test_which_request_was_drawn(asked: int, words: str) -> None:
    came = parse(200, "application/json", json.dumps(chain("v2", "v1", "v2")).encode())
    assert traced(PLAN, came, number=asked).entered == f"by weight, 30 of 100{words}"


def test_the_time_outside_of_the_first_hop() -> None:
    told = of(chain("v2", "v1", "v2"))
    assert told.elsewhere_ms is None
    took = replace(told, answer=replace(told.answer, took_ms=20.0))
    assert took.elsewhere_ms == 20 - 9
    assert replace(took, answer=replace(took.answer, took_ms=8.5)).elsewhere_ms == 0
    assert replace(took, answer=replace(took.answer, path=())).elsewhere_ms is None


def test_a_lane_is_entered_by_its_entry_rule_or_drawn() -> None:
    beside = plan_of(*kube.base(SAMPLE, {"v1": 100}), *kube.lane("v3", SAMPLE))
    nobody = cast(Client, Answers(()))
    assert trace(nobody, beside, "v3").entered == "by x-lane: v3"
    drawn = cast(Client, Answers(("v1", "v3", "v2")))
    assert trace(drawn, PLAN, "v2").entered == "by weight, 30 of 100, at the 3rd request"
    with pytest.raises(LanesError, match="lane v2: none of 25 requests entered it"):
        trace(cast(Client, Answers(["v1"] * 99)), PLAN, "v2")


def test_a_lane_that_no_request_enters_is_not_traced() -> None:
    v1, v2, _ = PLAN.lanes
    with pytest.raises(PlanError) as caught:
        trace(cast(Client, Answers(())), replace(PLAN, lanes=(v1, replace(v2, weight=0))), "v2")
    assert caught.value.problem is Problem.NO_ENTRY_RULE


def test_requests_until_a_lane_is_drawn_end_after_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reading of the clock is 20 s later."""
    clock = SimpleNamespace(monotonic=partial(next, count(step=20)))
    monkeypatch.setattr("lanes.verification.tracing.time", clock)
    with pytest.raises(LanesError, match="lane v2: none of 4 requests entered it"):
        trace(cast(Client, Answers(["v1"] * 99)), PLAN, "v2")


class Seen:
    """A source that shows each request in this lane."""

    def __init__(self, lane: str) -> None:
        self._lane = lane

    def complete(self, answers: Sequence[Answer]) -> list[Answer]:
        path = (Step("mocka", self._lane, self._lane, caller=""),)
        return [replace(one, path=path, partial=True) for one in answers]


def test_evidence_completes_a_trace() -> None:
    beside = plan_of(*kube.base(SAMPLE, {"v1": 100}), *kube.lane("v3", SAMPLE))
    for plan, name in ((beside, "v3"), (PLAN, "v2"), (PLAN, None)):
        told = trace(cast(Client, Answers(["v1"])), plan, name, Seen(name or "v1"))
        assert (told.lane, told.unseen) == (name or "v1", ("mockb", "mockc"))


@pytest.mark.parametrize(
    ("depths", "lines"),
    [
        ([0, 1, 2], ["", "└─ ", "   └─ "]),
        ([0, 1, 2, 1], ["", "├─ ", "│  └─ ", "└─ "]),
        ([0, 1, 2, 2, 1, 2], ["", "├─ ", "│  ├─ ", "│  └─ ", "└─ ", "   └─ "]),
        ([0, 0], ["", ""]),
    ],
)
def test_branches(depths: list[int], lines: list[str]) -> None:
    assert list(branches(depths)) == lines


def test_a_trace_in_80_columns_and_as_json() -> None:
    told = of(chain("v2", "v1", "v1"))
    lines = printed(show_trace, told)
    assert lines[0] == "lane v2 (by weight, 30 of 100): status 200 after -"
    assert max(map(len, lines)) <= 80
    assert lines[5].startswith("   └─ mockc v1")
    assert lines[-2].startswith("mockc v1 answered, ")
    assert lines[-1] == "NOT as planned: lane v2 took another path"
    found = json.loads(json.dumps(trace_json(told)))
    assert (found["ok"], found["hops"][1]["own_ms"]) == (False, 3)
