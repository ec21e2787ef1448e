"""A mesh that runs programs of other languages, and what its calls tell of one request."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lanes.evidence.hop_verdicts import LaneVerification, VerifiedHop
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
from tests.languages.programs import Hop

Seen = tuple[VerifiedHop, ...]


@dataclass(frozen=True)
class Watched:
    """A running mesh, its plan, and the source of its calls."""

    mesh: RunningMesh
    planned: Plan
    evidence: Laptop

    def seen(self, lane: str, trace: str) -> Seen:
        """Return what calls alone tell of a request in a lane, as verification judges it."""
        (completed,) = self.evidence.complete([Answer(200, "a page", trace=trace)])
        planned, baseline = self.planned.lane(lane), self.planned.lane("v1")
        return LaneVerification(planned, baseline, completed.lane).hops(completed.path)


@contextmanager
def watched(file: Path, hops: Mapping[str, Hop]) -> Iterator[Watched]:
    """Run the manifests, with a program for each service that `hops` names, as `lanes up` does."""
    commands = [Command.of(f"{name}={hop.command()}") for name, hop in hops.items()]
    mesh_of, port = resolve(read([str(file)]), commands), free_port()
    planned = plan(mesh_of)
    with tap(mesh_of, planned) as tapped, run(mesh_of, port, tapped.extras) as mesh:
        feed = Feed(mesh_of, planned, {pod.key: mesh.address(pod) for pod in mesh_of.pods})
        follow(tapped, feed.tell)
        with serving(feed, port), laptop("127.0.0.1", port) as evidence:
            assert evidence is not None
            yield Watched(mesh, planned, evidence)
