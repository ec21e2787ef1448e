"""The soak's schedule, and its expectation of answers."""

from itertools import islice

import pytest

from lanes.evidence.steps import Answer, Step
from lanes.planning.plan import plan
from tests.mesh.running import ROOT, load
from tests.soak.clients import Exchange
from tests.soak.expectation import MEGABYTE, Expectation, Usage, not_flat, settled
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


def test_faults_are_shorter_than_the_timeout_of_callers() -> None:
    assert max(fault.seconds for seed in range(100) for fault in schedule(seed)) < 5


def test_the_schedule_of_a_seed_does_not_change() -> None:
    """Or a failure that somebody wrote down could not be replayed."""
    assert schedule(1)[:2] == [
        Fault(peace=0.56, kind="killed", pod="mocka-v2", seconds=1.1),
        Fault(peace=0.56, kind="asked to end", pod="mocka-v1", seconds=1.41),
    ]


@pytest.fixture(scope="module")
def expected() -> Expectation:
    return Expectation(plan(load(str(ROOT / "k8s/asm"))))


def exchange(lane: str | None, *versions: str, lanes: list[str | None] | None = None) -> Exchange:
    """Return an answer of the sample's chain to a request from second 10 to 11."""
    steps = zip(("mocka", "mockb", "mockc"), versions, lanes or [lane] * 3, strict=False)
    return Exchange(10, 11, Answer(200, "", tuple(Step(*step) for step in steps)))


@pytest.mark.parametrize(
    ("answered", "wrong"),
    [
        (exchange("v1", "v1", "v1", "v1"), None),
        (exchange("v2", "v2", "v1", "v2"), None),
        (exchange("v2", "v1", "v1", "v1"), None),
        (exchange("v3", "v3", "v3", "v2"), "lane v3 is answered by mockc v2"),
        (exchange("v1", "v1", "v3", "v1"), "lane v1 is answered by mockb v3"),
        (exchange("v3", "v3", "v1", "v1", lanes=["v3", None, None]), "lane v3 is None at mockb"),
        (exchange("v3", "v3", "v1", "v1", lanes=["v3", "v3", "v2"]), "lane v3 is v2 at mockc"),
        (exchange(None, "v1", "v1", "v1"), "no path of a lane (None)"),
        (Exchange(10, 11, Answer(200, "hello")), "no path of a lane (None)"),
        (exchange("v9", "v1", "v1", "v1"), "no path of a lane (v9)"),
        (exchange("v1", "v1", "v1"), "no path of a lane (v1)"),
    ],
)
def test_an_answer_comes_from_its_lane_or_the_baseline(
    expected: Expectation, answered: Exchange, wrong: str | None
) -> None:
    assert expected.misrouted(answered) == wrong


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
    troubles = [trouble] if trouble else []
    assert expected.unprompted(exchange("v2", *versions), troubles) == unprompted


def test_requests_without_an_answer_have_failed(expected: Expectation) -> None:
    for status in (0, 302, 400, 500, 503):
        assert expected.failed(Exchange(0, 1, Answer(status, "")))
    assert not expected.failed(exchange("v1", "v1", "v1", "v1"))


@pytest.mark.parametrize(
    ("late", "grown"),
    [
        (Usage(100 * MEGABYTE, 100), []),
        (Usage(141 * MEGABYTE, 189), []),
        (Usage(142 * MEGABYTE, 100), ["envoy: 100 MB grew to 142 MB of memory"]),
        (Usage(100 * MEGABYTE, 190), ["envoy: 100 open files grew to 190"]),
        (Usage(10 * MEGABYTE, 1), []),
    ],
)
def test_growth_is_reported(late: Usage, grown: list[str]) -> None:
    assert not_flat("envoy", Usage(100 * MEGABYTE, 100), late) == grown


def test_usage_is_measured_by_medians() -> None:
    samples = [Usage(n, 10 * n) for n in (9, 9, 1, 2, 3, 5, 5, 8, 4, 90)]
    assert settled(samples) == (Usage(2, 20), Usage(90, 900))
    assert settled(samples[:1]) == (Usage(9, 90), Usage(9, 90))
