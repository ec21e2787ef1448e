"""A mesh with programs in other languages, and the hops that its calls show for one request."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lanes.evidence.hop_verdicts import LaneVerification, VerifiedHop
from lanes.evidence.laptop import Laptop, laptop
from lanes.evidence.steps import Answer
from lanes.planning.plan import plan
from lanes.running.runtime import RunningMesh
from lanes.verification.gateway import Gateway
from tests.languages.programs import Hop
from tests.mesh.test_evidence import telling

Seen = tuple[VerifiedHop, ...]


@dataclass(frozen=True)
class Watched:
    """A running mesh, and its calls as evidence."""

    mesh: RunningMesh
    evidence: Laptop

    def seen(self, lane: str, trace: str) -> Seen:
        """Return what calls alone tell of a request in a lane, as verification judges it."""
        (completed,) = self.evidence.complete([Answer(200, "a page", trace=trace)])
        planned = plan(self.mesh.mesh)
        lanes = planned.lane(lane), planned.lane("v1")
        return LaneVerification(*lanes, completed.lane).hops(completed.path)


@contextmanager
def watched(file: Path, hops: Mapping[str, Hop]) -> Iterator[Watched]:
    """Run the manifests, with a program for each service that `hops` names, as `lanes up` does."""
    commands = [f"{name}={hop.command()}" for name, hop in hops.items()]
    with (
        telling(*commands, manifests=str(file)) as mesh,
        laptop(*Gateway(mesh.url).at) as evidence,
    ):
        assert evidence is not None
        yield Watched(mesh, evidence)
