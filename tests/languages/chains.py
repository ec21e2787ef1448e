"""Chains of hops in one mesh, and the answers to one request in lane v2.

front -> each chain -> tail -> guest. front, tail and guest are the sample; front and tail have v2.
"""

import json
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import urllib3

from lanes.running.runtime import RunningMesh
from tests.chart.rendering import Values, of_kind, render, without_tests

Told = dict[str, dict[str, Any]]


def rendered(provider: str, chains: Sequence[str], hops: Values) -> list[dict[str, Any]]:
    """Return the manifests; `chains` names the first hop of each chain.

    The gateway keeps the client's baggage and adds the lane, unlike the chart's. guest reports the
    client's member as its lane.
    """
    values = {
        "mesh": {"provider": provider},
        "lanes": {"weights": {"v1": 50, "v2": 50}},
        "services": {
            "front": {"versions": {"v1": {}, "v2": {}}, "upstreams": list(chains)},
            **hops,
            "tail": {"versions": {"v1": {}, "v2": {}}, "upstreams": ["guest"]},
            "guest": {"versions": {"v1": {}}},
        },
    }
    documents = deepcopy(without_tests(render(values)))
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


def ask(mesh: RunningMesh, chains: Sequence[str]) -> Told:
    """Return the answers of each chain's first hop to a request in lane v2."""
    headers = {"Accept": "application/json", "baggage": "user=Am%C3%A9lie"}
    for _ in range(40):
        response = urllib3.request("GET", mesh.url, headers=headers, retries=False, timeout=30)
        front = json.loads(response.data)
        if front["version"] == "v2":
            return dict(zip(chains, front["upstreams"], strict=True))
    raise AssertionError(f"40 requests and none in lane v2: {response.data!r}")


def arrived(last: dict[str, Any]) -> tuple[str, str | None, str | None]:
    """Return the version of tail that the last hop called, its lane, and the user at guest."""
    (tail,) = last["upstreams"]
    (guest,) = tail["upstreams"]
    return tail["version"], tail["lane"], guest["lane"]
