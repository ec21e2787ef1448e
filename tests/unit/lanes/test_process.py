"""Child processes: they end with their parent, and errors have their last output."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from lanes.errors import LanesError
from lanes.running.process import Process, signals_held
from tests.unit.lanes.reading import REPOSITORY

ENV = {"PATH": os.environ["PATH"]}


@contextmanager
def shell(script: str, env: Mapping[str, str] = ENV) -> Iterator[Process]:
    process = Process("the shell", ["sh", "-c", script], env)
    try:
        yield process
    finally:
        process.signal(signal.SIGKILL)
        process.stop(time.monotonic())


def alive(pid: int) -> bool:
    """Tell whether the process runs. A zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until_gone(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not alive(pid)


def until_said(process: Process, text: str) -> None:
    deadline = time.monotonic() + 5
    while text not in process.tail():
        assert time.monotonic() < deadline, process.tail()
        time.sleep(0.01)


def test_a_child_runs_until_it_is_told_to_end() -> None:
    with shell("exec sleep 60") as process:
        assert process.running
        assert not process.wait(0)
        process.signal(signal.SIGTERM)
        assert process.wait(5)
        assert not process.running


def test_a_child_sees_the_environment_that_it_is_given_and_no_other() -> None:
    with shell('echo "$app ${HOME-none}"', {**ENV, "app": "mocka"}) as process:
        assert process.wait(5)
        assert process.tail() == "  mocka none"


@pytest.mark.parametrize(
    ("script", "end"),
    [("exit 0", "exit code 0"), ("exit 2", "exit code 2"), ("kill -KILL $$", "SIGKILL")],
)
def test_the_error_of_an_ended_child_has_its_last_output(script: str, end: str) -> None:
    with shell(f"echo first; echo last >&2; {script}") as process:
        assert process.wait(5)
        assert process.end() == end
        assert str(process.failure()) == (
            f"the shell ended by itself ({end}); it said last:\n  first\n  last"
        )


def test_the_tail_of_a_child_without_output() -> None:
    with shell("exit 1") as process:
        assert process.wait(5)
        assert process.tail() == "  (nothing)"


def test_the_tail_has_the_last_lines_only() -> None:
    with shell("seq 10000; printf '\\377'") as process:
        assert process.wait(5)
        lines = process.tail().splitlines()
    assert lines == [f"  {n}" for n in range(9990, 10001)] + ["  \N{REPLACEMENT CHARACTER}"]


def test_a_program_that_does_not_exist() -> None:
    missing = Process("pod a", ["/none/such"], ENV)
    assert missing.wait(5)
    assert "/none/such" in str(missing.failure())
    missing.stop(0)


def test_without_setpriv_the_error_names_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LanesError, match=r"^pod a cannot be started: .*; install util-linux$"):
        Process("pod a", ["true"], {"PATH": str(tmp_path)})


@pytest.mark.parametrize("variable", [("A", "b\0c"), ("A=B", "c"), ("A", "\ud800")])
def test_an_impossible_variable_is_an_error(
    variable: tuple[str, str],
) -> None:
    with pytest.raises(LanesError, match=r"^pod a cannot be started: "):
        Process("pod a", ["true"], dict([variable]))


def test_the_childs_own_path_does_not_choose_what_starts_it(tmp_path: Path) -> None:
    canary, own = tmp_path / "canary", tmp_path / "setpriv"
    own.write_text(f"#!/bin/sh\ntouch {canary}\n")
    own.chmod(0o755)
    process = Process("pod a", ["/bin/true"], {"PATH": str(tmp_path)})
    assert process.wait(5)
    process.stop(0)
    assert not canary.exists()


def test_a_child_that_ignores_signals_is_killed() -> None:
    with shell("trap '' TERM INT; echo up; while :; do sleep 0.05; done") as process:
        until_said(process, "up")
        process.signal(signal.SIGTERM)
        began = time.monotonic()
        process.stop(began + 0.2)
        assert 0.15 < time.monotonic() - began < 3
        assert not alive(process.pid)


def test_the_process_group_ends_with_the_child() -> None:
    with shell("sleep 60 & echo $!; exit 0") as process:
        assert process.wait(5)
        orphan = int(process.tail())
        assert alive(orphan)
        process.stop(time.monotonic() + 1)
        assert until_gone(orphan)


def test_a_signal_to_an_ended_child_is_ignored() -> None:
    with shell("exit 0") as process:
        assert process.wait(5)
        process.signal(signal.SIGTERM)


def test_a_child_leads_its_own_session() -> None:
    with shell("exec sleep 60") as process:
        assert os.getpgid(process.pid) == process.pid
        assert os.getsid(process.pid) != os.getsid(0)


def test_a_child_does_not_outlive_its_parent() -> None:
    script = (
        "import time; from lanes.running.process import Process\n"
        f"print(Process('x', ['sleep', '60'], {ENV!r}).pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        # Only once setpriv has become the program itself is the child's end arranged for.
        deadline = time.monotonic() + 5
        while Path(f"/proc/{child}/comm").read_text().strip() != "sleep":
            assert time.monotonic() < deadline
            time.sleep(0.01)
        parent.kill()
        parent.wait()
    assert until_gone(child)


def test_signals_are_delayed_until_the_block_is_done() -> None:
    order: list[str] = []
    old = signal.signal(signal.SIGTERM, lambda *_: order.append("signal"))
    try:
        with signals_held():
            signal.raise_signal(signal.SIGTERM)
            order.append("block")
        order.append("after")
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, old)
    assert order == ["block", "signal", "after", "signal"]
