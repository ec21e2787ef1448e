"""A lane and foreign baggage cross services in other languages with auto-instrumentation alone.

One hop of each kind runs in one mesh, between front and tail of the sample, by `lanes up --run`.
The hops have no code for lanes, and the mesh has no settings for them.
"""

from pathlib import Path

import pytest
import yaml

from lanes.evidence.causes import Cause
from lanes.evidence.hop_verdicts import HopVerdict
from lanes.verification.gateway import Gateway
from tests.languages.chains import Told, arrived, ask, rendered
from tests.languages.programs import CROSS, END
from tests.languages.watching import Seen, watched
from tests.mesh.running import eventually

HOPS = CROSS | END
HERE = {name: hop for name, hop in HOPS.items() if not hop.missing}


@pytest.fixture(scope="module", params=["asm", "istio"])
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Told, Seen]:
    """Return each hop's answer to a request in lane v2, and another's hops by its calls alone."""
    services = {
        name: {"versions": {"v1": {}}, "upstreams": ["tail"], "env": dict(hop.env)}
        for name, hop in HERE.items()
    }
    file = Path(tmp_path_factory.mktemp("languages"), "mesh.yaml")
    file.write_text(yaml.safe_dump_all(rendered(request.param, list(HERE), services)))
    with watched(file, HERE) as running:
        mesh, names = running.mesh, list(HERE)
        # A virtual machine is slow at first.
        eventually(lambda: all("name" in hop for hop in ask(mesh, names).values()), seconds=60)
        client = Gateway(mesh.url, traced=True).client()
        answers = (client.send() for _ in range(40))
        trace = next(answer.trace for answer in answers if answer.lane == "v2")
        return ask(mesh, names), running.seen("v2", trace)


@pytest.fixture
def told(both: tuple[Told, Seen]) -> Told:
    return both[0]


def behind(told: Told, name: str) -> tuple[str, str | None, str | None]:
    """Return the version of tail that the hop called, its lane, and the user at guest."""
    if missing := HOPS[name].missing:
        pytest.skip(f"not here: {', '.join(missing)}")
    assert told[name]["name"] == name
    return arrived(told[name])


@pytest.mark.parametrize("name", CROSS)
def test_the_lane_and_foreign_baggage_cross(told: Told, name: str) -> None:
    assert behind(told, name) == ("v2", "v2", "Amélie")


@pytest.mark.parametrize("name", END)
def test_where_nothing_hands_baggage_on_they_end(told: Told, name: str) -> None:
    assert behind(told, name) == ("v1", "", "")


@pytest.mark.parametrize("name", HOPS)
def test_calls_alone_tell_who_hands_the_lane_on(both: tuple[Told, Seen], name: str) -> None:
    """Whatever the services answer: those where it ends are named, and no other."""
    if missing := HOPS[name].missing:
        pytest.skip(f"not here: {', '.join(missing)}")
    found = {hop.caller: hop for hop in both[1] if hop.hop.service == "tail"}[name]
    right = (HopVerdict.AS_PLANNED, None)
    lost = (HopVerdict.NOT_AS_PLANNED, Cause.NOT_PROPAGATED)
    assert (found.verdict, found.cause) == (right if name in CROSS else lost)
