"""The image under test: IMAGE, or one that is built here.

BASE names the base, as for `make image`. Without BASE, the stand-in replaces a pinned base that is
not available. Tests are skipped if nothing can build or run an image.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack

import pytest

from scripts import image as building
from tests.image.running import Container, Engine, running
from tests.unit.services.conftest import serve

__all__ = ["serve"]

TAG = "localhost/traffic-lanes:test"

Run = Callable[..., Container]


@pytest.fixture(scope="session")
def engine() -> Engine:
    """Docker or podman."""
    try:
        return Engine(building.find_tool(("docker", "podman")))
    except building.ImageError as error:
        only = ", and buildah alone runs nothing" if shutil.which("buildah") else ""
        pytest.skip(f"{error}{only}")


@pytest.fixture(scope="session")
def image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Build the image unless IMAGE is set; return its name."""
    if os.environ.get("IMAGE"):
        return os.environ["IMAGE"]
    # One build at a time, and one for all the processes of a test run.
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if os.environ.get("PYTEST_XDIST_WORKER") else shared
    with (shared / "image.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        if not lock.read():
            building.build(engine.tool, TAG, base(engine.tool))
            lock.write("built")
    return TAG


def base(tool: building.Tool) -> str:
    """Return the base to build on, or skip the tests."""
    wanted = os.environ.get("BASE", "")
    try:
        return building.base(tool, wanted)
    except building.ImageError as error:
        if wanted:
            pytest.fail(str(error))
        try:
            return building.base(tool, building.STAND_IN)
        except building.ImageError as another:
            pytest.skip(f"{error}; {another}")


@pytest.fixture(scope="module")
def run(engine: Engine, image: str) -> Iterator[Run]:
    """Starts containers of the image that end with the module."""
    with ExitStack() as stack:

        def start(*options: str, **environ: str) -> Container:
            container: AbstractContextManager[Container] = running(
                engine, image, *options, **environ
            )
            return stack.enter_context(container)

        yield start
