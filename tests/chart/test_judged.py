"""What `helm test` gives to the judge: the plan of the release, and little else, at any size."""

import itertools
from pathlib import Path

import pytest

from lanes.planning.plan import Plan, plan
from lanes.reading.manifests import read
from lanes.reading.resolve import resolve
from tests import kube
from tests.chart.rendering import (
    GATEWAY_API,
    ISTIO,
    VARIANTS,
    Values,
    of_kind,
    render,
    without_tests,
)

SHAPES = [
    "default",
    "istio",
    "gateway-api",
    "operator",
    "none",
    "keep-baggage",
    "istio-strict",
    "awkward-names",
    "gateway-api-awkward-names",
    "per-version",
    "istio-ways-in",
]
LIMIT = 2**20  # of all that a ConfigMap holds


def judged(values: Values) -> str:
    data: str = of_kind(render(values), "ConfigMap")["demo-test"]["data"]["manifests.yaml"]
    return data


def planned(path: str) -> Plan:
    return plan(resolve(read([path])))


@pytest.mark.parametrize("shape", SHAPES)
def test_it_gives_the_plan_of_what_is_rendered(shape: str, tmp_path: Path) -> None:
    values = VARIANTS[shape]
    (tmp_path / "judged.yaml").write_text(judged(values))
    whole = kube.write(tmp_path, *without_tests(render(values)), name="whole.yaml")
    assert planned(str(tmp_path / "judged.yaml")) == planned(whole)


def test_it_holds_nothing_that_a_team_may_have_put_into_a_pod() -> None:
    secret = {"defaults": {"env": {"PASSWORD": "hunter2", "log_level": "debug"}}}
    assert "hunter2" not in judged(secret)
    assert "HTTPRoute" not in judged(secret)


@pytest.mark.parametrize("provider", [{}, ISTIO, GATEWAY_API], ids=["asm", "istio", "gateway-api"])
def test_thirty_services_in_thirty_lanes_fit(provider: Values) -> None:
    """By a few of them, with long names: what each version takes is the same at any size."""
    few = 6
    lanes = [f"lane-{number:05}" for number in range(few)]
    names = [f"service-{number:04}" for number in range(few)]
    services = {
        name: {"versions": {lane: {} for lane in lanes}, "upstreams": after}
        for name, *after in itertools.zip_longest(names, names[1:])
    }
    services[names[-1]]["upstreams"] = []
    values = provider | {
        "lanes": {
            "baseline": lanes[0],
            "weights": dict.fromkeys(("v1", "v2", "v3"))
            | dict.fromkeys(lanes, 0)
            | {lanes[0]: 100},
        },
        "services": dict.fromkeys(("mocka", "mockb", "mockc")) | services,
    }
    assert len(judged(values)) / few**2 * 30**2 < LIMIT
