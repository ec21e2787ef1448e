"""The sample's mesh, started once for all tests that leave it unchanged."""

from collections.abc import Iterator

import pytest

from lanes.running.runtime import RunningMesh
from tests.mesh.running import ROOT, running


@pytest.fixture(scope="session")
def mesh() -> Iterator[RunningMesh]:
    with running(str(ROOT / "k8s/asm")) as mesh:
        yield mesh
