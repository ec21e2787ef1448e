"""Each command in README and docs/ runs, and prints what the page shows.

docs/tests.md lists the commands that run elsewhere or nowhere.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from lanes.running.address import free_port
from tests.markdown import PAGES, ROOT, elsewhere, fenced, is_named, read, steps

LANES = f"""#!/bin/sh
command=$1; shift
case $command in
  up | demo) exec {sys.executable} -m lanes $command --port $PORT "$@" ;;
  verify) exec {sys.executable} -m lanes verify --requests 50 --lane-requests 5 "$@" ;;
  *) exec {sys.executable} -m lanes $command "$@" ;;
esac
"""
PLANNED = re.compile(r"lanes (init|plan|diff)\b")
STARTS = re.compile(r"(^|\| )lanes up\b")
# What several pages start of the clone's manifests runs once, for all of them.
SHARED = ("lanes up", "lanes up examples/pull-requests/rendered")


def typed(page: Path) -> list[tuple[str, str]]:
    left_out = elsewhere()
    return [
        (command, shown)
        for command, shown in steps(read(page))
        if command and not any(is_named(command, pattern) for pattern in left_out)
    ]


TYPED = [page for page in PAGES if typed(page)]


class Reader:
    """A reader of one page, with a folder like the clone and a terminal in it."""

    def __init__(self, page: Path, folder: Path) -> None:
        self._folder, self.port = folder, free_port()
        for name in ("helm", "examples", "k8s"):
            (folder / name).symlink_to(ROOT / name)
        for code in fenced(read(page), "yaml"):
            if named := re.match(r"# ([\w-]+\.yaml)\b", code):
                (folder / named[1]).write_text(code)
        (folder / ".bin").mkdir()
        (folder / ".bin/lanes").write_text(LANES)
        (folder / ".bin/lanes").chmod(0o755)
        self._path = f"{folder}/.bin:{Path(sys.executable).parent}:{os.environ['PATH']}"

    @property
    def _environ(self) -> dict[str, str]:
        return {"PATH": self._path, "PORT": str(self.port), "HOME": str(self._folder)}

    def _bash(self, command: str) -> list[str]:
        faster = command.replace("sleep 1", "sleep 0").replace("{1..100}", "{1..10}")
        faster = re.sub(r"--requests \d+", "--requests 50", faster)
        own = faster.replace(":8080", f":{self.port}")
        return ["bash", "-euo", "pipefail", "-c", own]

    def types(self, command: str, shown: str) -> None:
        """Run a command to its end; what manifests alone decide of its output is as shown."""
        done = subprocess.run(
            self._bash(command),
            cwd=self._folder,
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"{command}\n{said}"
        if shown and PLANNED.search(command):
            assert said == shown

    @contextmanager
    def keeps_running(self, command: str) -> Iterator[None]:
        """Run `lanes up` at a free port, from its last line of output until Ctrl-C."""
        self.port = free_port()
        with subprocess.Popen(
            self._bash(command),
            cwd=self._folder,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as child:
            assert child.stdout
            said = []
            for line in child.stdout:
                said.append(line)
                if line.startswith("Ctrl-C ends it"):
                    break
            else:
                pytest.fail("".join(said))
            try:
                yield
            finally:
                os.killpg(child.pid, signal.SIGINT)
                child.communicate(timeout=60)


class Shared:
    """The ports of meshes that several pages start, by command, until `until` closes."""

    def __init__(self, until: ExitStack) -> None:
        self._until = until
        self._ports: dict[str, int] = {}

    def port(self, reader: Reader, command: str) -> int:
        """Return the port of the command's mesh, which this reader starts unless another has."""
        if command not in self._ports:
            self._until.enter_context(reader.keeps_running(command))
            self._ports[command] = reader.port
        return self._ports[command]


@pytest.fixture(scope="module")
def shared() -> Iterator[Shared]:
    with ExitStack() as until:
        yield Shared(until)


@pytest.mark.parametrize("page", TYPED, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_run(page: Path, tmp_path: Path, shared: Shared) -> None:
    reader = Reader(page, tmp_path)
    with ExitStack() as terminal:
        for command, shown in typed(page):
            if command in SHARED:
                reader.port = shared.port(reader, command)
            elif STARTS.search(command):
                terminal.close()
                terminal.enter_context(reader.keeps_running(command))
            else:
                reader.types(command, shown)
