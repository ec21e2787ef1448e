"""A lane and foreign baggage cross services of other languages, by auto-instrumentation alone.

One hop of each kind, all in one mesh, between front and tail, which are ours.
Nothing in a hop knows of lanes, and nothing in this mesh is a hop's own: `lanes up --run` runs it.
"""

from pathlib import Path

import pytest
import yaml

from lanes.evidence.causes import Cause
from lanes.evidence.hop_verdicts import HopVerdict, LaneVerification, VerifiedHop
from lanes.evidence.laptop import Laptop, laptop
from lanes.evidence.steps import Answer
from lanes.page.feed import Feed, follow, serving
from lanes.page.tap import tap
from lanes.planning.plan import plan
from lanes.planning.result import Plan
from lanes.reading.commands import Command
from lanes.reading.reader import read
from lanes.reading.resolve import resolve
from lanes.running.address import free_port
from lanes.running.runtime import RunningMesh, run
from lanes.verification.gateway import Gateway
from tests.languages.chains import Told, arrived, ask, rendered
from tests.languages.programs import CROSS, END
from tests.mesh.running import eventually

HOPS = CROSS | END
HERE = {name: hop for name, hop in HOPS.items() if not hop.missing}


Seen = tuple[VerifiedHop, ...]


@pytest.fixture(scope="module", params=["asm", "istio"])
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Told, Seen]:
    """What each hop, by its name, answered to one request in lane v2, and what the calls between
    them tell of another, as verification judges it.
    """
    services = {
        name: {"versions": {"v1": {}}, "upstreams": ["tail"], "env": dict(hop.env)}
        for name, hop in HERE.items()
    }
    file = Path(tmp_path_factory.mktemp("languages"), "mesh.yaml")
    file.write_text(yaml.safe_dump_all(rendered(request.param, list(HERE), services)))
    commands = [Command.of(f"{name}={hop.command()}") for name, hop in HERE.items()]
    mesh_of, port = resolve(read([str(file)]), commands), free_port()
    planned = plan(mesh_of)
    with tap(mesh_of, planned) as tapped, run(mesh_of, port, tapped.extras) as mesh:
        feed = Feed(mesh_of, planned, {pod.key: mesh.address(pod) for pod in mesh_of.pods})
        follow(tapped, feed.tell)
        # A virtual machine is slow at first.
        eventually(lambda: all("name" in hop for hop in ask(mesh, list(HERE)).values()), seconds=60)
        with serving(feed, port), laptop("127.0.0.1", port) as evidence:
            assert evidence is not None
            return ask(mesh, list(HERE)), seen(mesh, evidence, planned)


@pytest.fixture
def told(both: tuple[Told, Seen]) -> Told:
    return both[0]


def seen(mesh: RunningMesh, evidence: Laptop, planned: Plan) -> Seen:
    """What is seen of one request in lane v2 where answers tell nothing."""
    client = Gateway(mesh.url, traced=True).client()
    answers = (client.send() for _ in range(40))
    trace = next(answer.trace for answer in answers if answer.lane == "v2")
    (completed,) = evidence.complete([Answer(200, "a page", trace=trace)])
    verification = LaneVerification(planned.lane("v2"), planned.lane("v1"), completed.lane)
    return verification.hops(completed.path)


def behind(told: Told, name: str) -> tuple[str, str | None, str | None]:
    """Which version of tail the hop's call reached, the lane read there, and guest's user."""
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
    lost = (HopVerdict.NOT_AS_PLANNED, Cause.NOT_HANDED_ON)
    assert (found.verdict, found.cause) == (right if name in CROSS else lost)
