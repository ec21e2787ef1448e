"""These tests need istiod, which `make test-istio` builds and names in ISTIOD.

Without ISTIOD they are skipped, so that `make test` needs no Go.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from lanes.running.runtime import RunningMesh
from tests.istio import mesh as istio
from tests.istio.istiod import version_of
from tests.istio.variants import K8S
from tests.mesh.running import running

ISTIOD = os.environ.get("ISTIOD", "")
HERE = Path(__file__).parent


def pytest_report_header() -> str:
    return f"istiod: {version_of(Path(ISTIOD))} at {ISTIOD}" if ISTIOD else "istiod: none"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if ISTIOD:
        return
    skip = pytest.mark.skip(reason="no istiod: make test-istio brings one")
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(skip)


Runner = Callable[..., AbstractContextManager[RunningMesh]]
MESHES = ["istiod", "laptop"]


@pytest.fixture(scope="module")
def istio_mesh() -> Iterator[istio.IstioMesh]:
    """Run k8s/istio under the real istiod."""
    with istio.run(Path(ISTIOD), K8S) as mesh:
        yield mesh


@pytest.fixture(scope="module", params=MESHES)
def mesh(request: pytest.FixtureRequest) -> Iterator[RunningMesh]:
    """Run k8s/istio under the real istiod, then on the laptop mesh."""
    if request.param == "istiod":
        yield request.getfixturevalue("istio_mesh")
    else:
        with running(K8S) as mesh:
            yield mesh


@pytest.fixture(params=MESHES)
def runner(request: pytest.FixtureRequest) -> Runner:
    """Return what runs a test's manifests: the real istiod, then the laptop mesh."""
    return partial(istio.run, Path(ISTIOD)) if request.param == "istiod" else running
