"""The soak's schedule, and its expectation of answers."""

from itertools import islice

import pytest

from lanes.evidence.steps import Answer, Step
from lanes.planning.plan import plan
from tests.mesh.running import ROOT, load
from tests.soak.clients import Asked
from tests.soak.expectation import MEGABYTE, Expectation, Held, not_flat, settled
from tests.soak.faults import Trouble
from tests.soak.schedule import KINDS, Fault, faults

PODS = ["mocka-v1", "mocka-v1_1", "mocka-v2"]


def schedule(seed: int, service: str = "mocka", pods: list[str] = PODS) -> list[Fault]:
    return list(islice(faults(seed, service, pods), 60))


def test_a_seed_and_a_service_have_one_schedule() -> None:
    assert schedule(1) == schedule(1)
    assert schedule(1) != schedule(2)
    assert schedule(1) != schedule(1, "mockb")


def test_every_kind_comes_before_any_comes_again() -> None:
    kinds = [fault.kind for fault in schedule(1)]
    for start in range(0, len(kinds), len(KINDS)):
        assert set(kinds[start : start + len(KINDS)]) == set(KINDS)
    assert {fault.pod for fault in schedule(1)} == set(PODS)


def test_nothing_is_stopped_for_as_long_as_a_caller_waits() -> None:
    assert max(fault.seconds for seed in range(100) for fault in schedule(seed)) < 5


def test_a_seed_of_today_means_the_same_tomorrow() -> None:
    """Or a failure that somebody wrote down could not be replayed."""
    assert schedule(1)[:2] == [
        Fault(peace=0.56, kind="killed", pod="mocka-v2", seconds=1.1),
        Fault(peace=0.56, kind="asked to end", pod="mocka-v1", seconds=1.41),
    ]


@pytest.fixture(scope="module")
def expected() -> Expectation:
    return Expectation(plan(load(str(ROOT / "k8s/asm"))))


def asked(lane: str | None, *versions: str, lanes: list[str | None] | None = None) -> Asked:
    """Return an answer of the sample's chain to a request from second 10 to 11."""
    steps = zip(("mocka", "mockb", "mockc"), versions, lanes or [lane] * 3, strict=False)
    return Asked(10, 11, Answer(200, "", tuple(Step(*step) for step in steps)))


@pytest.mark.parametrize(
    ("one", "wrong"),
    [
        (asked("v1", "v1", "v1", "v1"), None),
        (asked("v2", "v2", "v1", "v2"), None),
        (asked("v2", "v1", "v1", "v1"), None),
        (asked("v3", "v3", "v3", "v2"), "lane v3 is answered by mockc v2"),
        (asked("v1", "v1", "v3", "v1"), "lane v1 is answered by mockb v3"),
        (asked("v3", "v3", "v1", "v1", lanes=["v3", None, None]), "lane v3 is None at mockb"),
        (asked("v3", "v3", "v1", "v1", lanes=["v3", "v3", "v2"]), "lane v3 is v2 at mockc"),
        (asked(None, "v1", "v1", "v1"), "no way of a lane (None)"),
        (Asked(10, 11, Answer(200, "hello")), "no way of a lane (None)"),
        (asked("v9", "v1", "v1", "v1"), "no way of a lane (v9)"),
        (asked("v1", "v1", "v1"), "no way of a lane (v1)"),
    ],
)
def test_an_answer_comes_from_its_lane_or_the_baseline(
    expected: Expectation, one: Asked, wrong: str | None
) -> None:
    assert expected.misrouted(one) == wrong


@pytest.mark.parametrize(
    ("versions", "trouble", "unprompted"),
    [
        (("v2", "v1", "v2"), None, False),
        (("v2", "v1", "v1"), None, True),
        (("v2", "v1", "v1"), Trouble("killed", "mockc", "v2", 9, 10.5), False),
        (("v2", "v1", "v1"), Trouble("killed", "mockc", "v2", 8, 9.9), True),
        (("v2", "v1", "v1"), Trouble("killed", "mockc", "v1", 9, 10.5), True),
        (("v1", "v1", "v1"), Trouble("killed", "mockc", "v2", 9, 10.5), True),
    ],
)
def test_a_lane_falls_back_for_a_reason(
    expected: Expectation, versions: tuple[str, ...], trouble: Trouble | None, unprompted: bool
) -> None:
    assert expected.unprompted(asked("v2", *versions), [trouble] if trouble else []) == unprompted


def test_whatever_is_no_answer_has_failed(expected: Expectation) -> None:
    for status in (0, 302, 400, 500, 503):
        assert expected.failed(Asked(0, 1, Answer(status, "")))
    assert not expected.failed(asked("v1", "v1", "v1", "v1"))


@pytest.mark.parametrize(
    ("late", "grown"),
    [
        (Held(100 * MEGABYTE, 100), []),
        (Held(141 * MEGABYTE, 189), []),
        (Held(142 * MEGABYTE, 100), ["envoy: 100 MB grew to 142 MB of memory"]),
        (Held(100 * MEGABYTE, 190), ["envoy: 100 open files grew to 190"]),
        (Held(10 * MEGABYTE, 1), []),
    ],
)
def test_what_grew_is_told(late: Held, grown: list[str]) -> None:
    assert not_flat("envoy", Held(100 * MEGABYTE, 100), late) == grown


def test_what_settled_is_told_by_its_medians() -> None:
    samples = [Held(n, 10 * n) for n in (9, 9, 1, 2, 3, 5, 5, 8, 4, 90)]
    assert settled(samples) == (Held(2, 20), Held(90, 900))
    assert settled(samples[:1]) == (Held(9, 90), Held(9, 90))
