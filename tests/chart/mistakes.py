"""Values that the chart refuses, tested in batches: one rendering reports all mistakes."""

import re
from collections.abc import Iterator
from functools import reduce
from typing import Any

from tests.chart.rendering import SAMPLE, Values, laid_over

# By name: values, and how the sentence about them begins.
Cases = dict[str, tuple[Values, str]]
Place = tuple[str, ...]


def batches(cases: Cases) -> list[Cases]:
    """Return the cases in batches: none in a batch changes what is said of another of it."""
    found: list[Cases] = []
    for name, case in cases.items():
        fitting = (
            b for b in found if all(_independent(case[0], values) for values, _ in b.values())
        )
        batch = next(fitting, None)
        if batch is None:
            found.append(batch := {})
        batch[name] = case
    return found


def first_and_count(batch: Cases) -> str:
    """Return an id for a test of a batch."""
    return f"{next(iter(batch))}, {len(batch)} in all"


def as_one(batch: Cases) -> tuple[Values, list[str]]:
    """Return the values of a batch laid over each other, and the sentences about them."""
    values, sentences = zip(*batch.values(), strict=True)
    return reduce(laid_over, values), list(sentences)


def differences(said: str, sentences: list[str]) -> str:
    """Return the sentences that helm does not say (-), and the other lines of a list (+)."""
    lines = re.findall(r"^ *- (.+(?<!: validation failed))$", said, re.MULTILINE)
    lacking = [one for one in sentences if not any(line.startswith(one) for line in lines)]
    more = [line for line in lines if not line.startswith(tuple(sentences))]
    return "\n".join([*(f"- {one}" for one in lacking), *(f"+ {line}" for line in more)])


def _independent(one: Values, other: Values) -> bool:
    ours, theirs = dict(_leaves(one)), dict(_leaves(other))
    return (
        _form(one) == _form(other)
        and not (_renames(one) or _renames(other))
        and all(ours[a] == theirs[b] for a in ours for b in theirs if _overlap(a, b))
    )


def _leaves(values: Values, above: Place = ()) -> Iterator[tuple[Place, Any]]:
    for key, inner in values.items():
        if isinstance(inner, dict) and inner:
            yield from _leaves(inner, (*above, key))
        else:
            yield (*above, key), inner


def _overlap(one: Place, other: Place) -> bool:
    return all(a == b for a, b in zip(one, other, strict=False))


def _form(values: Values) -> tuple[Any, ...]:
    """Return what is said of many places: the provider, HTTPRoutes, autoscaling of all services."""
    routes = values.get("gateway", {}).get("parentRefs")
    return values.get("mesh"), routes, values.get("defaults", {}).get("autoscaling")


def _renames(values: Values) -> bool:
    """Tell whether values change the names of lanes or services, which other sentences list."""
    lanes, services = values.get("lanes", {}), values.get("services", {})
    return bool(
        lanes.keys() & {"weights", "baseline", "only"}
        or services.keys() - SAMPLE["services"].keys()
    )
