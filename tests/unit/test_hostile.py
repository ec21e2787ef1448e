"""The hostile forms: what they are made of, and that the chart's gateway is a match for them."""

from itertools import islice
from typing import Any

import pytest
import re2

from tests.chart.rendering import ISTIO, Values, of_kind, render
from tests.hostile import Form, each, forms, read_by_hops

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
    stamped = [tuple(read_by_hops(_joined(form, "version=v2"))) for form in MIXED]
    assert (None, None, None) in stamped
    assert ("v2", None, None) in stamped
    assert ("v2", "v2", "v2") in stamped


# What becomes of client baggage, by Istio's VirtualService and by an HTTPRoute.
ROUTE: Values = {"parentRefs": [{"name": "web"}]}
GATEWAYS: dict[str, Values] = {
    "drop": {"clientBaggage": "drop"},
    "keep": {"clientBaggage": "keep"},
    "drop, HTTPRoute": ROUTE | {"clientBaggage": "drop"},
    "keep, HTTPRoute": ROUTE | {"clientBaggage": "keep"},
}


def rules_of(gateway: Values) -> list[tuple[list[str], str]]:
    """The gateway's rules: the expressions, one of which has to match, and `set` or `add`."""
    resources = render(ISTIO | {"gateway": gateway})
    if "parentRefs" in gateway:
        (route,) = of_kind(resources, "HTTPRoute").values()
        return [
            (
                [match["headers"][0]["value"] for match in rule.get("matches", [])],
                _only({key for to in rule["backendRefs"] for key in _modifier(to)}),
            )
            for rule in route["spec"]["rules"]
        ]
    service = of_kind(resources, "VirtualService")["demo-gateway"]
    return [
        (
            [match["headers"]["baggage"]["regex"] for match in rule.get("match", [])],
            _only({key for to in rule["route"] for key in to["headers"]["request"]}),
        )
        for rule in service["spec"]["http"]
    ]


def _modifier(backend: Json) -> Json:
    modifier: Json = backend["filters"][0]["requestHeaderModifier"]
    return modifier


def _only(found: set[str]) -> str:
    (one,) = found
    return one


def through_gateway(form: Form, rules: list[tuple[list[str], str]], stamp: str) -> str:
    """The baggage behind a gateway of these rules, which stamps the request so."""
    action = next(
        action
        for expressions, action in rules
        if not expressions or any(_matches(expression, form) for expression in expressions)
    )
    return _joined(form, stamp) if action == "add" else stamp


def _matches(expression: str, form: Form) -> bool:
    """As Envoy does: the whole value of a header that is there."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    compiled = re2.compile(expression.encode(), options=options)
    return _sent(form) and compiled.fullmatch(form.baggage.encode("latin-1")) is not None


def _joined(form: Form, stamp: str) -> str:
    return ",".join([*([form.baggage] if _sent(form) else []), stamp])


def _sent(form: Form) -> bool:
    return any(name.lower() == "baggage" for name, _ in form.headers)


@pytest.mark.parametrize("gateway", GATEWAYS.values(), ids=GATEWAYS)
def test_no_form_chooses_a_lane_or_loses_its_own_behind_the_gateway(gateway: Values) -> None:
    rules = rules_of(gateway)
    for form in [*each(), *MIXED]:
        behind = through_gateway(form, rules, "version=v2")
        assert read_by_hops(behind) == ["v2"] * 3, form


def test_the_longest_baggage_that_is_kept_leaves_room_for_the_lane() -> None:
    """Members that grow the most when they are escaped anew, as many and as long as may be."""
    kept = 0
    rules = rules_of(GATEWAYS["keep"])
    for members in (1, 63, 64, 65):
        for length in (999, 1000, 1001):
            each_long = (length - members + 1) // members
            names = [f"k{i}=".ljust(each_long, "!") for i in range(members)]
            form = Form("", [("baggage", ",".join(names).ljust(length, "!"))])
            behind = through_gateway(form, rules, f"version={'v' * 20}")
            kept += behind.startswith("k0=")
            assert read_by_hops(behind) == ["v" * 20] * 3
    assert kept == 6
