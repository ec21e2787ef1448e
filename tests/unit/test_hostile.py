"""The hostile forms: what they are made of, and that k8s/istio's gateway is a match for them."""

from itertools import islice
from typing import Any

import pytest
import re2
import yaml

from tests.hostile import Form, each, forms, read_by_hops
from tests.mesh.running import ROOT

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


def through_gateway(form: Form, lane: str) -> Any:
    """The baggage behind k8s/istio's gateway, which puts the request in `lane`."""
    _, gateway = yaml.safe_load_all((ROOT / "k8s/istio/gw-mock.yaml").read_text())
    for rule in gateway["spec"]["http"]:
        matches = rule.get("match", [{}])
        if any(_matches(match, form) for match in matches):
            for destination in rule["route"]:
                ((action, stamp),) = destination["headers"]["request"].items()
                if stamp["baggage"] == f"version={lane}":
                    return _joined(form, stamp["baggage"]) if action == "add" else stamp["baggage"]
    raise AssertionError("no rule takes it")


def _matches(match: Json, form: Form) -> bool:
    """As Envoy does: the whole value, byte by byte, whatever its encoding."""
    if not match:
        return True
    expression = match["headers"]["baggage"]["regex"].encode()
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    found = re2.compile(expression, options=options).fullmatch(form.baggage.encode("latin-1"))
    return _sent(form) and found is not None


def _joined(form: Form, stamp: str) -> str:
    return ",".join([*([form.baggage] if _sent(form) else []), stamp])


def _sent(form: Form) -> bool:
    return any(name.lower() == "baggage" for name, _ in form.headers)


def test_no_form_chooses_a_lane_behind_the_gateway() -> None:
    for form in [*each(), *MIXED]:
        assert set(read_by_hops(through_gateway(form, "v2"))) <= {"v2", None}, form


@pytest.mark.xfail(reason="much baggage leaves no room for the gateway's member", strict=True)
def test_no_form_loses_its_lane_behind_the_gateway() -> None:
    for form in [*each(), *MIXED]:
        assert read_by_hops(through_gateway(form, "v2")) == ["v2"] * 3, form
