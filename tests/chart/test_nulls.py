"""Null takes a key away: what is left renders, or is refused in one line that names the place."""

import json
import re
from collections.abc import Iterator
from functools import reduce
from random import Random
from typing import Any

import pytest
import yaml

from tests.chart.rendering import CHART, SAMPLE, Values, parse, template
from tests.chart.test_schemas import NEWEST, validate
from tests.chart.test_strings import merged

CHARTS_OWN: Values = yaml.safe_load((CHART / "values.yaml").read_text())
Path = tuple[str, ...]


def paths(values: Any, above: Path = ()) -> Iterator[Path]:
    """The way to every key, at any depth."""
    for key, inner in values.items() if isinstance(values, dict) else ():
        yield (*above, key)
        yield from paths(inner, (*above, key))


def without(path: Path) -> Values:
    """Values with null at the end of a path."""
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


BATCHES = 24


def batches() -> list[list[Path]]:
    """All places, mixed: none in a batch is within another of it."""
    found: list[list[Path]] = [[] for _ in range(BATCHES)]
    for place in sorted(Random(1).sample(ALL, len(ALL)), key=len):
        apart = [one for one in found if not any(within(place, other) for other in one)]
        min(apart, key=len).append(place)
    return found


def within(one: Path, other: Path) -> bool:
    return all(a == b for a, b in zip(one, other, strict=False))


def refuses(line: str, place: Path) -> bool:
    """Whether a line of a schema's refusal is about this place."""
    where = tuple(line.removeprefix("at '").partition("'")[0].split("/"))[1:]
    above = f"'{place[-1]}'" in line or "minProperties" in line
    return where == place or (where == place[:-1] and above)


@pytest.mark.parametrize("places", batches(), ids=range(BATCHES))
def test_nulls(places: list[Path]) -> None:
    """Nulls at several places: what is refused is set aside, the rest is tried again."""
    more: Values = {key: {"enabled": True} for key in NOT_BY_DEFAULT}
    more = {key: value for key, value in more.items() if key not in {place[0] for place in places}}
    done = template(reduce(merged, map(without, places), more))
    if done.returncode == 0:
        assert "null" not in done.stdout, places
        for resource in parse(done.stdout):
            validate(json.dumps(resource), NEWEST)
        return
    head, *lines = re.split(r"\n *- ", done.stderr.strip())
    lines = [line for line in lines if not line.endswith("validation failed")]
    said = done.stderr if len(places) == 1 else ""
    if "meet the specifications of the schema" in head:
        refused = [place for place in places if any(refuses(line, place) for line in lines)]
        assert all(any(refuses(line, place) for place in refused) for line in lines), done.stderr
        assert refused, (places, done.stderr)
    elif len(places) == 1:
        assert "these values do not fit together" in head, (places, said)
        assert lines
        assert not any(word in said for word in ("nil pointer", "error calling", ".tpl")), places
        return
    else:  # one by one what it may be about, or what is left by halves
        refused = [p for p in places if p[-1] in done.stderr or ".".join(p[:-1]) in done.stderr]
        parts = [[place] for place in refused] or [places[::2], places[1::2]]
        for part in parts:
            test_nulls(part)
        if not refused:
            return
    if rest := [place for place in places if place not in refused]:
        test_nulls(rest)
