"""`lanes up` as a process, and its child processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lanes.running.address import free_port
from scripts.proc import is_running, tree


@dataclass(frozen=True)
class Up:
    """A running `lanes up`: its descendants, and its output until it was ready."""

    child: subprocess.Popen[str]
    pids: list[int]
    said: str

    @property
    def all(self) -> list[int]:
        """Return its process id, and those of all its descendants."""
        return list(tree(self.child.pid))


def environ(tmp: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(tmp), "TMPDIR": str(tmp)}


def lanes(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "lanes", *arguments]


@contextmanager
def up(tmp: Path, manifests: str, *arguments: str, **options: Any) -> Iterator[Up]:
    """Run `lanes up` until the block ends; yield it once it is ready, or has ended.

    `options` are those of `subprocess.Popen`.
    """
    child = subprocess.Popen(
        lanes("up", manifests, "--port", str(free_port()), *arguments),
        **{"env": environ(tmp), "stdout": subprocess.PIPE, "text": True, **options},
    )
    try:
        assert child.stdout
        said = ""
        for line in child.stdout:
            said += line
            if "Ctrl-C ends it" in line:
                yield Up(child, descendants(child.pid), said)
                break
        else:
            child.wait()
            yield Up(child, [], said)
    finally:
        child.kill()
        child.communicate()


def descendants(pid: int) -> list[int]:
    return [*tree(pid)][1:]


def program(pid: int) -> str:
    """Return the program of a process, without arguments."""
    return Path(f"/proc/{pid}/cmdline").read_text().partition("\0")[0]


def alive(pids: list[int]) -> list[int]:
    """Return the processes that still run. A killed process takes a moment to end."""
    return list(filter(is_running, pids))
