"""What matches take: of requests, and of each other."""

import random
from typing import get_args

import pytest
import re2

from lanes.mesh.matching import (
    Kind,
    Match,
    StringMatch,
    covers,
    disjoint,
    holds,
    is_catch_all,
    meets,
    value_covers,
    values_disjoint,
)

ANY_CASE = StringMatch("prefix", "/Beta", ignore_case=True)


def is_(value: str) -> StringMatch:
    return StringMatch("exact", value)


def begins(value: str) -> StringMatch:
    return StringMatch("prefix", value)


def under(value: str) -> StringMatch:
    return StringMatch("segments", value)


def fits(value: str) -> StringMatch:
    return StringMatch("regex", value)


THERE = StringMatch("present")


@pytest.mark.parametrize(
    ("asked", "taken", "not_taken"),
    [
        (is_("v1"), ["v1"], ["", "v10", "V1", None]),
        (is_(""), [""], ["x", None]),
        (begins("v1"), ["v1", "v10"], ["", "av1", None]),
        (under("/a"), ["/a", "/a/", "/a/b"], ["/ab", "/", None]),
        (under("/"), ["/", "//"], ["/a", None]),
        (fits("v[12]"), ["v1", "v2"], ["v12", "av1", "", None]),
        (THERE, ["", "v1"], [None]),
        (ANY_CASE, ["/beta", "/BETA/x"], ["/bet", None]),
        (StringMatch("regex", "/Beta", ignore_case=True), ["/Beta"], ["/beta", None]),
    ],
)
def test_values(asked: StringMatch, taken: list[str], not_taken: list[str | None]) -> None:
    assert [value for value in (*taken, *not_taken) if holds(asked, value)] == taken


@pytest.mark.parametrize(
    ("match", "taken"),
    [
        (Match(), True),
        (Match(headers={"x-lane": is_("v2")}), True),
        (Match(headers={"x-lane": is_("v2"), "x-other": THERE}), False),
        (Match(method=is_("GET")), True),
        (Match(method=is_("POST")), False),
        (Match(uri=under("/a")), True),
        (Match(uri=is_("/a/b?q=1")), False),
        (Match(query={"q": is_("1")}), True),
        (Match(query={"q": is_("2")}), False),
        (Match(without={"x-lane": is_("v2")}), False),
        (Match(without={"x-other": THERE}), True),
        (Match(without={"x-other": is_("")}), False),
    ],
)
def test_requests(match: Match, taken: bool) -> None:
    assert meets(match, {"x-lane": "v2"}, "GET", "/a/b?q=1&q=2") is taken


@pytest.mark.parametrize(
    ("match", "catch_all"),
    [
        (Match(), True),
        (Match(uri=begins("/")), True),
        (Match(uri=fits(".*")), True),
        (Match(uri=fits("/.*")), False),
        (Match(uri=begins("/a")), False),
        (Match(method=is_("GET")), False),
        (Match(without={"x": THERE}), False),
        (Match(query={"x": THERE}), False),
        (Match(headers={"x": THERE}), False),
    ],
)
def test_what_istio_takes_for_a_catch_all(match: Match, catch_all: bool) -> None:
    assert is_catch_all(match) is catch_all


MEMBER = r"(.*,)?\s*version\s*=\s*v1\s*([;,].*)?"
COVERS = [
    (is_("v1"), is_("v1"), True),
    (is_("v1"), is_("v10"), False),
    (is_("v1"), begins("v1"), False),
    (is_("v1"), fits("v1"), True),
    (begins("v1"), is_("v10"), True),
    (begins("v1"), begins("v10"), True),
    (begins("v10"), begins("v1"), False),
    (begins("/a"), under("/a"), True),
    (begins("/a/"), under("/a"), False),
    (begins("v1"), fits("v1[0-9]*"), True),
    (begins("v1"), fits("v1|v2"), False),
    (begins("v1"), THERE, False),
    (under("/a"), begins("/a"), False),
    (under("/a"), begins("/a/"), True),
    (under("/a"), under("/a/b"), True),
    (under("/a"), under("/ab"), False),
    (under("/a"), is_("/a"), True),
    (fits(".*"), THERE, True),
    (fits(".+"), THERE, False),
    (fits("[^/]*/?"), THERE, False),
    (fits(".+"), begins("v"), True),
    (fits("v.*"), begins("v1"), True),
    (fits("v[0-9]*"), begins("v1"), False),
    (fits("/a/.*"), under("/a"), False),
    (fits("/a(/.*)?"), under("/a"), True),
    (fits("v[12]"), is_("v2"), True),
    (begins(""), THERE, True),
    (fits(MEMBER), fits(MEMBER), True),
    (fits(MEMBER), is_("version=v1"), True),
    (fits(MEMBER), is_("version=v10"), False),
    (THERE, fits("x"), True),
    (THERE, ANY_CASE, True),
    (ANY_CASE, begins("/beta/x"), True),
    (ANY_CASE, fits("/beta/x"), False),
    (begins("/Beta"), ANY_CASE, False),
    (fits("/[Bb]eta.*"), ANY_CASE, False),
    (fits(".*"), ANY_CASE, True),
]


@pytest.mark.parametrize(("first", "second", "known"), COVERS)
def test_which_values_cover_others(first: StringMatch, second: StringMatch, known: bool) -> None:
    assert value_covers(first, second) is known


@pytest.mark.parametrize(
    ("first", "second", "known"),
    [
        (Match(), Match(headers={"x": THERE}), True),
        (Match(uri=begins("/")), Match(), True),
        (Match(uri=fits(".*")), Match(), True),
        (Match(uri=fits("/.*")), Match(), True),
        (Match(uri=fits(".+")), Match(uri=under("/a")), True),
        (Match(uri=fits("/[a-z]*")), Match(), False),
        (Match(uri=begins("/a")), Match(), False),
        (Match(uri=begins("/")), Match(uri=fits(".*")), True),
        (Match(headers={"x": is_("1")}), Match(headers={"x": is_("1"), "y": THERE}), True),
        (Match(headers={"x": is_("1"), "y": THERE}), Match(headers={"x": is_("1")}), False),
        (Match(query={"x": begins("1")}), Match(query={"x": is_("1")}), True),
        (Match(query={"x": begins("1")}), Match(), False),
        (Match(method=is_("GET")), Match(), False),
        (Match(method=is_("GET")), Match(method=is_("GET"), uri=is_("/a")), True),
        (Match(without={"x": THERE}), Match(), False),
        (Match(without={"x": THERE}), Match(without={"x": THERE}), True),
        (Match(without={"x": is_("1")}), Match(without={"x": THERE}), True),
        (Match(without={"x": is_("")}), Match(without={"x": THERE}), False),
        (Match(without={"x": THERE}), Match(without={"x": is_("1")}), False),
        (Match(without={"x": is_("1")}), Match(without={"x": begins("1")}), True),
        (Match(without={"x": begins("1")}), Match(without={"x": is_("1")}), False),
        (Match(without={"x": THERE}), Match(without={"x": fits(".+")}), False),
        (Match(without={"x": THERE}), Match(without={"x": fits(".*")}), True),  # it meets none
        (Match(without={"x": is_("1")}), Match(headers={"x": is_("2")}), True),
        (Match(without={"x": is_("1")}), Match(headers={"x": THERE}), False),
    ],
)
def test_which_matches_cover_others(first: Match, second: Match, known: bool) -> None:
    assert covers(first, second) is known


DISJOINT = [
    (is_("v1"), is_("v2"), True),
    (is_("v1"), is_("v1"), False),
    (is_("v1"), begins("v2"), True),
    (is_("v1"), fits("v[23]"), True),
    (is_("v1x"), fits("v[12]"), True),
    (under("/a"), fits("/a"), False),
    (is_("v1"), THERE, False),
    (begins("v1"), begins("v2"), True),
    (begins("v1"), begins("v10"), False),
    (begins("/a-b"), under("/a"), True),
    (begins("/a/b"), under("/a"), False),
    (under("/a"), under("/ab"), True),
    (under("/a"), under("/a/b"), False),
    (fits("v1.*"), begins("v2"), True),
    (fits("v1.*"), fits("v2.*"), True),
    (fits(".*v1"), fits("v2.*"), False),
    (fits(r"\C+"), begins("v2"), False),  # `re2` knows no range of it
    (ANY_CASE, begins("/BETA/x"), False),
    (ANY_CASE, is_("/alpha"), True),
    (ANY_CASE, fits("/alpha"), False),
]


@pytest.mark.parametrize(("first", "second", "known"), DISJOINT)
def test_which_values_are_disjoint(first: StringMatch, second: StringMatch, known: bool) -> None:
    assert values_disjoint(first, second) is known
    assert values_disjoint(second, first) is known


@pytest.mark.parametrize(
    ("first", "second", "known"),
    [
        (Match(), Match(), False),
        (Match(headers={"x": is_("1")}), Match(headers={"y": is_("1")}), False),
        (Match(headers={"x": is_("1")}), Match(headers={"x": is_("2")}), True),
        (Match(uri=begins("/a")), Match(uri=begins("/b")), True),
        (Match(method=is_("GET")), Match(method=is_("POST")), True),
        (Match(query={"x": is_("1")}), Match(query={"x": is_("2")}), True),
        (Match(without={"x": THERE}), Match(headers={"x": is_("1")}), True),
        (Match(without={"x": is_("2")}), Match(headers={"x": is_("1")}), False),
    ],
)
def test_which_matches_are_disjoint(first: Match, second: Match, known: bool) -> None:
    assert disjoint(first, second) is known
    assert disjoint(second, first) is known


VALUES = ["", "/", "/a", "/A", "/a/", "/a/b", "/ab", "/a-b", "v1", "v10", "v2", "version=v1"]
EXPRESSIONS = [".*", ".+", "/.*", "/a(/.*)?", "v[12]", "v1.*", "/a|/b", "[^/]*", MEMBER]


def some_value(rng: random.Random) -> StringMatch:
    kind: Kind = rng.choice(get_args(Kind))
    if kind == "present":
        return THERE
    value = rng.choice(EXPRESSIONS if kind == "regex" else VALUES)
    return StringMatch(kind, value, kind != "regex" and rng.random() < 0.2)


def some_match(rng: random.Random) -> Match:
    def some() -> dict[str, StringMatch]:
        return {"x": some_value(rng)} if rng.random() < 0.3 else {}

    uri = some_value(rng) if rng.random() < 0.5 else None
    method = is_(rng.choice(["GET", "POST"])) if rng.random() < 0.2 else None
    return Match(some(), uri, method, some(), some())


def test_no_request_contradicts_what_is_known_of_two_matches() -> None:
    """By every request that VALUES make, for pairs of matches drawn at random."""
    rng = random.Random(18)
    known = {"covers": 0, "disjoint": 0}
    headers = [{}, *({"x": value} for value in VALUES)]
    paths = [value for value in VALUES if value.startswith("/")]
    targets = [f"{path}{query}" for path in paths for query in ("", "?x=v1", "?x=/a")]
    requests = [(h, m, t) for h in headers for m in ("GET", "POST") for t in targets]
    for _ in range(1000):
        first, second = some_match(rng), some_match(rng)
        by_covers, by_disjoint = covers(first, second), disjoint(first, second)
        known["covers"] += by_covers
        known["disjoint"] += by_disjoint
        for request in requests if by_covers or by_disjoint else ():
            one, other = meets(first, *request), meets(second, *request)
            assert not (by_covers and other and not one), (first, second, request)
            assert not (by_disjoint and one and other), (first, second, request)
    assert min(known.values()) > 30, known


def test_every_range_of_a_regular_expression_holds_what_it_matches() -> None:
    """As `re2` has it: the ranges are an experimental part of its interface."""
    for expression in EXPRESSIONS:
        for value in VALUES:
            if re2.fullmatch(expression, value):
                assert not values_disjoint(fits(expression), is_(value))
                assert not values_disjoint(fits(expression), begins(value))
