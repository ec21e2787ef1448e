"""Hops that no answer shows are not seen: they are neither as planned nor wrong."""

import json
from dataclasses import replace
from typing import Any

import pytest

from lanes.evidence.answers import parse
from lanes.evidence.causes import Cause
from lanes.evidence.hop_verdicts import HopVerdict, LaneVerification
from lanes.evidence.source import with_hops
from lanes.evidence.steps import Answer, Routed, Step
from lanes.planning.entry_rule import EntryRule
from lanes.planning.hop import Hop, Reason
from lanes.planning.result import Lane, Plan
from lanes.report.closing import closing
from lanes.verification.hints import Hint, HintCode
from lanes.verification.targets import Target
from lanes.verification.tracing import traced
from lanes.verification.verdict import Holds
from lanes.verification.verify import verify
from tests.kube import asm
from tests.unit.lanes.reading import plan_of

PLAN = plan_of(*asm())
PLANNED = {"v1": "v1 v1 v1", "v2": "v2 v1 v2", "v3": "v3 v3 v1"}
WEIGHTS = {"v1": 40, "v2": 30, "v3": 30}
TRACE = "0af7651916cd43dd8448eb211c80319c"


def own(name: str, version: str, lane: str, *upstreams: dict[str, Any]) -> dict[str, Any]:
    """Return a hop of the sample's answer."""
    told = {"name": name, "version": version, "ip": "1", "lane": lane, "status": 200}
    return {**told, "duration_ms": 1, "upstreams": list(upstreams)}


def through_foreign(lane: str, form: str, stock: str = "") -> Answer:
    """Return an answer of mocka, which calls a foreign mockb, which calls mockc."""
    a, _, c = PLANNED[lane].split()
    tree = own("mockc", stock or c, lane)
    line = f"-> mockc(version: {stock or c}, ip: 1)"
    texts = {
        "nothing": "ok",
        "page": "<p>cart</p>",
        "own form": json.dumps({"name": "mockb", "version": "1.0.3", "items": []}),
        "tree": json.dumps({"cart": [1, 2], "stock": tree}),
        "listed": json.dumps({"stocks": [{"at": "here", "told": tree}]}),
        "line": json.dumps({"stock": line}),
        "text": f"cart, then {line}",
    }
    outside = {"url": "http://mockb:8000/", "status": 200, "duration_ms": 1, "text": texts[form]}
    body = json.dumps(own("mocka", a, lane, outside))
    return parse(200, "application/json", body.encode())


FORMS = {
    "nothing": ("mockb", "mockc"),
    "page": ("mockb", "mockc"),
    "own form": ("mockb", "mockc"),
    "tree": ("mockb",),
    "listed": ("mockb",),
    "line": ("mockb",),
    "text": ("mockb",),
}


@pytest.mark.parametrize(("form", "unseen"), FORMS.items())
def test_a_foreign_service_between_two_of_the_sample_is_not_seen(
    form: str, unseen: tuple[str, ...]
) -> None:
    verdict = verify(PLAN, [through_foreign(v, form) for v, n in WEIGHTS.items() for _ in range(n)])
    assert verdict.holds is Holds.AS_FAR_AS_SEEN
    assert (verdict.ok, verdict.unexpected, verdict.errors) == (True, (), 0)
    assert [lane.unseen for lane in verdict.lanes] == [unseen] * 3
    were = "was" if len(unseen) == 1 else "were"
    said = f"Lanes hold as far as seen: {', '.join(unseen)} {were} not seen."
    assert closing(verdict) == said


@pytest.mark.parametrize("form", ["tree", "line", "text"])
def test_a_wrong_hop_behind_a_foreign_one_is_wrong(form: str) -> None:
    wrong = [through_foreign("v2", form, stock="v1")] * 30
    right = [through_foreign(v, form) for v in ("v1", "v3") for _ in range(WEIGHTS[v])]
    verdict = verify(PLAN, [*right, *wrong])
    assert verdict.holds is Holds.DO_NOT_HOLD
    ((lane, broken, count),) = verdict.breaks
    assert (lane, broken.caller, broken.service, count) == ("v2", "mockb", "mockc", 30)
    assert (broken.planned, broken.answered, broken.cause) == ("v2", "v1", Cause.NOT_TOLD)


def test_a_lane_of_which_no_hop_is_seen() -> None:
    """The weights of this lane and the others are not rejected."""
    seen = [through_foreign(v, "tree") for v in ("v1", "v3") for _ in range(WEIGHTS[v])]
    verdict = verify(PLAN, [*seen, *[Answer(200, "cart 2")] * 30])
    assert verdict.holds is Holds.AS_FAR_AS_SEEN
    assert {lane.name: lane.unseen for lane in verdict.lanes}["v2"] == ("mocka", "mockb", "mockc")
    assert [lane.fits for lane in verdict.lanes] == [True, True, True]
    assert verify(PLAN, [*seen, *[Answer(503, "")] * 30]).holds is Holds.DO_NOT_HOLD


def test_a_request_that_entered_a_lane_and_of_which_no_hop_is_seen() -> None:
    seen = [through_foreign(v, "tree") for v, n in WEIGHTS.items() for _ in range(n)]
    rule = EntryRule({"x-lane": "v3"})
    lanes = [replace(x, entry_rules=(rule,)) if x.name == "v3" else x for x in PLAN.lanes]
    plan = replace(PLAN, lanes=tuple(lanes))
    verdict = verify(plan, seen, [(Target("v3", rule), Answer(200, "hello"))] * 5)
    assert verdict.ok
    (entered,) = verdict.entered
    assert (entered.inconclusive, entered.verified) == (5, False)
    assert entered.not_verified_because == "no hop is seen"


def test_a_trace_has_the_plan_beside_what_is_seen() -> None:
    trace = traced(PLAN, through_foreign("v2", "tree"))
    assert [(h.step.service, h.step.version, h.seen, h.depth) for h in trace.hops] == [
        ("mocka", "v2", True, 0),
        ("mockb", "v1", False, 1),
        ("mockc", "v2", True, 2),
    ]
    assert (trace.ok, trace.unseen) == (True, ("mockb",))
    wrong = {v: traced(PLAN, through_foreign("v2", "tree", stock=v)) for v in ("v1", "v3")}
    assert not any(found.ok for found in wrong.values())
    assert {v: found.hops[-1].misrouted for v, found in wrong.items()} == {
        "v1": "mockc v1 answered, and the plan is v2: is mockc v2 up?",
        "v3": "mockc v3 answered, and the plan is v2",
    }
    assert not traced(PLAN, Answer(200, "hello")).ok


def seen(*hops: str, **further: Any) -> tuple[Step, ...]:
    """Return steps such as "mockb v1 v2" (service, version, lane), each called by the last."""
    callers = ["", *(hop.split()[0] for hop in hops)]
    steps = []
    for caller, hop in zip(callers, hops, strict=False):
        service, version, *lane = hop.split()
        told = "" if version == "-" else version
        steps.append(Step(service, told, lane[0] if lane else None, caller=caller))
    return (*steps[:-1], replace(steps[-1], **further))


RIGHT, WRONG, UNSEEN = HopVerdict


@pytest.mark.parametrize(
    ("path", "verdicts"),
    [
        ((), [UNSEEN, UNSEEN, UNSEEN]),
        (seen("mocka v2 v2"), [RIGHT, UNSEEN, UNSEEN]),
        (seen("mocka v2 v2", "mockb v1 v2", "mockc v2 v2"), [RIGHT, RIGHT, RIGHT]),
        (seen("mocka v2 v2", "mockb v1 v2", "mockc v1 v2"), [RIGHT, RIGHT, WRONG]),
        (seen("mocka v2 v2", "mockb v1", "mockc v2 v2"), [RIGHT, WRONG, RIGHT]),
        (seen("mocka v2 v2", "mockb v1", lane_known=False), [RIGHT, RIGHT, UNSEEN]),
        (seen("mocka v1 v2"), [WRONG, UNSEEN, UNSEEN]),
        (seen("db v9 v2"), [UNSEEN, UNSEEN, UNSEEN]),
    ],
)
def test_the_verdict_on_each_hop(path: tuple[Step, ...], verdicts: list[HopVerdict]) -> None:
    lane = PLAN.lane("v2")
    assert [
        hop.verdict for hop in LaneVerification(lane, PLAN.lane("v1"), "v2").hops(path)
    ] == verdicts


def chose(*versions: str) -> Routed:
    return Routed(frozenset(versions))


@pytest.mark.parametrize(
    ("path", "service", "caller", "cause"),
    [
        (seen("mocka v1", routed=chose("v1")), "mocka", "", Cause.NOT_SET),
        (seen("mocka v3 v3", "mockb v1"), "mockb", "mocka", Cause.NOT_PROPAGATED),
        (seen("mocka v3 v3", "mockb v1 v2"), "mockb", "mocka", Cause.CHANGED),
        (seen("mocka v3 v3", "mockb - v3"), "mockb", "mocka", Cause.NO_ANSWER),
        (seen("mocka v3 v3", "mockb v1 v3"), "mockb", "mocka", Cause.NOT_TOLD),
        (
            seen("mocka v3 v3", "mockb v1 v3", routed=chose("v3")),
            "mockb",
            "mocka",
            Cause.NOT_READY,
        ),
        (seen("mocka v3 v3", "mockb v1 v3", routed=chose("v1")), "mockb", "mocka", Cause.NO_RULE),
        (
            seen("mocka v3 v3", "mockb v1", lane_known=False, routed=chose("v1")),
            "mockb",
            "mocka",
            Cause.NOT_TOLD,
        ),
        (seen("mocka v2 v3", routed=chose("v2")), "mocka", "", Cause.OTHER_RULE),
        (
            seen("mocka v3 v3", "mockb v1 v3", routed=Routed(proxied=False)),
            "mockb",
            "mocka",
            Cause.NO_SIDECAR,
        ),
        (
            seen("mocka v3 v3", "mockb v1 v3", lane_known=False, routed=Routed(ruled=False)),
            "mockb",
            "mocka",
            Cause.NO_RULE,
        ),
        (
            seen("mocka v3 v3", "mockb v3 v3", contradicted=True),
            "mockb",
            "mocka",
            Cause.CONTRADICTED,
        ),
    ],
)
def test_the_cause_of_the_first_wrong_hop(
    path: tuple[Step, ...], service: str, caller: str, cause: Cause
) -> None:
    verdict = verify(PLAN, [], [(Target("v3", EntryRule()), Answer(200, "", path, partial=True))])
    ((lane, broken, _),) = verdict.breaks
    assert (lane, broken.service, broken.caller, broken.cause) == ("v3", service, caller, cause)


SILENT = Step("mockb", "", caller="mocka", silent=True)


@pytest.mark.parametrize(
    ("path", "trace", "ends"),
    [
        (seen("mocka v2 v2"), TRACE, [("mocka", "mockb")]),
        (seen("mocka v2 v2", "mockb v1 v2"), TRACE, [("mockb", "mockc")]),
        # Only the answer tells: it has another form.
        (seen("mocka v2 v2"), "", []),
        ((*seen("mocka v2 v2"), SILENT), TRACE, [("mocka", "mockb")]),
        # A log tells the call, and not whose pod answered.
        ((*seen("mocka v2 v2"), replace(SILENT, routed=Routed())), TRACE, [("mockb", "mockc")]),
    ],
)
def test_the_end_of_the_evidence_is_a_hint_and_no_problem(
    path: tuple[Step, ...], trace: str, ends: list[tuple[str, str]]
) -> None:
    """Only the lane whose evidence ends has the hint."""
    v1 = seen("mocka v1 v1", "mockb v1 v1", "mockc v1 v1")
    v3 = seen("mocka v3 v3", "mockb v3 v3", "mockc v1 v3")
    answers = [Answer(200, "", told, partial=True, trace=trace) for told in (v1, path, v3)]
    verdict = verify(PLAN, answers)
    assert (verdict.holds, verdict.breaks) == (Holds.AS_FAR_AS_SEEN, ())
    assert verdict.hints == tuple(Hint(HintCode.EVIDENCE_ENDS, end) for end in ends)


def test_a_source_replaces_silent_hops_of_answers_that_are_not_whole() -> None:
    silent = Step("mockb", "", "v2", silent=True, caller="mocka")
    partial = Answer(200, "", (*seen("mocka v2 v2"), silent), partial=True)
    path = seen("mocka v2 v2", "mockb v1 v2")
    assert with_hops(partial, path).path == path
    assert with_hops(partial, ()) == partial
    whole = Answer(200, "", seen("mocka v2 v2"))
    assert with_hops(whole, path) == whole


def test_a_split_is_counted_by_the_hops_that_are_seen() -> None:
    cart = Hop("cart", ("v1", "v2"), Reason.SPLIT, shares=(0.5, 0.5))
    shop = Hop("shop", ("v1",), Reason.MATCH, (cart, Hop("stock", ("v1",), Reason.MATCH)))
    plan = Plan("", "*", (Lane("untagged", 100, shop),))

    def answers(*versions: str) -> list[Answer]:
        paths = [seen("shop v1", f"cart {version}") for version in versions]
        return [Answer(200, "", path, partial=True) for path in paths * 40]

    even = verify(plan, answers("v1", "v2"))
    assert even.holds is Holds.AS_FAR_AS_SEEN
    assert [(one.version, one.count, one.total) for one in even.splits] == [
        ("v1", 40, 80),
        ("v2", 40, 80),
    ]
    assert verify(plan, answers("v1", "v1")).holds is Holds.DO_NOT_HOLD


def test_a_hop_whose_pods_have_another_name_than_its_service() -> None:
    pods = frozenset({("basket", "v1")})
    cart = Hop("cart", ("v1",), Reason.MATCH, (Hop("stock", ("v1",), Reason.MATCH),), pods=pods)
    lane = Lane("untagged", 100, Hop("shop", ("v1",), Reason.MATCH, (cart,)))
    path = seen("shop v1", "basket v1", "stock v1")
    assert [hop.verdict for hop in LaneVerification(lane, lane, None).hops(path)] == [RIGHT] * 3
    verdict = verify(Plan("", "*", (lane,)), [Answer(200, "", path, partial=True)])
    assert verdict.holds is Holds.HOLD
