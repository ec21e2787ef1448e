"""Containers of the image under test, with the restrictions of a strict cluster."""

import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scripts.image import Tool
from tests.unit.services.conftest import LOOPBACK, Ports, free_ports, get, wait_until

# Read-only, no capability, no way to gain any, nobody's user id but the image's own; no shell; the
# limits are low ones that an unprivileged engine may set. The network is this machine's, so that
# containers find each other by port without a bridge.
RESTRICTED = (
    "--read-only",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--volume=/dev/null:/usr/bin/dash:ro",
    "--volume=/dev/null:/usr/bin/bash:ro",
    "--ulimit=nofile=1024:1024",
    "--ulimit=nproc=1024:1024",
    "--network=host",
)


@dataclass(frozen=True)
class Engine:
    """Docker or podman."""

    tool: Tool

    def __call__(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run one of its commands to the end."""
        done = subprocess.run(
            [self.tool.path, *self._options, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0 or not check, done.stderr
        return done

    @property
    def _options(self) -> list[str]:
        # Where both are installed, crun is podman's first choice, and the one that needs more.
        return ["--runtime=runc"] if self.tool.name == "podman" and shutil.which("runc") else []

    @property
    def restricted(self) -> list[str]:
        # Podman would make /tmp, /run and /var/tmp writable again.
        own = ["--read-only-tmpfs=false"] if self.tool.name == "podman" else []
        return [*RESTRICTED, *own]

    def inspect(self, image: str) -> dict[str, Any]:
        """Return all facts that the engine has about an image."""
        (facts,) = json.loads(self("image", "inspect", image).stdout)
        return dict(facts)


@dataclass(frozen=True)
class Container(Ports):
    """A running service."""

    engine: Engine
    id: str
    start_seconds: float

    @property
    def logs(self) -> str:
        done = self.engine("logs", self.id)
        return done.stdout + done.stderr

    def python(self, script: str) -> Any:
        """Return the value of a Python expression in the container, passed as JSON."""
        program = f"import json, os, pathlib; print(json.dumps({script}))"
        done = self.engine("exec", self.id, "/opt/venv/bin/python", "-c", program)
        return json.loads(done.stdout)


@contextlib.contextmanager
def running(engine: Engine, image: str, *options: str, **environ: str) -> Iterator[Container]:
    """Run a container that answers while the block runs."""
    port, management_port = free_ports(2)
    ports = {"port": str(port), "management_port": str(management_port)}
    settings = {"host": LOOPBACK, **ports, "drain": "0", **environ}
    given = [f"--env={name}={value}" for name, value in settings.items()]
    started = time.monotonic()
    identity = engine("run", "--detach", *engine.restricted, *given, *options, image).stdout.strip()
    try:

        def answers() -> bool:
            with contextlib.suppress(OSError):
                return get(f"http://{LOOPBACK}:{management_port}/readyz").status == 200
            state = engine("inspect", "--format={{.State.Status}}", identity).stdout.strip()
            assert state in ("created", "running"), engine("logs", identity).stdout
            return False

        wait_until(answers, 30, "the container answers")
        yield Container(port, management_port, engine, identity, time.monotonic() - started)
    finally:
        engine("kill", identity, check=False)
        engine("rm", "--force", "--volumes", identity)
