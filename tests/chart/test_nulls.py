"""Null removes a key: the rest renders, or is refused by a line that names the place."""

import json
import re
from collections.abc import Iterator
from functools import reduce
from random import Random
from typing import Any

import pytest
import yaml

from tests.chart.rendering import CHART, SAMPLE, Values, parse, refusal, template
from tests.chart.test_schemas import NEWEST, validate
from tests.chart.test_strings import merged

CHARTS_OWN: Values = yaml.safe_load((CHART / "values.yaml").read_text())
Path = tuple[str, ...]


def paths(values: Any, above: Path = ()) -> Iterator[Path]:
    """Yield the path of every key, at any depth."""
    for key, inner in values.items() if isinstance(values, dict) else ():
        yield (*above, key)
        yield from paths(inner, (*above, key))


def without(path: Path) -> Values:
    """Return values with null at the end of a path."""
    values: Any = None
    for key in reversed(path):
        values = {key: values}
    return dict(values)


OF_PODS = CHARTS_OWN["defaults"] | CHARTS_OWN["sample"]
ALL = [
    *paths(CHARTS_OWN),
    *paths(SAMPLE),
    *(("services", "mocka", *path) for path in paths(OF_PODS)),
    *(("services", "mocka", "versions", "v2", key) for key in OF_PODS),
    ("services", "mocka", "versions"),
    ("services", "mocka", "versions", "v2"),
]
NOT_BY_DEFAULT = "authorizationPolicy", "serviceMonitor"
PROBES = "startupProbe", "readinessProbe", "livenessProbe"
# Places without which nothing renders, and what the chart says of each; a group in one release.
REFUSED: list[dict[str, str]] = [
    {
        f"sample.container.{probe}.httpGet": f"defaults.container.{probe} has no handler."
        for probe in PROBES
    },
    {
        f"sample.container.{probe}.httpGet.port": f"defaults.container.{probe}: httpGet has no port"
        for probe in PROBES
    }
    | {
        f"services.mocka.container.{probe}.httpGet": f"services.mocka.container.{probe} has no hand"
        for probe in PROBES
    },
    {
        "sample.container.ports": 'defaults.container.livenessProbe leads to a port "management"',
        "services.mocka.versions.v1": "services.mocka.versions (v2, v3) lacks the baseline v1",
        "services.mockb.versions.v1": "services.mockb.versions (v3) lacks the baseline v1",
        "services.mockc.versions.v1": "services.mockc.versions (v2) lacks the baseline v1",
    },
    {
        "services.mocka.container.ports": "services.mocka.container.livenessProbe leads to a port",
        "lanes.weights.v2": "lanes.weights add up to 70, not to 100 (v1: 40, v3: 30).",
        "services.mocka.upstreams": "gateway.services is empty, and no other service calls mocka",
    },
    {
        "services.mockc": 'services.mockb.upstreams: "mockc" is not a service.',
        "lanes.weights.v3": "lanes.weights add up to 70, not to 100 (v1: 40, v2: 30).",
    },
    {
        "services.mockb": 'services.mocka.upstreams: "mockb" is not a service.',
        "lanes.weights.v1": 'lanes.baseline: "v1" is not a lane. Use one of lanes.weights: v2, v3.',
    },
    {"services.mockb.upstreams": "gateway.services is empty, and no other service calls mocka"},
]
BATCHES = 12


def batches() -> list[list[Path]]:
    """Return the other places in random batches. No place contains another of its batch."""
    needed = {tuple(place.split(".")) for group in REFUSED for place in group}
    assert needed <= {*ALL}
    others = [place for place in ALL if place not in needed]
    found: list[list[Path]] = [[] for _ in range(BATCHES)]
    for place in sorted(Random(1).sample(others, len(others)), key=len):
        apart = [one for one in found if not any(within(place, other) for other in one)]
        min(apart, key=len).append(place)
    return found


def within(one: Path, other: Path) -> bool:
    return all(a == b for a, b in zip(one, other, strict=False))


def refuses(line: str, place: Path) -> bool:
    """Tell whether a line of a schema's refusal is about this place."""
    where = tuple(line.removeprefix("at '").partition("'")[0].split("/"))[1:]
    above = f"'{place[-1]}'" in line or "minProperties" in line
    return where == place or (where == place[:-1] and above)


@pytest.mark.parametrize("places", batches(), ids=range(BATCHES))
def test_nulls(places: list[Path]) -> None:
    """Nulls at several places: what the schema refuses is set aside, and the rest renders."""
    more: Values = {key: {"enabled": True} for key in NOT_BY_DEFAULT}
    more = {key: value for key, value in more.items() if key not in {place[0] for place in places}}
    done = template(reduce(merged, map(without, places), more))
    if done.returncode == 0:
        assert "null" not in done.stdout, places
        for resource in parse(done.stdout):
            validate(json.dumps(resource), NEWEST)
        return
    head, *lines = re.split(r"\n *- ", done.stderr.strip())
    if "meet the specifications of the schema" in head:
        lines = [line for line in lines if not line.endswith("validation failed")]
        refused = [place for place in places if any(refuses(line, place) for line in lines)]
        assert all(any(refuses(line, place) for place in refused) for line in lines), done.stderr
        assert refused, (places, done.stderr)
        rests = [[place for place in places if place not in refused]]
    else:  # together they may take away too much
        assert len(places) > 1, f"say in REFUSED what is told of {places}: {done.stderr}"
        rests = [places[::2], places[1::2]]
    for rest in rests:
        test_nulls(rest)


@pytest.mark.parametrize("group", REFUSED, ids=lambda group: next(iter(group)))
def test_what_is_needed_is_told(group: dict[str, str]) -> None:
    said = refusal(reduce(merged, (without(tuple(place.split("."))) for place in group)))
    assert [sentence for sentence in group.values() if f"\n- {sentence}" not in said] == []
