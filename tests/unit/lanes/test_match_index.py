"""An index of matches finds the same as a comparison with each match."""

import random
from collections.abc import Callable
from itertools import product

import pytest

from lanes.mesh.match_index import MatchIndex
from lanes.mesh.matching import Match, StringMatch, covers, disjoint
from tests.unit.lanes.test_matching import COVERS, DISJOINT, THERE, begins, fits, is_, some_match


def test_it_finds_the_same_matches_in_the_same_order() -> None:
    rng = random.Random(3)
    for _ in range(40):
        matches = [some_match(rng) for _ in range(30)]
        index: MatchIndex[int] = MatchIndex()
        for number, match in enumerate(matches):
            assert list(index.covering(match)) == [
                n for n, first in enumerate(matches[:number]) if covers(first, match)
            ]
            assert list(index.meeting(match)) == [
                n for n, first in enumerate(matches[:number]) if not disjoint(first, match)
            ]
            index.add(match, number)


def test_it_finds_each_kind_of_condition_by_each_other() -> None:
    values = dict.fromkeys(one for first, second, _ in COVERS + DISJOINT for one in (first, second))
    for first, second in product(values, repeat=2):
        filed, asked = Match({"x": first}), Match({"x": second})
        index: MatchIndex[str] = MatchIndex()
        index.add(filed, "filed")
        assert list(index.covering(asked)) == ["filed"] * covers(filed, asked)
        assert list(index.meeting(asked)) == ["filed"] * (not disjoint(filed, asked))


def lane_and_path(number: int) -> Match:
    return Match({"x-lane": is_(f"l{number}")}, uri=begins(f"/{number}/"))


def path(number: int) -> Match:
    return Match({"x-lane": THERE}, uri=is_(f"/{number}/a"))


def regex_at_any_path(number: int) -> Match:
    return Match({"x-lane": fits(f"l{number}")}, uri=begins("/"))


def path_in_any_case(number: int) -> Match:
    uri = StringMatch("exact", "/7/a", ignore_case=True)
    return Match({"x-lane": begins(f"l{number}")}, uri=uri)


@pytest.mark.parametrize("filed", [lane_and_path, path, path_in_any_case, regex_at_any_path])
def test_other_matches_are_not_compared(filed: Callable[[int], Match]) -> None:
    index: MatchIndex[int] = MatchIndex()
    for number in range(100):
        index.add(filed(number), number)
    near = Match({"x-lane": is_("l7")}, uri=is_("/7/a"))
    for match in (near, filed(7)):
        assert [item for _, item in index.near(match)] == [7]
    assert list(index.near(Match({"x-lane": THERE}))) == []


def test_a_shorter_exact_value_is_not_compared() -> None:
    index: MatchIndex[int] = MatchIndex()
    for number in (7, 77):
        index.add(lane_and_path(number), number)
    assert [item for _, item in index.near(lane_and_path(77))] == [77]
