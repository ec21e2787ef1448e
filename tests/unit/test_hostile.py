"""The hostile forms, and the chart's gateways against them."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pytest
import re2

from tests.chart.rendering import ISTIO, Values, of_kind, render
from tests.hostile import Form, each, forms, named, read_by_hops, repeated

Json = dict[str, Any]
MIXED = list(islice(forms(8), 400))


def test_a_seed_gives_the_same_forms_each_time_and_another_seed_others() -> None:
    assert list(islice(forms(8), 50)) == MIXED[:50]
    assert list(islice(forms(9), 50)) != MIXED[:50]
    assert each(seed=8) == each(seed=8)


def test_a_form_can_be_sent_as_it_stands() -> None:
    for form in [*each(), *MIXED]:
        for name, value in form.headers:
            assert name.isascii()
            sent = value.encode("latin-1")
            # Envoy refuses control characters, and more than 60 KiB of headers.
            assert not set(sent) & (set(range(32)) - {9} | {127}), form
        assert sum(len(n) + len(v) for n, v in form.headers) < 60 * 1024, form


def test_the_forms_reach_what_they_are_after() -> None:
    """Unguarded, some choose the lane, some keep it away from every hop or the later ones."""
    unguarded = [tuple(read_by_hops(form.baggage)) for form in MIXED]
    assert ("v3", "v3", "v3") in unguarded
    read = [tuple(read_by_hops(f"{form.baggage},version=v2")) for form in MIXED]
    assert (None, None, None) in read
    assert ("v2", None, None) in read
    assert ("v2", "v2", "v2") in read


# The gateway's rules, by Istio's VirtualService and by an HTTPRoute: the split alone, and behind
# entry rules. Lane v2 may be entered and has no weight; v1 has no entry rule but the sticky cookie.
HEADER, COOKIES = "x-lane", ["lane", "kept"]
ENTER: Values = {
    "weights": {"v1": 70, "v2": 0, "v3": 30},
    "enter": {"header": HEADER, "cookie": COOKIES[0], "lanes": {"v2": True}},
    "sticky": {"cookie": COOKIES[1]},
}
ROUTE: Values = {"gateway": {"parentRefs": [{"name": "web"}]}}
GATEWAYS: dict[str, Values] = {
    "split": ISTIO,
    "split, HTTPRoute": ISTIO | ROUTE,
    "entry rules": ISTIO | {"lanes": ENTER},
    "entry rules, HTTPRoute": ISTIO | ROUTE | {"lanes": ENTER},
}
# How an Envoy sees a header that is sent on several lines.
Sees = Callable[[str, list[str]], list[str]]
ENVOYS: dict[str, Sees] = {
    "joined": lambda name, lines: [("; " if name == "cookie" else ",").join(lines)] * bool(lines),
    "one by one, since 1.39": lambda _, lines: lines,
}


@dataclass(frozen=True)
class Rule:
    """A gateway's rule: alternative sets of expressions by header, and the baggage that it sets."""

    matches: list[dict[str, str]]
    baggage: set[str]


def rules_of(values: Values) -> list[Rule]:
    resources = render(values)
    if "gateway" in values:
        (route,) = of_kind(resources, "HTTPRoute").values()
        return [
            Rule(
                [_expressions(match["headers"]) for match in rule.get("matches", [])],
                {_only(_modifier(to)["set"])["value"] for to in rule["backendRefs"]},
            )
            for rule in route["spec"]["rules"]
        ]
    service = of_kind(resources, "VirtualService")["demo-gateway"]
    return [
        Rule(
            [
                {name: how.get("regex") or re.escape(how["exact"]) for name, how in headers.items()}
                for headers in (match["headers"] for match in rule.get("match", []))
            ],
            {to["headers"]["request"]["set"]["baggage"] for to in rule["route"]},
        )
        for rule in service["spec"]["http"]
    ]


def _expressions(headers: list[Json]) -> dict[str, str]:
    return {
        header["name"]: header["value"] if "type" in header else re.escape(header["value"])
        for header in headers
    }


def _modifier(backend: Json) -> Json:
    modifier: Json = backend["filters"][0]["requestHeaderModifier"]
    return modifier


def _only(found: Iterable[Json]) -> Json:
    (one,) = found
    return one


def through_gateway(form: Form, rules: list[Rule], sees: Sees) -> set[str]:
    """Return the possible baggage of a request behind a gateway with these rules."""
    return next(
        rule.baggage
        for rule in rules
        if not rule.matches
        or any(
            all(
                any(_matches(expression, value) for value in sees(name, form.lines(name)))
                for name, expression in match.items()
            )
            for match in rule.matches
        )
    )


def _matches(expression: str, value: str) -> bool:
    """Match the whole value, as Envoy does."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    compiled = re2.compile(expression.encode(), options=options)
    return compiled.fullmatch(value.encode("latin-1")) is not None


@pytest.mark.parametrize("sees", ENVOYS.values(), ids=ENVOYS)
@pytest.mark.parametrize("values", GATEWAYS.values(), ids=GATEWAYS)
def test_no_form_chooses_a_lane_or_loses_its_own_behind_the_gateway(
    values: Values, sees: Sees
) -> None:
    rules = rules_of(values)
    for form in [*each(), *MIXED]:
        for one in through_gateway(form, rules, sees):
            assert set(read_by_hops(one)) == {one.removeprefix("version=")}, form


@pytest.mark.parametrize("sees", ENVOYS.values(), ids=ENVOYS)
@pytest.mark.parametrize("values", list(GATEWAYS.values())[2:], ids=list(GATEWAYS)[2:])
@pytest.mark.parametrize("lane", ["v1", "v2", "v3"])
def test_a_lane_is_entered_by_a_line_that_names_it_and_by_nothing_else(
    values: Values, sees: Sees, lane: str
) -> None:
    rules = rules_of(values)
    split = rules[-1].baggage
    entered = 0
    for form in islice(repeated(8, HEADER, COOKIES, lane), 2000):
        baggage = through_gateway(form, rules, sees)
        if baggage != split:
            entered += 1
            by = (HEADER, COOKIES) if lane == "v2" else ("", COOKIES[1:])
            assert baggage == {f"version={lane}"}, form
            assert lane in named(form, *by), form
    assert entered > 100


def test_lines_of_an_entry_rule_can_be_sent_and_name_a_lane_or_none() -> None:
    made = list(islice(repeated(8, HEADER, COOKIES), 2000))
    assert made == list(islice(repeated(8, HEADER, COOKIES), 2000))
    assert made != list(islice(repeated(9, HEADER, COOKIES), 2000))
    assert {len(form.lines("cookie")) for form in made} == {0, 1, 2, 3, 4}
    assert {len(form.lines(HEADER)) for form in made} == {0, 1, 2, 3, 4}
    naming = sum("v3" in named(form, HEADER, COOKIES) for form in made)
    assert 500 < naming < 1500
