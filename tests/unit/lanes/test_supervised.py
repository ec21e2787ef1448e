"""Commands under the supervisor: descendants never survive the command or the mesh."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from lanes.errors import LanesError
from lanes.running.supervised import Supervised
from tests.unit.lanes.reading import REPOSITORY
from tests.unit.lanes.test_process import alive, until_gone, until_said

ENV = {"PATH": os.environ["PATH"]}
# A script that prints its process id and ignores signals.
DEAF = "trap '' TERM INT HUP; echo $$; while :; do sleep 0.05; done"
# Ways for a shell to leave a process behind.
WAYS = {
    "background": 'sh -c "$0" &',
    "a session of its own": 'setsid sh -c "$0" &',
    "a parent that has ended": 'sh -c \'setsid sh -c "$0" &\' "$0"',
    "both": 'setsid sh -c \'setsid sh -c "$0" & exit\' "$0" &',
    "closed files": "setsid sh -c \"echo \\$\\$; exec >&- 2>&- <&-; trap '' TERM; sleep 60\" &",
}


@contextmanager
def command(script: str, *arguments: str, env: Mapping[str, str] = ENV) -> Iterator[Supervised]:
    process = Supervised("the command", ["/bin/sh", "-c", script, *arguments], env)
    try:
        yield process
    finally:
        process.kill()
        process.stop(time.monotonic())


def forgetful(then: str) -> tuple[str, str]:
    """Return a script and its $0. The script leaves a process behind in each way of `WAYS`."""
    return "\n".join([*WAYS.values(), then]), DEAF


def left_behind(process: Supervised) -> list[int]:
    """Return the ids of the processes left behind, when all have printed theirs."""
    deadline = time.monotonic() + 10
    while len(ids := process.tail().split()) < len(WAYS):
        assert time.monotonic() < deadline, process.tail()
        time.sleep(0.01)
    return [int(pid) for pid in ids]


def all_gone(pids: list[int]) -> bool:
    return all(map(until_gone, pids))


@pytest.mark.parametrize(
    ("then", "ending", "end"),
    [
        ("sleep 0.5; exit 3", lambda _: None, "exit code 3"),
        ("sleep 60", lambda process: process.kill(), "SIGKILL"),
        ("sleep 60", lambda process: os.kill(process.pid, signal.SIGKILL), "SIGKILL"),
    ],
)
def test_descendants_end_with_the_command(
    then: str, ending: Callable[[Supervised], None], end: str
) -> None:
    with command(*forgetful(then)) as process:
        pids = [*left_behind(process), process.pid]
        ending(process)
        assert process.wait(10)
        assert process.end() == end
        assert all_gone(pids)


def test_descendants_end_if_the_mesh_is_killed() -> None:
    script = (
        "import time; from lanes.running.supervised import Supervised\n"
        f"process = Supervised('x', ['/bin/sh', '-c', *{forgetful('sleep 60')!r}], {ENV!r})\n"
        f"while len(ids := process.tail().split()) < {len(WAYS)}: time.sleep(0.01)\n"
        "print(process.pid, *ids, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    ) as parent:
        assert parent.stdout is not None
        left = [int(one) for one in parent.stdout.readline().split()]
        assert len(left) == len(WAYS) + 1
        assert all(map(alive, left))
        assert len(set(map(os.getsid, left))) >= 4
        parent.kill()
        parent.wait()
    assert all_gone(left)


@pytest.mark.parametrize(
    ("script", "end"),
    [
        ("exit 0", "exit code 0"),
        ("exit 2", "exit code 2"),
        ("kill -KILL $$", "SIGKILL"),
        ("kill -TERM $$", "SIGTERM"),
        ("kill -SEGV $$", "SIGSEGV"),
        ("exec /none/such", "exit code 127"),
    ],
)
def test_the_supervisor_exits_like_the_command(script: str, end: str) -> None:
    with command(f"echo first; echo last >&2; {script}") as process:
        assert process.wait(10)
        assert process.end() == end
        assert process.tail().startswith("  first\n  last")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_are_forwarded_to_the_command(number: signal.Signals) -> None:
    script = "trap 'echo told; exit 7' TERM INT; echo up; while :; do sleep 0.05; done"
    with command(script) as process:
        until_said(process, "up")
        process.signal(number)
        assert process.wait(10)
        assert process.end() == "exit code 7"


def test_the_command_has_the_environment_that_it_is_given_and_no_other() -> None:
    with command("env", env={**ENV, "PYTHONPATH": "/x", "app": "a"}) as process:
        assert process.wait(10)
        names = {line.strip().partition("=")[0] for line in process.tail().splitlines()}
    assert names == {"PATH", "PYTHONPATH", "app", "PWD"}


def test_the_command_reads_nothing_and_leads_a_session() -> None:
    with command("cat; echo done; exec sleep 60") as process:
        until_said(process, "done")
        assert os.getsid(process.pid) == os.getpgid(process.pid) == process.pid
        assert Path(f"/proc/{process.pid}/fd/0").readlink() == Path(os.devnull)


def test_an_impossible_variable_is_an_error() -> None:
    with pytest.raises(LanesError, match=r"^pod a cannot be started: "):
        Supervised("pod a", ["/bin/true"], {"A": "b\0c"})
