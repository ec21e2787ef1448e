"""One values file for each lane, and what a lane adds: rules, subsets and labels."""

import json
from itertools import permutations
from pathlib import Path

import pytest

from tests.chart.rendering import CHART, ISTIO, Resource, Values, helm, parse, render

BASE: Values = {
    "lanes": {"baseline": "base", "weights": {"base": 100}},
    "services": {
        "shop": {"versions": {"base": {}}, "upstreams": ["cart", "users"]},
        "cart": {"versions": {"base": {}}, "upstreams": ["stock"]},
        "users": {"versions": {"base": {}}},
        "stock": {"versions": {"base": {"replicas": 2}}},
    },
}
LANES: dict[str, Values] = {
    "pr-1": {"cart": {"image": {"tag": "pr-1"}}},
    "pr-2": {"cart": {}, "stock": {"env": {"A": "b"}}},
    "pr-3": {"shop": {"replicas": 3}},
}
MESHES: dict[str, Values] = {
    "asm": {},
    "istio": ISTIO,
    "istio, HTTPRoute": ISTIO | {"gateway": {"parentRefs": [{"name": "web"}]}},
}


def lane(name: str) -> Values:
    """Return the values file of a lane."""
    services = {service: {"versions": {name: keys}} for service, keys in LANES[name].items()}
    return {"lanes": {"weights": {name: 0}}, "services": services}


def rendered(folder: Path, *files: Values) -> list[Resource]:
    """Render the chart with values in files, in this order."""
    options = []
    for number, values in enumerate(files):
        path = folder / f"{number}.yaml"
        path.write_text(json.dumps(values))
        options += ["--values", str(path)]
    done = helm("template", "demo", str(CHART), *options)
    assert done.returncode == 0, done.stderr
    return parse(done.stdout)


def changed(before: list[Resource], after: list[Resource]) -> set[tuple[str, str]]:
    """Return kind and name of resources that are added, removed or changed."""
    sides = [{(r["kind"], r["metadata"]["name"]): r for r in side} for side in (before, after)]
    return {key for key in sides[0] | sides[1] if sides[0].get(key) != sides[1].get(key)}


def test_files_of_lanes_render_the_same_in_any_order(tmp_path: Path) -> None:
    orders = permutations([BASE, *map(lane, LANES)])
    first = rendered(tmp_path, *next(orders))
    # Every file comes first, and last, once.
    for order in list(orders)[4::5]:
        assert rendered(tmp_path, *order) == first


# What a file adds, and one null that takes it away.
ADDED: dict[str, tuple[Values, Values]] = {
    "lane": (lane("pr-2"), {"lanes": {"weights": {"pr-2": None}}}),
    "service": (
        {"services": {"stock": {"upstreams": ["late"]}, "late": {"versions": {"base": {}}}}},
        {"services": {"stock": {"upstreams": []}, "late": None}},
    ),
    "version": (
        {"services": {"users": {"versions": {"pr-3": {}}}}},
        {"services": {"users": {"versions": {"pr-3": None}}}},
    ),
}


@pytest.mark.parametrize(("more", "null"), ADDED.values(), ids=ADDED)
def test_null_takes_away_what_another_file_added(
    tmp_path: Path, more: Values, null: Values
) -> None:
    """Helm takes away by itself what the chart's own values have, and leaves other nulls."""
    there = [BASE, lane("pr-1"), lane("pr-3")]
    assert rendered(tmp_path, *there, more, null) == rendered(tmp_path, *there)


@pytest.mark.parametrize("mesh", MESHES.values(), ids=MESHES)
def test_a_lane_touches_the_services_that_it_changes_and_the_gateway(
    tmp_path: Path, mesh: Values
) -> None:
    before = rendered(tmp_path, BASE, mesh, lane("pr-1"))
    after = rendered(tmp_path, BASE, mesh, lane("pr-1"), lane("pr-2"))
    routed = "HTTPRoute" if "gateway" in mesh else "VirtualService"
    assert changed(before, after) == {
        *(
            (kind, name)
            for kind in ("DestinationRule", "VirtualService")
            for name in ("cart", "stock")
        ),
        *(("Deployment", f"{name}-pr-2") for name in ("cart", "stock")),
        (routed, "demo-gateway"),
        ("ConfigMap", "demo-test"),
    }


@pytest.mark.parametrize("provider", ["asm", "istio"])
def test_size_grows_with_what_lanes_change(provider: str) -> None:
    """Twelve services, twelve lanes, one service changed by each."""
    numbers = range(12)
    weights = {f"pr-{n}": 0 for n in numbers}
    services = {
        f"s{n}": {"versions": {"base": {}, f"pr-{n}": {}}, "upstreams": [f"s{n + 1}"][: 11 - n]}
        for n in numbers
    }
    values: Values = {
        "mesh": {"provider": provider},
        "lanes": {"baseline": "base", "weights": BASE["lanes"]["weights"] | weights},
        "services": services,
    }
    found = render(values)
    subsets = [s for r in found if r["kind"] == "DestinationRule" for s in r["spec"]["subsets"]]
    assert len(subsets) == 2 * len(numbers)
    rules = [rule for r in found if r["kind"] == "VirtualService" for rule in r["spec"]["http"]]
    assert len(rules) == 2 * len(numbers) + 1
