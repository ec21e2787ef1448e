"""A lane crosses two gRPC calls: gateway -> web -> each cart -> stock. Only stock has a v2.

web is called by HTTP, the others by gRPC. All are real programs, which `lanes up --run` runs.
"""

from pathlib import Path

import pytest
import urllib3
import yaml

from lanes.evidence.causes import Cause
from lanes.evidence.hop_verdicts import HopVerdict
from lanes.mesh.baggage import members
from lanes.verification.gateway import Gateway
from tests.chart.rendering import Values, render, without_tests
from tests.languages.programs import GRPC_CROSS, GRPC_END, STOCK, WEB, Hop
from tests.languages.watching import Seen, watched
from tests.mesh.running import eventually

CARTS = GRPC_CROSS | GRPC_END
HERE = {name: hop for name, hop in CARTS.items() if not hop.missing}
V2 = {"x-lane": "v2"}

# What reached stock of each cart: the version that answered, and the lane in its baggage.
Told = dict[str, tuple[str, str | None]]


@pytest.fixture(scope="module", params=["asm", "istio"])
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Told, Seen]:
    """Return the answers to one request in lane v2, and the hops of another by its calls alone."""
    labels = {name: {"fieldPath": f"metadata.labels['{name}']"} for name in ("app", "version")}
    own = {name: {"valueFrom": {"fieldRef": label}} for name, label in labels.items()}
    v1: Values = {"versions": {"v1": {}}}
    grpc: Values = {"appProtocol": "grpc", "port": 50051}
    carts = {
        name: v1 | grpc | {"upstreams": ["stock"], "env": {"STOCK": "stock:50051", **hop.env}}
        for name, hop in HERE.items()
    }
    web = v1 | {"upstreams": list(HERE), "env": {"CARTS": ",".join(f"{c}:50051" for c in HERE)}}
    values = {
        "mesh": {"provider": request.param},
        "lanes": {"weights": {"v1": 100, "v2": 0}, "enter": {"header": "x-lane"}},
        "defaults": {
            "sample": False,
            "image": {"repository": "registry.example.com/shop"},
            "env": own,
        },
        "services": {"web": web, **carts, "stock": grpc | {"versions": {"v1": {}, "v2": {}}}},
    }
    file = Path(tmp_path_factory.mktemp("grpc"), "mesh.yaml")
    file.write_text(yaml.safe_dump_all(without_tests(render(values))))
    programs: dict[str, Hop] = {"web": WEB, **HERE, "stock": STOCK}
    with watched(file, programs) as running:
        url = running.mesh.url
        eventually(lambda: urllib3.request("GET", url, headers=V2).status == 200, seconds=60)
        trace = Gateway(url, headers=V2, traced=True).client().send().trace
        return ask(url), running.seen("v2", trace)


def ask(url: str) -> Told:
    web = urllib3.request("GET", url, headers=V2).json()
    found: Told = {}
    for cart in web["upstreams"]:
        (stock,) = cart["upstreams"]
        found[cart["name"]] = stock["version"], members(stock["baggage"]).get("version")
    return found


def skip_if_missing(name: str) -> None:
    if missing := CARTS[name].missing:
        pytest.skip(f"not here: {', '.join(missing)}")


@pytest.mark.parametrize("name", CARTS)
def test_the_lane_crosses_calls_by_grpc(both: tuple[Told, Seen], name: str) -> None:
    skip_if_missing(name)
    assert both[0][name] == (("v2", "v2") if name in GRPC_CROSS else ("v1", None))


@pytest.mark.parametrize("name", CARTS)
def test_calls_by_grpc_are_seen_as_any_other(both: tuple[Told, Seen], name: str) -> None:
    skip_if_missing(name)
    found = {hop.caller: hop for hop in both[1] if hop.hop.service == "stock"}[name]
    right = (HopVerdict.AS_PLANNED, None)
    lost = (HopVerdict.NOT_AS_PLANNED, Cause.NOT_PROPAGATED)
    assert (found.verdict, found.cause) == (right if name in GRPC_CROSS else lost)
