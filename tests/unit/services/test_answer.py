"""The answer tree as text and JSON, and its parsing."""

import functools
import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.answer import Hop, Node, Outside, as_json, as_text, from_json

DEEPEST = 100
YEAR = 32_000_000_000  # milliseconds


def hop(name: str, *upstreams: Node, version: str = "v1", status: int = 200) -> Hop:
    return Hop(
        name=name,
        version=version,
        ip="192.168.1.28",
        lane="v2",
        duration_ms=1.5,
        status=status,
        upstreams=upstreams,
    )


def nested(levels: int) -> Hop:
    return functools.reduce(lambda inner, _: hop("b", inner), range(levels - 1), hop("c"))


REFUSED = Outside(url="http://mockc:8000/", duration_ms=0.4, status=502, error="connection refused")


def test_the_text_of_a_chain_is_the_guides() -> None:
    chain = hop("mocka", hop("mockb", hop("mockc", version="v2")), version="v2")
    assert as_text(chain) == (
        "-> mocka(version: v2, ip: 192.168.1.28)"
        "-> mockb(version: v1, ip: 192.168.1.28)"
        "-> mockc(version: v2, ip: 192.168.1.28)"
    )


def test_the_text_of_several_upstreams_keeps_their_order() -> None:
    text = as_text(hop("a", hop("b", hop("c")), hop("d")))
    assert [part.partition("(")[0] for part in text.split("-> ")[1:]] == ["a", "b", "c", "d"]


def test_the_text_of_a_failure_ends_with_what_failed_where() -> None:
    chain = hop("mocka", hop("mockb", REFUSED, status=502), status=502)
    assert as_text(chain) == (
        "-> mocka(version: v1, ip: 192.168.1.28)"
        "-> mockb(version: v1, ip: 192.168.1.28)"
        "-> http://mockc:8000/ failed: 502 connection refused"
    )


def test_a_hop_that_reports_an_error_of_its_own_says_so_in_text() -> None:
    failed = Hop(
        name="c", version="v1", ip="::1", lane=None, duration_ms=0, status=500, error="no disk"
    )
    assert as_text(failed) == "-> c(version: v1, ip: ::1) failed: 500 no disk"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("-> mockb(version: v1, ip: 10.0.0.1)\n", "-> mockb(version: v1, ip: 10.0.0.1)"),
        ("hello", "-> http://mockb/ answered: hello"),
    ],
)
def test_what_is_no_hop_keeps_its_text(body: str, text: str) -> None:
    assert as_text(Outside(url="http://mockb/", duration_ms=1, status=200, text=body)) == text


def test_the_json_of_a_chain() -> None:
    assert json.loads(as_json(hop("mocka", REFUSED, status=502))) == {
        "name": "mocka",
        "version": "v1",
        "namespace": None,
        "ip": "192.168.1.28",
        "lane": "v2",
        "instrumentation": None,
        "duration_ms": 1.5,
        "status": 502,
        "error": None,
        "upstreams": [
            {
                "url": "http://mockc:8000/",
                "duration_ms": 0.4,
                "status": 502,
                "error": "connection refused",
                "text": None,
            }
        ],
    }


WORDS = st.text(max_size=8)
TIMES = st.floats(0, 1e6)
STATUSES = st.integers(100, 599)
OUTSIDES = st.builds(
    Outside,
    url=WORDS,
    duration_ms=TIMES,
    status=STATUSES,
    error=st.none() | WORDS,
    text=st.none() | WORDS,
)


def hops(upstreams: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.builds(
        Hop,
        name=WORDS,
        version=WORDS,
        namespace=st.none() | WORDS,
        ip=WORDS,
        lane=st.none() | WORDS,
        duration_ms=TIMES,
        status=STATUSES,
        error=st.none() | WORDS,
        upstreams=st.lists(upstreams, max_size=3).map(tuple),
    )


@given(st.recursive(OUTSIDES, hops, max_leaves=6))
def test_json_loses_nothing(node: Node) -> None:
    assert from_json(as_json(node)) == node


@pytest.mark.parametrize(
    "body",
    [
        "",
        "hello",
        "null",
        "[]",
        "{}",
        '{"name": "b"}',
        '{"status": "UP"}',
        as_json(hop("b")).replace('"v1"', "1"),
        *(as_json(hop("b")).replace(own, "null") for own in ('"b"', '"v1"', '"192.168.1.28"')),
        as_json(REFUSED).replace('"http://mockc:8000/"', "null"),
        as_json(hop("b")).replace("200", "true"),
        as_json(hop("b")).replace("1.5", '"fast"'),
        as_json(hop("b")).replace("[]", "[1]"),
        as_json(hop("b")).replace("[]", "null"),
        "[" * 100_000,
        b"\xff\xfe\x00",
        as_json(hop("b")).replace('"b"', r'"\ud800"'),
        *(
            as_json(hop("b")).replace("1.5", bad)
            for bad in ("NaN", "-1", str(YEAR + 1), "1e999", "9" * 400)
        ),
        *(as_json(hop("b")).replace("200", bad) for bad in ("99", "600", "200.0")),
        as_json(nested(DEEPEST + 1)),
        as_json(hop("b")).replace("[]", "[" * 490 + "]" * 490),
    ],
)
def test_a_body_that_is_no_tree_is_none(body: str | bytes) -> None:
    assert from_json(body) is None


@pytest.mark.parametrize("status", [100, 599])
def test_the_least_and_the_most_that_a_hop_may_tell(status: int) -> None:
    for took in (0, YEAR):
        told = replace(hop("b", status=status), duration_ms=took)
        assert from_json(as_json(told)) == told


def test_json_is_compact_and_never_holds_what_is_no_number() -> None:
    assert " " not in as_json(hop("b", REFUSED)).replace("connection refused", "")
    with pytest.raises(ValueError, match="float"):
        as_json(replace(hop("b"), duration_ms=math.nan))


def test_the_deepest_tree_is_read_and_written() -> None:
    deepest = nested(DEEPEST)
    assert from_json(as_json(deepest)) == deepest
    above = hop("a", deepest)
    assert as_text(above).count("->") == DEEPEST + 1
    assert as_json(above).count("status") == DEEPEST + 1
