"""Hints at the cause of wrong answers, by the smallest plans and answers."""

from dataclasses import replace
from typing import Any

import pytest

from lanes.evidence.steps import Answer, Measured, Routed, Step
from lanes.planning.hop import Hop, Reason
from lanes.planning.result import Lane, Plan
from lanes.verification.hints import Hint, HintCode, evidence_ends, hint, missing_injection

USERS = Hop("users", ("v1",), Reason.MATCH, injected=True)
CART = Hop("cart", ("v1",), Reason.MATCH, (USERS,), namespace="b")
SHOP = Hop("shop", ("v1",), Reason.MATCH, (CART,), namespace="a", injected=True)
PLAN = Plan("version", "*", (Lane("v1", 1, SHOP),))


def answer(text: str, status: int = 200, partial: bool = False, **further: Any) -> Answer:
    """Return an answer such as "shop v1 v1, cart v1" (service, version, lane); "-": no version."""
    steps = []
    for hop in text.split(", "):
        service, version, *lane = hop.split()
        steps.append(Step(service, version.strip("-"), lane[0] if lane else None))
    last = replace(steps[-1], **further)
    return Answer(status, text, (*steps[:-1], last), partial=partial)


def lost(caller: str, service: str, *namespaces: str) -> Hint:
    return Hint(HintCode.LOST, (caller, service), namespaces)


RIGHT = answer("shop v1 v1, cart v1 v1, users v1 v1")
AT_CART = answer("shop v1 v1, cart v1, users v1")
AT_USERS = answer("shop v1 v1, cart v1 v1, users v1")


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ([AT_CART], lost("shop", "cart", "a")),
        ([AT_USERS], lost("cart", "users", "")),
        ([AT_CART, AT_USERS, AT_USERS], lost("cart", "users", "")),
        ([AT_USERS, AT_CART, AT_CART], lost("shop", "cart", "a")),
        ([RIGHT], None),
        # Nobody answered, or nothing tells the lane, or whether the caller had it.
        ([answer("shop v1 v1, cart -")], Hint(HintCode.NOT_CALLED, ("cart", "users"))),
        ([answer("shop v1 v1, cart v1", partial=True, lane_known=False)], None),
        ([answer("cart v1 v9, users v1 v1, shop v1", partial=True)], None),
    ],
)
def test_where_a_lane_is_lost_most_often(answers: list[Answer], found: Hint | None) -> None:
    assert hint(PLAN, answers) == found


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ([answer("shop v1 v1")], Hint(HintCode.NOT_CALLED, ("shop", "cart"))),
        ([answer("shop v1 v1, cart v1 v1")], Hint(HintCode.NOT_CALLED, ("cart", "users"))),
        ([RIGHT, answer("shop v1 v1, db v1 v1")], Hint(HintCode.OTHER_CALLS)),
        ([answer("users v1 v1")], Hint(HintCode.OTHER_CALLS)),
        # Whichever versions answer.
        ([answer("shop v2 v1, cart v2 v1, users v2 v1")], None),
        # An answer that failed, or tells a part, may have ended before.
        ([answer("shop v1 v1", 503)], None),
        ([answer("shop v1 v1", partial=True)], None),
        ([], None),
    ],
)
def test_services_that_call_others_than_planned(answers: list[Answer], found: Hint | None) -> None:
    assert hint(PLAN, answers) == found


def planned(header: str = "version", **lane: Any) -> Plan:
    return Plan(header, "*", tuple(replace(one, **lane) for one in PLAN.lanes))


NONE = answer("shop v2, cart v1, users v1")


@pytest.mark.parametrize(
    ("plan", "answers", "told"),
    [
        (PLAN, [NONE], True),
        (PLAN, [], False),
        (PLAN, [Answer(503, "")], False),
        (PLAN, [NONE, RIGHT], False),
        (PLAN, [replace(NONE, path=tuple(replace(s, lane_known=False) for s in NONE.path))], False),
        # No gateway sets a lane header, or none that answers tell.
        (planned(""), [NONE], False),
        (planned(client_header="version"), [NONE], False),
        (planned(carrier="x-lane"), [NONE], False),
        (replace(PLAN, lanes=(*planned(carrier="x-lane").lanes, *PLAN.lanes)), [NONE], True),
    ],
)
def test_no_answer_names_a_lane_that_the_gateway_sets(
    plan: Plan, answers: list[Answer], told: bool
) -> None:
    assert hint(plan, answers) == (Hint(HintCode.NO_LANE) if told else None)


def injection(services: tuple[str, ...], *namespaces: str) -> Hint:
    return Hint(HintCode.NOT_INJECTED, services, namespaces, instead=("own 1",) * len(services))


OWN: dict[str, Any] = {"instrumentation": "own 1"}


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ([answer("shop v1", **OWN)], injection(("shop",), "a")),
        ([answer("shop v1", **OWN, namespace="x")], injection(("shop",), "a")),
        # Where manifests name no namespace, it is the one that answers tell.
        ([answer("users v1", **OWN, namespace="x")], injection(("users",), "x")),
        (
            [answer("users v1", **OWN), answer("shop v1", **OWN)],
            injection(("shop", "users"), "", "a"),
        ),
        (
            [answer("shop v1", **OWN, measured=Measured(0, "10.0.0.1", 200, 1, 1))],
            injection(("shop",), "a"),
        ),
        ([answer("shop v1", **OWN, measured=Measured(0, "127.0.0.9", 200, 1, 1))], None),
        ([answer("cart v1", **OWN)], None),  # nobody asks for it
        ([answer("shop v1", instrumentation="injected 1")], None),
        ([answer("shop v1")], None),
        ([], None),
    ],
)
def test_services_that_lack_their_injection(answers: list[Answer], found: Hint | None) -> None:
    assert missing_injection(PLAN, answers) == found


ENDS = [("shop", "cart"), ("cart", "users")]


@pytest.mark.parametrize(
    ("unseen", "path", "trace", "ends"),
    [
        (("cart", "users"), "shop v1", "a", ENDS[:1]),
        (("users",), "shop v1, cart v1", "a", ENDS[1:]),
        ((), "shop v1", "a", []),
        (("cart", "users"), "shop v1", "", []),
        (("cart", "users"), "shop -", "a", []),
        (("users",), "shop v1, users v1", "a", []),
    ],
)
def test_the_calls_at_which_evidence_ends(
    unseen: tuple[str, ...], path: str, trace: str, ends: list[tuple[str, str]]
) -> None:
    (lane,) = PLAN.lanes
    found = evidence_ends(lane, unseen, [replace(answer(path), trace=trace)])
    assert list(found) == [Hint(HintCode.EVIDENCE_ENDS, end) for end in ends]
    routed = evidence_ends(lane, unseen, [replace(answer("shop -", routed=Routed()), trace=trace)])
    assert bool(list(routed)) is bool(trace and "cart" in unseen)
