"""Null takes a key away: what is left renders, or is refused in one line that names the place."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.chart.rendering import CHART, SAMPLE, Values, parse, template
from tests.chart.test_schemas import NEWEST, validate

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


@pytest.mark.parametrize("path", ALL, ids=".".join)
def test_null(path: Path) -> None:
    more = {key: {"enabled": True} for key in NOT_BY_DEFAULT if key != path[0]}
    done = template(without(path) | more)
    if done.returncode == 0:
        assert "null" not in done.stdout
        for resource in parse(done.stdout):
            validate(json.dumps(resource), NEWEST)
        return
    head, *lines = done.stderr.strip().split("\n- ")
    assert "nil pointer" not in done.stderr
    assert "error calling" not in done.stderr
    assert ".tpl" not in done.stderr
    if "meet the specifications of the schema" in head:
        (line,) = lines
        place = line.removeprefix("at '").partition("'")[0]
        assert ("", *path)[: place.count("/") + 1] == tuple(place.split("/"))
    else:
        assert "these values don't fit together" in head
        assert lines
