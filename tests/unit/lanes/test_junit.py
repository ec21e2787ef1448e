"""The result as JUnit XML."""

from dataclasses import replace
from xml.etree import ElementTree

from lanes.report.junit import junit
from tests.kube import asm
from tests.unit.lanes.clockwork import Clock, tried
from tests.unit.lanes.reading import plan_of


def cases(text: str) -> dict[str, str]:
    """Each case, by lane and name, and what became of it."""
    suite = ElementTree.fromstring(text)[0]  # noqa: S314 ours
    told = {
        f"{case.get('classname')}: {case.get('name')}": next(
            (child.tag for child in case if child.tag != "system-out"), "passed"
        )
        for case in suite
    }
    for word in ("failure", "skipped"):
        name = {"failure": "failures"}.get(word, word)
        assert suite.get(name) == str(list(told.values()).count(word))
    assert suite.get("tests") == str(len(told))
    return told


def test_each_lanes_path_share_and_comparison_is_a_case() -> None:
    assert cases(junit(tried(Clock()))) == {
        f"lane {lane}: {name}": "passed"
        for lane in ("v1", "v2", "v3")
        for name in ("path", "share", "no worse than v1")
        if (lane, name) != ("v1", "no worse than v1")
    }


def test_a_worse_lane_fails_with_no_worse() -> None:
    at = "lane v2: no worse than v1"
    assert cases(junit(tried(Clock("v2"))))[at] == "passed"
    assert "worse, allowed without --no-worse:" in junit(tried(Clock("v2")))
    told = cases(junit(tried(Clock("v2"), no_worse=True)))
    assert [case for case, became in told.items() if became == "failure"] == [at]


def test_a_lane_without_requests_is_skipped_and_a_wrong_answer_fails() -> None:
    weights = plan_of(*asm(weights={"v1": 100, "v2": 0}))
    gateway = Clock(by_weight=("v1",), wrong=3, says="<no> \x00 ]]> \ud800 healthy upstream")
    told = cases(junit(tried(gateway, weights)))
    assert (told["lane v2: path"], told["no lane: path"]) == ("skipped", "failure")
    assert told["lane v1: path"] == "passed"


def test_an_unseen_hop_fails_its_lanes_path_with_strict() -> None:
    result = tried(Clock())
    lanes = tuple(replace(lane, unseen=("mockb",)) for lane in result.verdict.lanes)
    unseen = replace(result, verdict=replace(result.verdict, lanes=lanes))
    assert cases(junit(unseen))["lane v2: path"] == "passed"
    assert "not seen: mockb" in junit(unseen)
    assert cases(junit(replace(unseen, strict=True)))["lane v2: path"] == "failure"
