"""A lane and foreign baggage cross services of other languages, by auto-instrumentation alone.

front -> one hop of each kind, all in one mesh -> tail -> guest. front, tail and guest are ours.
Nothing in a hop knows of lanes, and nothing in this mesh is a hop's own: `lanes up --run` runs it.
"""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from lanes.reading.commands import Command
from lanes.reading.reader import read
from lanes.reading.resolve import resolve
from lanes.running.address import free_port
from lanes.running.runtime import RunningMesh, run
from tests.chart.rendering import of_kind, render, without_tests
from tests.languages.programs import CROSS, END
from tests.mesh.running import eventually

HOPS = CROSS | END
HERE = {name: hop for name, hop in HOPS.items() if not hop.missing}


def values(provider: str) -> dict[str, Any]:
    return {
        "mesh": {"provider": provider},
        "lanes": {"weights": {"v1": 50, "v2": 50}},
        "services": {
            "front": {"versions": {"v1": {}, "v2": {}}, "upstreams": list(HERE)},
            **{
                name: {"versions": {"v1": {}}, "upstreams": ["tail"], "env": dict(hop.env)}
                for name, hop in HERE.items()
            },
            "tail": {"versions": {"v1": {}, "v2": {}}, "upstreams": ["guest"]},
            "guest": {"versions": {"v1": {}}},
        },
    }


def rendered(provider: str) -> list[dict[str, Any]]:
    """The manifests; what guest tells of its baggage is the member that the client sent.

    The gateway lets it in, as the chart's does not: the lane joins it.
    """
    documents = deepcopy(without_tests(render(values(provider))))
    (rule,) = of_kind(documents, "VirtualService")["demo-gateway"]["spec"]["http"]
    rule.pop("headers", None)
    for route in rule["route"]:
        request = route["headers"]["request"]
        if "baggage" in request["set"]:
            request["add"] = request.pop("set")
    guest = of_kind(documents, "Deployment")["guest-v1"]
    variables = guest["spec"]["template"]["spec"]["containers"][0]["env"]
    variables[:] = [v for v in variables if v["name"] != "lane_header"]
    variables.append({"name": "lane_header", "value": "user"})
    return documents


Told = dict[str, dict[str, Any]]


@pytest.fixture(scope="module", params=["asm", "istio"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What each hop, by its name, answered to one request in lane v2."""
    file = Path(tmp_path_factory.mktemp("languages"), "mesh.yaml")
    file.write_text(yaml.safe_dump_all(rendered(request.param)))
    commands = [Command.of(f"{name}={hop.command()}") for name, hop in HERE.items()]
    with run(resolve(read([str(file)]), commands), free_port()) as mesh:
        # A virtual machine is slow at first.
        eventually(lambda: all("name" in hop for hop in ask(mesh).values()), seconds=60)
        return ask(mesh)


def ask(mesh: RunningMesh) -> Told:
    headers = {"Accept": "application/json", "baggage": "user=Am%C3%A9lie"}
    for _ in range(40):
        response = urllib3.request("GET", mesh.url, headers=headers, retries=False, timeout=30)
        front = json.loads(response.data)
        if front["version"] == "v2":
            return dict(zip(HERE, front["upstreams"], strict=True))
    raise AssertionError(f"40 requests and none in lane v2: {response.data!r}")


def behind(told: Told, name: str) -> tuple[str, str | None, str | None]:
    """Which version of tail the hop's call reached, the lane read there, and guest's user."""
    if missing := HOPS[name].missing:
        pytest.skip(f"not here: {', '.join(missing)}")
    assert told[name]["name"] == name
    (tail,) = told[name]["upstreams"]
    (guest,) = tail["upstreams"]
    return tail["version"], tail["lane"], guest["lane"]


@pytest.mark.parametrize("name", CROSS)
def test_the_lane_and_foreign_baggage_cross(told: Told, name: str) -> None:
    assert behind(told, name) == ("v2", "v2", "Amélie")


@pytest.mark.parametrize("name", END)
def test_where_nothing_hands_baggage_on_they_end(told: Told, name: str) -> None:
    assert behind(told, name) == ("v1", "", "")
