"""The verdict of `lanes verify`: whether the lanes hold, and why not."""

import json
import random
from collections.abc import Mapping
from dataclasses import replace

import pytest
import yaml

from lanes.evidence.steps import Answer, Step
from lanes.mesh.model import Host
from lanes.mesh.traffic import Abort
from lanes.planning.entry_rule import EntryRule
from lanes.planning.hop import CallKey, Hop, Reason
from lanes.planning.result import Lane, Plan
from lanes.report.closing import closing
from lanes.report.verdict import unexpected_lines, verdict_json
from lanes.verification.classification import fits
from lanes.verification.hints import Hint
from lanes.verification.hints import HintCode as Code
from lanes.verification.problems import Problem
from lanes.verification.split import interval
from lanes.verification.targets import Target
from lanes.verification.verdict import Holds, Verdict
from lanes.verification.verify import verify
from tests import kube
from tests.kube import HALVES, PAIR, SAMPLE, Document, asm, header_is, put, rule, to, without
from tests.unit.lanes.reading import plan_of

SERVICES = ("mocka", "mockb", "mockc", "mockd")
PLANNED = {"v1": "v1 v1 v1", "v2": "v2 v1 v2", "v3": "v3 v3 v1"}
PLAN = plan_of(*asm())
STRICT = plan_of(*asm(strict=True))


def answer(lane: str | None, versions: str, status: int = 200, tags: str = "") -> Answer:
    """Return an answer of the sample. "-": nothing answers at the hop. `tags`: each hop's lane."""
    found = versions.split()
    lanes = [None if t == "-" else t for t in tags.split()] if tags else [lane] * len(found)
    steps = [
        Step(service, "", None) if version == "-" else Step(service, version, tag)
        for service, version, tag in zip(SERVICES, found, lanes, strict=False)
    ]
    return Answer(status, f"{lane}: {versions}", tuple(steps))


def route(way: str, status: int = 200) -> Answer:
    """Return an answer without lanes, such as "shop v1, cart v2"."""
    steps = (hop.split() for hop in way.split(", "))
    return Answer(status, way, tuple(Step(name, version) for name, version in steps))


def text(versions: str, status: int = 200) -> Answer:
    return answer(None, versions, status)


def planned(v1: int = 40, v2: int = 30, v3: int = 30) -> list[Answer]:
    counts = {"v1": v1, "v2": v2, "v3": v3}
    return [answer(lane, PLANNED[lane]) for lane, n in counts.items() for _ in range(n)]


def counts_of(verdict: Verdict) -> dict[str, tuple[int, int]]:
    return {lane.name: (lane.count, lane.as_planned) for lane in verdict.lanes}


def problems_of(verdict: Verdict) -> list[tuple[str, int, int]]:
    """Return each problem's code with its values, its status and its count."""
    return [(coded(u.problem), u.status, u.count) for u in verdict.unexpected]


def coded(problem: Problem) -> str:
    values = (problem.code, problem.lane, problem.service, problem.other)
    return " ".join(filter(None, values))


def test_answers_as_planned() -> None:
    verdict = verify(PLAN, planned())
    assert verdict.ok
    assert (verdict.requests, verdict.errors, verdict.unexpected) == (100, 0, ())
    assert counts_of(verdict) == {"v1": (40, 40), "v2": (30, 30), "v3": (30, 30)}
    for lane, share in zip(verdict.lanes, (0.4, 0.3, 0.3), strict=True):
        assert lane.share == share
        assert lane.expected == pytest.approx(share)
        assert (lane.low, lane.high) == interval(lane.count, 100, 3)
        assert lane.ok


def test_json_is_as_documented() -> None:
    answers = [*planned(v2=31, v3=28), answer("v3", "v3 v1 v1")]
    found = json.loads(json.dumps(verdict_json(verify(PLAN, answers))))
    assert list(found) == [
        *("version", "ok", "verdict", "requests", "errors", "lanes", "unexpected", "left"),
        *("splits", "hints"),
    ]
    assert (found["ok"], found["requests"], found["errors"]) == (False, 100, 0)
    assert list(found["lanes"]) == ["v1", "v2", "v3"]
    documented = {"count": 31, "share": 0.31, "expected": 0.3, "verified": True, "ok": True}
    v2 = found["lanes"]["v2"]
    assert {key: v2[key] for key in documented} == documented
    further = {"low", "high", "as_planned", "unsure", "not_seen", "not_known", "entry_rules"}
    assert set(v2) == {*documented, *further}
    assert v2["entry_rules"] == []
    assert found["unexpected"] == [
        {
            "code": "other-path",
            "problem": "lane v3 took another path",
            "answer": "v3: v3 v1 v1",
            "status": 200,
            "count": 1,
        }
    ]
    assert found["lanes"]["v3"]["ok"] is False
    assert verdict_json(verify(PLAN, planned()))["unexpected"] == []


def test_a_wrong_version_is_another_path() -> None:
    verdict = verify(PLAN, [*planned(v2=29), answer("v2", "v2 v1 v1")])
    assert not verdict.ok
    assert problems_of(verdict) == [("other-path v2", 200, 1)]
    assert verdict.errors == 0
    assert counts_of(verdict)["v2"] == (30, 29)
    assert [lane.ok for lane in verdict.lanes] == [True, False, True]


def test_failed_requests() -> None:
    failed = [
        answer("v2", "v2 v1 -", 502),
        *[Answer(status, "refused") for status in (0, 404, 503)],
    ]
    verdict = verify(PLAN, [*planned(), *failed])
    assert not verdict.ok
    assert (verdict.errors, verdict.planned_failures) == (4, 0)
    assert problems_of(verdict) == [
        ("failed v2", 502, 1),
        *(("no-service", status, 1) for status in (0, 404, 503)),
    ]


@pytest.mark.parametrize("plan", [PLAN, plan_of(*asm(weights={"v1": 1}))])
def test_a_run_without_a_hop_seen_is_neither_wrong_nor_holds(plan: Plan) -> None:
    verdict = verify(plan, [Answer(200, "It works!")] * 3)
    assert problems_of(verdict) == []
    assert set(counts_of(verdict).values()) == {(0, 0)}
    assert verdict.errors == 0
    assert verdict.holds is Holds.DO_NOT_HOLD
    assert closing(verdict) == "Lanes NOT verified: no hop of any request is seen."


def test_equal_wrong_answers_are_shown_once_the_most_frequent_first() -> None:
    wrong = [answer("v2", "v2 v1 v1")] * 2 + [answer("v3", "v1 v1 v1")] * 5
    verdict = verify(PLAN, [*planned(), *wrong])
    assert [u.count for u in verdict.unexpected] == [5, 2]
    lines = unexpected_lines(verdict)
    assert lines[0] == "5 times lane v3 took another path:"
    assert "v3: v1 v1 v1" in lines[1]
    assert len(lines) == 4


def test_no_more_than_some_wrong_answers_are_shown() -> None:
    wrong = [answer("v2", f"v2 v1 v{n}") for n in range(10, 18)]
    lines = unexpected_lines(verify(PLAN, wrong), most=5)
    assert len(lines) == 11
    assert lines[-1] == "and 3 other kinds of wrong answer"


# The split


@pytest.mark.parametrize(
    ("counts", "ok"),
    [
        ((40, 30, 30), (True, True, True)),
        ((50, 25, 25), (True, True, True)),
        ((33, 33, 34), (True, True, True)),
        ((100, 0, 0), (False, False, False)),
        ((0, 50, 50), (False, False, False)),
        ((70, 30, 0), (False, True, False)),
        ((60, 20, 20), (False, True, True)),
    ],
)
def test_a_split_and_its_weights(counts: tuple[int, int, int], ok: tuple[bool, ...]) -> None:
    verdict = verify(PLAN, planned(*counts))
    assert tuple(lane.ok for lane in verdict.lanes) == ok
    assert verdict.ok is all(ok)
    assert verdict.unexpected == ()


def test_more_requests_detect_smaller_differences() -> None:
    assert verify(PLAN, planned(45, 30, 25)).ok
    assert not verify(PLAN, planned(4500, 3000, 2500)).ok


def test_no_requests_at_all() -> None:
    verdict = verify(PLAN, [])
    assert (verdict.requests, verdict.errors) == (0, 0)
    assert counts_of(verdict) == {"v1": (0, 0), "v2": (0, 0), "v3": (0, 0)}


@pytest.mark.parametrize("weights", [(100, 0), (99, 1)])
def test_a_lane_without_a_request_is_not_verified(weights: tuple[int, int]) -> None:
    """That is right for a lane without a weight; with a weight, the run fails."""
    v1, v2 = weights
    apart: Plan = plan_of(*asm(weights={"v1": v1, "v2": v2}))
    baseline, canary = answer("v1", PLANNED["v1"]), answer("v2", PLANNED["v2"])
    for requests in (1, 100, 688):
        verdict = verify(apart, [baseline] * requests)
        assert [lane.verified for lane in verdict.lanes] == [True, False]
        assert verdict.ok is (v2 == 0)
        # The split alone speaks against nothing: one lane more or less is chance.
        assert all(lane.fits for lane in verdict.lanes)
        found = verdict_json(verdict)["lanes"]["v2"]
        assert (found["verified"], found["ok"]) == (False, None if v2 == 0 else False)
    assert verify(apart, [baseline] * 99 + [canary]).ok is (v2 == 1)


# Lanes that are entered on purpose

BESIDE = plan_of(
    *kube.base(SAMPLE, {"v1": 90, "v2": 10}),
    *kube.lane("v2", SAMPLE),
    *kube.lane("v3", SAMPLE),
)


def by(lane: str) -> Target:
    return Target(lane, EntryRule({"x-lane": lane}))


def entry_targets(*names: str) -> list[tuple[Target, Answer]]:
    return [(by(name), answer(name, PLANNED[name])) for name in names for _ in range(20)]


def test_requests_that_enter_a_lane_count_for_no_share() -> None:
    drawn = planned(v1=90, v2=10, v3=0)
    alone, both = verify(BESIDE, drawn), verify(BESIDE, drawn, entry_targets("v2", "v3"))
    assert [lane.verified for lane in alone.lanes] == [True, True, False]
    assert [lane.verified for lane in both.lanes] == [True, True, True]
    assert tuple(replace(lane, entered=()) for lane in both.lanes) == alone.lanes
    assert both.ok
    assert (both.requests, both.errors, both.unexpected) == (100, 0, ())
    told = verdict_json(both)["lanes"]
    assert [found["entry_rules"] for found in told.values()] == [
        [],
        [{"rule": "x-lane: v2", "count": 20, "as_planned": 20, "not_verified": 0}],
        [{"rule": "x-lane: v3", "count": 20, "as_planned": 20, "not_verified": 0}],
    ]
    assert (told["v3"]["verified"], told["v3"]["ok"], told["v3"]["count"]) == (True, True, 0)
    assert verdict_json(alone)["lanes"]["v3"]["ok"] is None


def test_requests_that_enter_a_lane_take_its_path() -> None:
    wrong = {
        "other-lane v1": answer("v1", PLANNED["v1"]),
        "no-lane v3": answer(None, PLANNED["v3"]),
        "failed v3": answer("v3", "v3 v3 -", 502),
    }
    entered = [*entry_targets("v2", "v3"), *((by("v3"), came) for came in wrong.values())]
    verdict = verify(BESIDE, planned(v1=90, v2=10, v3=0), entered)
    assert not verdict.ok
    assert [lane.ok for lane in verdict.lanes] == [True, True, False]
    assert problems_of(verdict) == [(code, came.status, 1) for code, came in wrong.items()]
    assert verdict.errors == 1
    assert [(e.lane, e.count, e.as_planned) for e in verdict.entered] == [
        ("v2", 20, 20),
        ("v3", 23, 20),
    ]


@pytest.mark.parametrize("drawn", [100, 0])
@pytest.mark.parametrize("way", [EntryRule(path="/beta"), EntryRule(method="POST")])
def test_an_entry_rule_where_no_service_answers_is_not_verified(way: EntryRule, drawn: int) -> None:
    v1, v2, v3 = BESIDE.lanes
    plan = replace(BESIDE, lanes=(v1, v2, replace(v3, entry_rules=(way,))))
    nothing = [(Target("v3", way), Answer(404, "<!doctype html>"))]
    verdict = verify(plan, planned(v1=90, v2=10, v3=0) if drawn else [], nothing * 5)
    lane = verdict.lanes[-1]
    assert (lane.name, lane.verified, verdict.ok) == ("v3", False, bool(drawn))
    assert (verdict.errors, verdict.planned_failures, verdict.unexpected) == (0, 0, ())
    assert "v3" in closing(verdict)
    assert "no service answers where its entry rules lead" in closing(verdict)
    for wrong in (Answer(503, "none"), Answer(404, "")):
        assert not verify(plan, planned(v1=90, v2=10, v3=0), [(Target("v3", way), wrong)]).ok
    assert not verify(BESIDE, [], [(by("v3"), Answer(404, ""))]).ok


def test_a_lane_with_a_weight_needs_a_request_by_weight() -> None:
    verdict = verify(BESIDE, planned(v1=20, v2=0, v3=0), entry_targets("v2"))
    assert [(lane.verified, lane.fits, lane.ok) for lane in verdict.lanes[:2]] == [
        (True, True, True),
        (True, True, False),
    ]


@pytest.mark.parametrize("name", ["v2", "v3"])
def test_without_requests_by_weight_a_lane_is_verified_alone(name: str) -> None:
    verdict = verify(BESIDE, [], entry_targets(name))
    assert (verdict.ok, verdict.requests, [lane.name for lane in verdict.lanes]) == (
        True,
        0,
        [name],
    )
    assert not verify(BESIDE, [], [(by(name), answer("v1", PLANNED["v1"]))]).ok


def test_a_lane_that_is_entered_is_verified_by_its_path_if_no_answer_names_lanes() -> None:
    drawn = [text(PLANNED["v1"])] * 90 + [text(PLANNED["v2"])] * 10
    assert verify(BESIDE, drawn, [(by("v3"), text(PLANNED["v3"]))]).ok
    verdict = verify(BESIDE, drawn, [(by("v3"), text(PLANNED["v1"]))])
    assert problems_of(verdict) == [("other-path v3", 200, 1)]


# Strict mode


def strict_answers(v1: int = 40, v2: int = 30, v3: int = 30) -> list[Answer]:
    return [
        *[answer("v1", "v1 v1 v1")] * v1,
        *[answer("v2", "v2 -", 503)] * v2,
        *[answer("v3", "v3 v3 -", 503)] * v3,
    ]


def test_a_503_where_strict_mode_ends_the_lane_is_as_planned() -> None:
    verdict = verify(STRICT, strict_answers())
    assert verdict.ok
    assert verdict.errors == 0
    assert counts_of(verdict) == {"v1": (40, 40), "v2": (30, 30), "v3": (30, 30)}


def test_lanes_that_end_at_the_gateway() -> None:
    chain = {"a": (("v1",), ())}
    strict = plan_of(*asm(chain, {"v1": 40, "v2": 30, "v3": 30}, strict=True))
    right = [Answer(200, "a", (Step("a", "v1", "v1"),))] * 40
    nothing = [Answer(503, "no healthy endpoint: outbound|8000|v2|a")] * 60
    verdict = verify(strict, right + nothing)
    assert verdict.ok
    assert verdict.errors == 0
    assert counts_of(verdict) == {"v1": (40, 40), "v2 or v3": (60, 60)}
    assert not verify(strict, right + [Answer(502, "bad gateway")] * 60).ok


# Answers that don't tell their lane


def texts(v1: int = 40, v2: int = 30, v3: int = 30) -> list[Answer]:
    counts = {"v1": v1, "v2": v2, "v3": v3}
    return [text(PLANNED[lane]) for lane, n in counts.items() for _ in range(n)]


def test_text_answers_are_distinguished_by_their_path() -> None:
    verdict = verify(PLAN, texts())
    assert verdict.ok
    assert counts_of(verdict) == {"v1": (40, 40), "v2": (30, 30), "v3": (30, 30)}
    assert not verify(PLAN, texts(100, 0, 0)).ok


def test_lanes_of_one_path_are_verified_as_one() -> None:
    chain = {"mocka": (("v1", "v3"), ("mockb",)), "mockb": (("v1",), ())}
    alike = plan_of(*asm(chain))
    verdict = verify(alike, [text("v1 v1")] * 70 + [text("v3 v1")] * 30)
    assert verdict.ok
    assert [(lane.name, lane.count) for lane in verdict.lanes] == [("v1 or v2", 70), ("v3", 30)]
    assert verdict.lanes[0].expected == pytest.approx(0.7)
    assert not verify(alike, [text("v1 v1")] * 30 + [text("v3 v1")] * 70).ok


def test_lanes_of_one_path_are_distinguished_by_json() -> None:
    chain = {"mocka": (("v1",), ())}
    alike = plan_of(*asm(chain, {"v1": 50, "v2": 50}))
    both = [answer("v1", "v1")] * 50 + [answer("v2", "v1")] * 50
    assert counts_of(verify(alike, both)) == {"v1": (50, 50), "v2": (50, 50)}
    assert not verify(alike, [answer("v1", "v1")] * 100).ok


OTHER_ORDER = (Step("mocka", "v2", "v2"), Step("mockc", "v1", "v2"), Step("mockb", "v2", "v2"))


@pytest.mark.parametrize(
    ("plan", "lane", "came", "planned"),
    [
        (PLAN, "v2", answer("v2", PLANNED["v2"]), True),
        (PLAN, "v2", text(PLANNED["v2"]), True),
        *((PLAN, "v2", answer("v2", PLANNED["v2"], status), False) for status in (500, 503, 204)),
        *(
            (PLAN, "v2", answer("v2", versions), False)
            for versions in (PLANNED["v1"], "v2 v1", "v2 v1 v2 v2", "v1 v1 v2", "v2 v2 v2")
        ),
        (PLAN, "v2", Answer(200, "", OTHER_ORDER), False),
        (PLAN, "v2", Answer(200, ""), False),
        (STRICT, "v2", answer("v2", "v2 -", 503), True),
        (STRICT, "v2", answer("v2", "v2 v1 v2"), False),
        (STRICT, "v2", answer("v2", "v2 -", 502), False),
        (STRICT, "v2", answer("v2", "v2 -", 200), False),
        (STRICT, "v2", answer("v2", "v2", 503), False),
        (STRICT, "v2", Answer(503, "no healthy endpoint"), False),
        (STRICT, "v1", answer("v1", "v1 -", 503), False),
    ],
)
def test_answers_that_fit_a_lane(plan: Plan, lane: str, came: Answer, planned: bool) -> None:
    assert fits(came, plan.lane(lane)) is planned


def test_many_shares_that_fail_are_matched_hop_by_hop() -> None:
    """All combinations of them would take years."""
    called = Hop("mockb", ("v1",), Reason.MATCH, failing=(Abort(503, 0.1),))
    v1 = Lane("v1", 1, Hop("mocka", ("v1",), Reason.MATCH, (called,) * 60))
    steps = [Step("mockb", "v1")] * 59
    path = (Step("mocka", "v1"), *steps, Step("mockb", ""))
    assert fits(Answer(503, "", path), v1)
    assert not fits(Answer(200, "", path), v1)
    assert not fits(Answer(503, "", path[:-1]), v1)


def test_an_answer_without_a_lane_where_others_name_theirs() -> None:
    verdict = verify(PLAN, [*planned(v1=39), answer(None, PLANNED["v1"])])
    assert problems_of(verdict) == [("no-lane", 200, 1)]
    assert not verdict.ok


# A share that fails at the gateway, which tells no lane


def some_fail(lanes: Mapping[str, int], failed: int) -> Verdict:
    """Verify answers of PAIR in halves, with a fault for 25% at the gateway's rule."""
    fault = {"abort": {"httpStatus": 503, "percentage": {"value": 25}}}
    plan = plan_of(
        *(
            put(document, "spec.http[0].fault", fault)
            if document["kind"] == "VirtualService" and document["metadata"]["name"] == "any"
            else document
            for document in asm(PAIR, HALVES)
        )
    )
    right = [answer(lane, f"{lane} {lane}") for lane, n in lanes.items() for _ in range(n)]
    return verify(plan, [*right, *[Answer(503, "fault filter abort")] * failed])


def test_requests_that_fail_at_the_gateway_are_of_no_lane_and_counted_once() -> None:
    verdict = some_fail({"v1": 375, "v2": 375}, 250)
    assert (closing(verdict), verdict.ok) == ("Lanes hold.", True)
    assert (verdict.requests, verdict.errors, verdict.planned_failures) == (1000, 0, 250)
    assert [(lane.count, lane.total) for lane in verdict.lanes] == [(375, 750)] * 2
    assert [(s.lane, s.version, s.count, s.total) for s in verdict.splits] == [
        ("v1 or v2", "503", 250, 1000)
    ]
    assert [(s.lane, s.count, s.total) for s in some_fail({"v1": 500, "v2": 500}, 0).splits] == [
        ("v1", 0, 500),
        ("v2", 0, 500),
    ]
    assert not some_fail({"v1": 500, "v2": 250}, 250).ok
    assert not some_fail({"v1": 300, "v2": 300}, 400).ok


# Whose pods answered


def of_namespaces(*namespaces: str | None) -> Answer:
    """Return a right answer of lane v2, its hops in these namespaces."""
    right = answer("v2", PLANNED["v2"])
    steps = zip(right.path, namespaces, strict=True)
    return replace(right, path=tuple(replace(s, namespace=n) for s, n in steps))


def in_green(documents: list[Document]) -> list[Document]:
    moved = yaml.safe_dump(documents).replace("namespace: default", "namespace: green")
    return list(yaml.safe_load(moved.replace(".default.svc", ".green.svc")))


GREEN = plan_of(*in_green(asm()))


def applied_anywhere(*versions: str) -> Plan:
    """Return the plan if the Deployments of these versions name no namespace."""
    return plan_of(
        *(
            without(d, "metadata.namespace")
            if d["kind"] == "Deployment" and d["metadata"]["name"].endswith(versions)
            else d
            for d in asm()
        )
    )


ANYWHERE = applied_anywhere("v1", "v2", "v3")


@pytest.mark.parametrize(
    ("plan", "namespaces", "problem"),
    [
        (GREEN, ("green", "green", "green"), ""),
        (GREEN, ("blue", "blue", "blue"), "other-namespace mocka blue"),
        (GREEN, ("green", "blue", "green"), "other-namespace mockb blue"),
        (GREEN, (None, None, None), ""),
        (GREEN, (None, "blue", None), "other-namespace mockb blue"),
        (PLAN, ("green", "green", "green"), "other-namespace mocka green"),
        (GREEN, ("green", "green", "blue"), "other-namespace mockc blue"),
        (ANYWHERE, ("green", "blue", "default"), ""),
        (applied_anywhere("v1"), ("green", "blue", "default"), ""),
    ],
)
def test_pods_of_another_release(
    plan: Plan, namespaces: tuple[str | None, ...], problem: str
) -> None:
    others = [a for a in planned() if a.lane != "v2"]
    verdict = verify(plan, [*others, *[of_namespaces(*namespaces)] * 30])
    assert problems_of(verdict) == ([(problem, 200, 30)] if problem else [])
    assert verdict.ok is (not problem)
    elsewhere = (Hint(Code.OTHER_RELEASE),) if " mocka " in problem else ()
    assert verdict.hints == elsewhere


def test_a_release_of_other_services() -> None:
    shop = Answer(200, "shop", (Step("shop", "v1", "v1", "blue"),))
    verdict = verify(GREEN, [shop] * 100)
    assert problems_of(verdict) == [("other-namespace shop blue", 200, 100)]
    assert verdict.hints == (Hint(Code.OTHER_RELEASE),)


# What wrong answers point to


def balanced(lanes: bool, seed: int = 1) -> list[Answer]:
    """Return 100 answers if the gateway alone has a sidecar: Kubernetes balances each hop."""
    draw = random.Random(seed)
    versions = {"mockb": ("v1", "v3"), "mockc": ("v1", "v2")}
    answers = []
    for lane, times in {"v1": 40, "v2": 30, "v3": 30}.items():
        tag = lane if lanes else None
        for _ in range(times):
            behind = [Step(s, draw.choice(v), tag) for s, v in versions.items()]
            answers.append(Answer(200, "", (Step("mocka", lane, tag), *behind)))
    return answers


def no_sidecar(namespace: str = "") -> Hint:
    return Hint(Code.NO_SIDECAR, ("mocka", "mockb"), (namespace,))


@pytest.mark.parametrize("lanes", [True, False])  # on ASM it is a sidecar that writes baggage
def test_hops_that_kubernetes_balances(lanes: bool) -> None:
    for seed in range(20):
        verdict = verify(GREEN, balanced(lanes, seed))
        assert not verdict.ok
        assert verdict.hints == (no_sidecar("green"),)
    assert verify(ANYWHERE, balanced(lanes)).hints == (no_sidecar(),)
    # The namespace that manifests name, or else the one that answers tell.
    blue = [
        replace(a, path=tuple(replace(step, namespace="blue") for step in a.path))
        for a in balanced(lanes)
    ]
    assert verify(ANYWHERE, blue).hints == (no_sidecar("blue"),)
    assert verify(applied_anywhere("v1"), blue).hints == (no_sidecar("default"),)


def test_one_service_whose_sidecar_is_missing() -> None:
    """Only mockb's pods lack a sidecar: mocka's still route by lane."""
    right = {lane: path.split() for lane, path in PLANNED.items()}
    drawn = [
        answer(lane, f"{a} {b} {c}") for lane, (a, b, _) in right.items() for c in ("v1", "v2")
    ]
    found = verify(GREEN, drawn * 10).hints
    assert found == (Hint(Code.NO_SIDECAR, ("mockb",), ("green",)),)


LOST = Hint(Code.LOST, ("mocka", "mockb"))
NOT_CALLED = Hint(Code.NOT_CALLED, ("shop", "cart"))


MIXED_UP = {"v1": "v1 v3 v1", "v2": "v2 v3 v2", "v3": "v3 v1 v1"}


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        # A pod of the lane is dead, at one service or at both: the baseline stands in.
        (planned(), {"v3": "v3 v1 v1"}),
        (planned(), {"v2": "v2 v1 v1", "v3": "v3 v1 v1"}),
        # The last rule has no subset: only lanes without a version of their own are drawn.
        (planned(), {"v1": "v1 v3 v2", "v2": "v2 v3 v2", "v3": "v3 v3 v2"}),
        # The gateway itself draws.
        (planned(), {"v1": "v2 v3 v1", "v2": "v1 v3 v2", "v3": "v2 v1 v1"}),
        # Labels that were mixed up: a lane gets the same version always.
        ([], MIXED_UP),
    ],
)
def test_paths_that_are_wrong_for_another_reason(
    right: list[Answer], wrong: dict[str, str]
) -> None:
    misrouted = [answer(lane, versions) for lane, versions in wrong.items() for _ in range(10)]
    verdict = verify(PLAN, [*right, *misrouted])
    assert not verdict.ok
    assert verdict.hints == ()


def test_a_lane_that_opentelemetry_does_not_propagate() -> None:
    """With sidecars and without: a lost lane is a surer cause than a missing sidecar."""
    lost = [answer(lane, f"{lane} v1 v1", tags=f"{lane} - -") for lane in PLANNED] * 20
    drawn = [
        replace(a, path=(a.path[0], *(replace(s, lane=None) for s in a.path[1:])))
        for a in balanced(lanes=True)
    ]
    assert verify(PLAN, lost).hints == verify(PLAN, drawn).hints == (LOST,)


def test_a_missing_injection_is_a_hint_where_manifests_ask_for_it() -> None:
    annotations = "spec.template.metadata.annotations"
    inject = {"instrumentation.opentelemetry.io/inject-python": "demo"}
    injected = [put(d, annotations, inject) if d["kind"] == "Deployment" else d for d in asm()]
    plan = plan_of(*injected, kube.instrumentation(name="demo"))
    has = {"mocka": "own 0.66b1", "mockb": "injected 0.64b0", "mockc": "own 0.66b1"}
    answers = [
        replace(
            one, path=tuple(replace(step, instrumentation=has[step.service]) for step in one.path)
        )
        for one in planned()
    ]
    verdict = verify(plan, answers)
    assert verdict.ok
    assert verdict.hints == (
        Hint(Code.NOT_INJECTED, ("mocka", "mockc"), ("default",), instead=("own 0.66b1",) * 2),
    )
    assert verify(PLAN, answers).hints == ()


@pytest.mark.parametrize(
    ("assumed", "hints"),
    [
        ({"mocka": "baggage"}, ()),
        (
            {"mocka": "baggage", "mockb": "x-lane"},
            (Hint(Code.ASSUMED, ("mockb",), header="x-lane"),),
        ),
        (
            {"mocka": "x-a", "mockb": "x-b", "mockc": "x-a"},
            (Hint(Code.ASSUMED, ("mocka", "mockc"), header="x-a"),),
        ),
    ],
)
def test_a_header_that_services_alone_propagate(
    monkeypatch: pytest.MonkeyPatch, assumed: dict[str, str], hints: tuple[Hint, ...]
) -> None:
    monkeypatch.setattr(Plan, "assumed", assumed)
    wrong = [answer("v3", "v3 v1 v1") for _ in range(10)]
    assert verify(PLAN, [*planned(), *wrong]).hints == hints


def test_a_lane_that_changes_on_the_way_says_nothing_of_sidecars() -> None:
    drawn = [
        replace(a, path=(a.path[0], *(replace(s, lane="v1") for s in a.path[1:])))
        for a in balanced(lanes=True)
    ]
    assert verify(PLAN, drawn).hints == ()


def test_a_lane_that_no_gateway_sets_is_read_by_no_hop() -> None:
    """It may also be lost where the plan assumes that its header is propagated."""
    lane = rule(to("cart", "v2"), match=[header_is("x-lane", "v2")])
    shop = [
        kube.virtual_service("*", rule(to("shop")), gateways=["gw"]),
        *map(kube.service, ("shop", "cart")),
        kube.foreign("shop", CART_ADDR="cart:8000"),
        *(kube.foreign("cart", version) for version in ("v1", "v2")),
        kube.destination_rule("cart", "v1", "v2"),
    ]
    by_tag = kube.virtual_service("cart", lane, rule(to("cart", "v1")))
    found = plan_of(*shop, by_tag)
    lost = [(Target("v2", EntryRule({"x-lane": "v2"})), route("shop v1, cart v1"))]
    assert verify(found, [], lost).hints == (Hint(Code.ASSUMED, ("shop",), header="x-lane"),)
    split = kube.virtual_service("cart", rule(to("cart", "v1")))
    assert verify(plan_of(*shop, split), [route("shop v1, cart v2")]).hints == ()
    for planned in (found, plan_of(*shop, split)):
        assert verify(planned, [route("shop v1")]).hints == (NOT_CALLED,)
        assert verify(planned, [route("shop v1", status=502)]).hints != (NOT_CALLED,)
        assert verify(planned, [route("shop v1, cart v1, cart v1")]).hints == (
            Hint(Code.OTHER_CALLS),
        )


def test_a_service_may_answer_as_any_version_where_manifests_name_none() -> None:
    shop = Hop("shop", ("v1",), Reason.MATCH, (Hop("users", ("",), Reason.MATCH),))
    found = Plan("", "*", (Lane("untagged", 100, shop),))
    assert verify(found, [route("shop v1, users v1"), route("shop v1, users 2.1")]).ok
    assert not verify(found, [route("shop v2, users v1")]).ok
    nobody = (Step("shop", "v1"), Step("users", ""))
    assert not verify(found, [Answer(503, "", nobody)]).ok


def test_a_call_in_a_cycle_may_be_left_out() -> None:
    back = Hop("shop", ("v1",), Reason.MATCH, repeats=CallKey(Host("shop", "default")))
    cart = Hop("cart", ("v1", "v2"), Reason.SPLIT, (back,), shares=(0.5, 0.5), may_stop=True)
    shop = Hop("shop", ("v1",), Reason.MATCH, (cart, Hop("users", ("v1",), Reason.MATCH)))
    cycle = Plan("", "*", (Lane("untagged", 100, shop),))
    for behind in ("", ", shop v1"):
        ways = [f"shop v1, cart {version}{behind}, users v1" for version in ("v1", "v2")]
        verdict = verify(cycle, [route(way) for way in ways * 40])
        assert verdict.ok
        assert [(one.version, one.count, one.total) for one in verdict.splits] == [
            ("v1", 40, 80),
            ("v2", 40, 80),
        ]
        assert not verify(cycle, [route(ways[0])] * 80).ok
    for wrong in ("shop v1, cart v1, shop v1", "shop v1, cart v1, shop v2, users v1"):
        assert problems_of(verify(cycle, [route(wrong)])) == [("no-such-path", 200, 1)]


def test_a_call_in_a_cycle_is_as_planned() -> None:
    """Cart calls shop back by another path, so shop is planned again. No answer has the call."""
    again = Hop("cart", ("v1",), Reason.MATCH, repeats=CallKey(Host("cart", "default")))
    back = Hop("shop", ("v1",), Reason.MATCH, (again,), may_stop=True)
    cart = Hop("cart", ("v1",), Reason.MATCH, (back,), may_stop=True)
    cycle = Plan(
        "",
        "*",
        (Lane("untagged", 100, Hop("shop", ("v1",), Reason.MATCH, (cart,), may_stop=True)),),
    )
    assert verify(cycle, [route("shop v1, cart v1")]).ok
    assert verify(cycle, [route("shop v1, cart v2")]).hints == ()
    assert verify(cycle, [route("shop v1, db v1")]).hints == (
        Hint(Code.NOT_CALLED, ("shop", "cart")),
    )


@pytest.mark.parametrize("counts", [(100, 0, 0), (40, 60, 0), (40, 0, 60)])
def test_a_split_of_other_weights(counts: tuple[int, int, int]) -> None:
    """The weights of all lanes differ, or of some."""
    assert verify(PLAN, planned(*counts)).hints == (Hint(Code.OTHER_WEIGHTS),)
    assert verify(PLAN, planned()).hints == ()
