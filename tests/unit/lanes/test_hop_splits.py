"""Splits, and shares that fail, at the hops of right answers."""

from dataclasses import replace

import pytest

from lanes.evidence.steps import Answer, Step
from lanes.mesh.traffic import Abort
from lanes.planning.hop import Hop, HopPart, Reason
from lanes.planning.result import Lane
from lanes.verification.classification import ClassifiedAnswer, Groups
from lanes.verification.hop_splits import HopSplit, splits
from lanes.verification.problems import Problem, ProblemCode
from lanes.verification.split import interval

FAULT = (Abort(503, 0.25),)
USERS = Hop("users", ("v1",), Reason.MATCH)
CART = Hop("cart", ("v1", "v2"), Reason.SPLIT, (USERS,), shares=(0.4, 0.6))


def shop(*upstreams: Hop, failing: tuple[Abort, ...] = ()) -> Hop:
    return Hop("shop", ("v1",), Reason.MATCH, upstreams, failing=failing)


def came(text: str, lane: str = "v1", partial: bool = False) -> ClassifiedAnswer:
    """Return a right answer: "shop v1, cart -" if nothing answers at cart; "": the gateway's."""
    hops = (hop.split() for hop in text.split(", ") if hop)
    path = tuple(Step(name, version.strip("-")) for name, version in hops)
    return ClassifiedAnswer(lane, None, Answer(200, text, path, partial=partial))


def counted(lanes: dict[str, Hop], answers: list[ClassifiedAnswer]) -> list[HopSplit]:
    """Return the splits of lanes. A lane whose name ends with "?" has no weight."""
    groups: Groups = {
        name: (Lane(name, int("?" not in name), entry),) for name, entry in lanes.items()
    }
    return list(splits(groups, answers))


Row = tuple[str, str, str, int, int, float]


def rows(found: list[HopSplit]) -> list[Row]:
    return [(s.lane, s.service, s.version, s.count, s.total, s.expected) for s in found]


WHOLE = [came(f"shop v1, cart {version}, users v1") for version in ("v1", "v2", "v2")]
ENDS = came("shop v1, cart -")
PARTS = [came("cart v1", partial=True), came("shop v1, cart v2", partial=True)]
OTHER = came("shop v1, cart v3, users v1")
WRONG = replace(WHOLE[0], problem=Problem(ProblemCode.OTHER_PATH))
V1, V2 = ("v1", "cart", "v1"), ("v1", "cart", "v2")


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        (WHOLE, [(*V1, 1, 3, 0.4), (*V2, 2, 3, 0.6)]),
        ([], []),
        # What is wrong, ends before, or is of a version that the rule does not name tells nothing.
        ([*WHOLE, WRONG, ENDS, OTHER], [(*V1, 1, 3, 0.4), (*V2, 2, 3, 0.6)]),
        ([ENDS], []),
        # Whole answers count alone; where there is none, what is seen does.
        ([*WHOLE, *PARTS], [(*V1, 1, 3, 0.4), (*V2, 2, 3, 0.6)]),
        (PARTS, [(*V1, 1, 2, 0.4), (*V2, 1, 2, 0.6)]),
        ([*PARTS, came("shop v1, cart v3", partial=True)], [(*V1, 1, 2, 0.4), (*V2, 1, 2, 0.6)]),
        ([came("shop v1", partial=True)], []),
    ],
)
def test_which_answers_count_at_a_split(answers: list[ClassifiedAnswer], found: list[Row]) -> None:
    assert rows(counted({"v1": shop(CART)}, answers)) == found


def test_the_splits_of_each_lane_are_its_own() -> None:
    answers = [*WHOLE, *(replace(one, name="v2") for one in PARTS)]
    assert rows(counted({"v1": shop(CART), "v2": shop(CART), "v3": shop(CART)}, answers)) == [
        (*V1, 1, 3, 0.4),
        (*V2, 2, 3, 0.6),
        ("v2", "cart", "v1", 1, 2, 0.4),
        ("v2", "cart", "v2", 1, 2, 0.6),
    ]


ONE, TWO = frozenset({("one", "v1")}), frozenset({("two", "v1"), ("two", "v2")})


@pytest.mark.parametrize(
    ("pods", "found"),
    [
        ((ONE, TWO), [("one v1", 1, 4, 0.4), ("two v1|v2", 3, 4, 0.6)]),
        ((ONE, ONE | TWO), []),  # a pod of both Services tells neither
    ],
)
def test_a_split_between_services_is_counted_by_their_pods(
    pods: tuple[frozenset[tuple[str, str]], ...], found: list[tuple[str, int, int, float]]
) -> None:
    one, two = pods
    parts = (HopPart("one", ("v1",), 0.4, one), HopPart("two", ("v1", "v2"), 0.6, two))
    hop = Hop("one|two", ("v1", "v2"), Reason.SPLIT, parts=parts, pods=one | two)
    answers = [came(text) for text in ("one v1", "two v1", "two v2", "two v2")]
    assert [row[2:] for row in rows(counted({"v1": hop}, answers))] == found


def test_a_call_to_one_other_service_is_split_by_its_versions() -> None:
    led = (HopPart("two", ("v1", "v2"), 1.0, TWO),)
    hop = Hop("cart", ("v1", "v2"), Reason.SPLIT, shares=(0.4, 0.6), parts=led, pods=TWO)
    found = rows(counted({"v1": hop}, [came("two v1"), came("two v2"), came("two v2")]))
    assert found == [(*V1, 1, 3, 0.4), (*V2, 2, 3, 0.6)]


MANY = (Abort(503, 0.25), Abort(429, 0.125))
FAULTY = Hop("cart", ("v1",), Reason.MATCH, (USERS,), failing=FAULT)
NOBODY = Hop("cart", (), Reason.NONE, status=503, failing=FAULT)
FAILED = [ENDS, *(came("shop v1, cart v1, users v1") for _ in range(3))]
AT_GATEWAY = [came(""), *(came("shop v1") for _ in range(3))]


@pytest.mark.parametrize(
    ("entry", "answers", "found"),
    [
        (shop(FAULTY), FAILED, [("v1", "cart", "503", 1, 4, 0.25)]),
        (shop(FAULTY), [came("shop v1"), *FAILED], [("v1", "cart", "503", 1, 4, 0.25)]),
        (shop(FAULTY), [came("shop v1, db -"), *FAILED], [("v1", "cart", "503", 1, 4, 0.25)]),
        (shop(FAULTY), [came(""), *FAILED], [("v1", "cart", "503", 1, 4, 0.25)]),
        (shop(replace(FAULTY, failing=MANY)), [ENDS], [("v1", "cart", "503|429", 1, 1, 0.375)]),
        (shop(FAULTY), [came("shop v1")], []),
        (shop(FAULTY), [], []),
        (shop(NOBODY), [ENDS], []),
        (shop(failing=FAULT), AT_GATEWAY, [("v1", "shop", "503", 1, 4, 0.25)]),
        (shop(failing=FAULT), [came("")], [("v1", "shop", "503", 1, 1, 0.25)]),
        # At the gateway, whichever service its rule leads to.
        (shop(failing=FAULT), [came("other v1")], [("v1", "shop", "503", 0, 1, 0.25)]),
    ],
)
def test_which_answers_count_at_a_share_that_fails(
    entry: Hop, answers: list[ClassifiedAnswer], found: list[Row]
) -> None:
    assert rows(counted({"v1": entry}, answers)) == found


BOTH = {"v1": shop(failing=FAULT), "v2": Hop("web", ("v2",), Reason.MATCH, failing=FAULT)}
OTHERS = replace(BOTH["v2"], failing=MANY)
UNNAMED = [came("", "v1 or v2"), came("shop v1"), came("web v2", "v2"), came("web v2", "v2")]


@pytest.mark.parametrize(
    ("lanes", "answers", "found"),
    [
        # A failed answer that names no lane is of all lanes that share the fault, and a weight.
        (BOTH, UNNAMED, [("v1 or v2", "shop", "503", 1, 4, 0.25)]),
        (BOTH, UNNAMED[1:], [("v1", "shop", "503", 0, 1, 0.25), ("v2", "web", "503", 0, 2, 0.25)]),
        (
            {**BOTH, "v3?": shop(failing=FAULT)},
            [*UNNAMED, came("", "v3?")],
            [("v1 or v2", "shop", "503", 1, 4, 0.25), ("v3?", "shop", "503", 1, 1, 0.25)],
        ),
        (
            {"v1": BOTH["v1"], "v2?": BOTH["v2"]},
            [came(""), came("web v2", "v2?")],
            [("v1", "shop", "503", 1, 1, 0.25), ("v2?", "web", "503", 0, 1, 0.25)],
        ),
        # Other shares are other faults, and so are those at other services.
        (
            {"v1": BOTH["v1"], "v2": OTHERS},
            [came(""), came("web v2", "v2"), came("", "v1 or v2")],
            [("v1", "shop", "503", 1, 1, 0.25), ("v2", "web", "503|429", 0, 1, 0.375)],
        ),
        (
            {"v1": shop(FAULTY), "v2": shop(replace(FAULTY, service="db"))},
            [ENDS, came("shop v1, db -", "v2"), came("shop v1, cart -", "v1 or v2")],
            [("v1", "cart", "503", 1, 1, 0.25), ("v2", "db", "503", 1, 1, 0.25)],
        ),
    ],
)
def test_lanes_that_share_a_fault_are_counted_together_if_failed_answers_name_none(
    lanes: dict[str, Hop], answers: list[ClassifiedAnswer], found: list[Row]
) -> None:
    assert rows(counted(lanes, answers)) == found


def test_all_splits_of_a_run_share_its_false_alarm_rate() -> None:
    """Fewer failures are right, too: meshes retry what fails."""
    answers = [*WHOLE, came("shop v1, cart -")]
    one, two, fails = counted({"v1": shop(replace(CART, failing=FAULT))}, answers)
    assert (one.low, one.high) == interval(1, 3, 3)
    assert (two.low, two.high) == interval(2, 3, 3)
    assert (fails.version, fails.low, fails.high) == ("503", interval(1, 4, 3)[0], 1.0)


@pytest.mark.parametrize(
    ("expected", "fits"), [(0.39, False), (0.4, True), (0.5, True), (0.6, True), (0.61, False)]
)
def test_a_share_fits_within_its_bounds(expected: float, fits: bool) -> None:
    assert HopSplit("v1", "cart", "v1", 5, 10, expected, 0.4, 0.6).fits is fits
