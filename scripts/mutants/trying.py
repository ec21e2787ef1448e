"""Try a mutant: its tests in a forked process, with a limit of time."""

import ctypes
import math
import os
import pickle
import resource
import select
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest

from scripts.mutants.drawing import Mutant

_PR_SET_CHILD_SUBREAPER = 36
_FAILED = 1

T = TypeVar("T")


class _Chosen:
    """A plugin of pytest: the tests by these names run, in this order, and no others."""

    def __init__(self, tests: Sequence[str]) -> None:
        self._ranks = {test: rank for rank, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self._ranks),
            key=lambda item: self._ranks[item.nodeid],
        )


def survives(
    mutant: Mutant, files: Sequence[Sequence[str]], limit: float, arguments: Sequence[str]
) -> bool:
    """Whether the tests of each file pass with the mutant in its own, for `limit` see `forked`.

    The mutant's file is as before afterwards, to its time, so that what Python compiled of it still
    holds.
    """
    path = Path(mutant.path)
    source, status = path.read_text(), path.stat()
    path.write_text(mutant.source)
    try:
        return forked(lambda: _run(files, arguments), limit) == 0
    finally:
        path.write_text(source)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _run(files: Sequence[Sequence[str]], arguments: Sequence[str]) -> int:
    """Run the tests file by file; a file of which none is needed is not even read."""
    for tests in files:
        file = tests[0].partition("::")[0]
        code = pytest.main([*arguments, "-x", file], plugins=[_Chosen(tests)])
        if code:
            return code
    return 0


def forked_result(work: Callable[[], T], limit: float) -> T:
    """Return what `work` returns in a process of its own. Raises RuntimeError where it does not."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "result"
        code = forked(lambda: bool(file.write_bytes(pickle.dumps(work()))) - 1, limit)
        if code != 0:
            raise RuntimeError(f"{work.__name__} ended with {code}")
        result: T = pickle.loads(file.read_bytes())  # noqa: S301 our own
        return result


def forked(work: Callable[[], int], limit: float) -> int | None:
    """Return what `work` returns in a process of its own; another number where it does not end.

    It has `limit` seconds of the processor's time, and ten times as long by the clock; None where
    that is over. None of the processes that it started is left, nor is its output shown.
    """
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    child = os.fork()
    if child == 0:
        _work_and_exit(work, limit)
    handle = os.pidfd_open(child)
    try:
        in_time, _, _ = select.select([handle], [], [], 10 * limit)
        if not in_time:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    finally:
        os.close(handle)
        _end_orphans()
    return os.waitstatus_to_exitcode(status) if in_time else None


def _work_and_exit(work: Callable[[], int], limit: float) -> NoReturn:
    code = _FAILED
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(limit), math.ceil(limit) + 1))
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(nothing, descriptor)
        sys.dont_write_bytecode = True
        code = work()
    finally:
        os._exit(code)


def _end_orphans() -> None:
    """End what a killed process left, which is ours by now."""
    ends = time.monotonic() + 5
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while (left := children.read_text().split()) and time.monotonic() < ends:
        for pid in left:
            os.kill(int(pid), signal.SIGKILL)
            os.waitpid(int(pid), 0)
