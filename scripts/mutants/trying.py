"""Try a mutant: its tests in a forked process, with a limit of time.

Most change the body of one function. Their processes are forked where the tests are collected, and
change that function alone. The others are imported anew.
"""

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
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import pytest

from scripts.mutants.covering import Covering
from scripts.mutants.drawing import Mutant
from scripts.mutants.swapping import Swap, swap_of

_PR_SET_CHILD_SUBREAPER = 36
_FAILED = 1

T = TypeVar("T")

Files = Sequence[Sequence[str]]
"""Names of tests, by file, in the order in which they run."""


class _Chosen:
    """A plugin of pytest: the tests by these names run, in this order, and no others."""

    def __init__(self, tests: Sequence[str]) -> None:
        self._ranks = {test: rank for rank, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self._ranks),
            key=lambda item: self._ranks[item.nodeid],
        )


class _Limited:
    """A plugin of pytest: a test that takes far longer than it did ends its process."""

    def __init__(self, seconds: Mapping[str, float]) -> None:
        self._seconds = seconds

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[Any]:
        signal.setitimer(signal.ITIMER_PROF, 10 + 5 * self._seconds[item.nodeid])
        return (yield)


class _Collected:
    """A plugin of pytest: `work` takes the place of running the tests that are collected."""

    def __init__(self, work: Callable[[pytest.Session], None]) -> None:
        self._work = work

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._work(session)
        return True


class Trying:
    """What tries mutants with the tests that cover them. `arguments` are for pytest."""

    def __init__(self, covering: Covering, arguments: Sequence[str]) -> None:
        self._covering = covering
        self._arguments = arguments

    def survives_import(self, mutant: Mutant) -> bool:
        """Whether the tests pass in a process that imports the mutant."""
        return self._survives(mutant, self._import_and_run)

    def collected(self, folder: str, work: Callable[[Callable[[Mutant], bool]], None]) -> None:
        """Collect the folder's tests, once, and hand `work` what tries a mutant with them.

        A mutant is put in the place of the function whose body it changes. What tests computed by
        it before, as they were collected, stays: a change that this alone shows survives. Raises
        RuntimeError where `work` does, or where the tests can't be collected.
        """

        def tried(session: pytest.Session) -> None:
            gone = self._covering.seconds.keys() - {item.nodeid for item in session.items}
            if gone:
                raise RuntimeError(f"tests have another name each time: {', '.join(sorted(gone))}")

            def survives(mutant: Mutant) -> bool:
                swap = swap_of(mutant)  # before the file changes
                return self._survives(mutant, lambda files: _swap_and_run(swap, files, session))

            work(survives)

        plugins = [_Collected(tried), _Limited(self._covering.seconds)]
        if code := pytest.main([*self._arguments, "--capture=no", folder], plugins=plugins):
            raise RuntimeError(f"the tests of {folder} can't be tried: pytest ended with {code}")

    def _survives(self, mutant: Mutant, run: Callable[[Files], int]) -> bool:
        """Run the tests, with the mutant in its file for processes that they start.

        The file is as before afterwards, to its time, so that what Python compiled of it still
        holds.
        """
        files = self._covering.tests(mutant.path, mutant.line)
        limit = 20 + 3 * sum(self._covering.seconds[test] for tests in files for test in tests)
        path = Path(mutant.path)
        source, status = path.read_text(), path.stat()
        path.write_text(mutant.source)
        try:
            return forked(lambda: run(files), limit) == 0
        finally:
            path.write_text(source)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    def _import_and_run(self, files: Files) -> int:
        """Run the tests file by file; a file of which none is needed is not even read."""
        for tests in files:
            file = tests[0].partition("::")[0]
            plugins = [_Chosen(tests), _Limited(self._covering.seconds)]
            code = pytest.main([*self._arguments, "-x", file], plugins=plugins)
            if code:
                return code
        return 0


def _swap_and_run(swap: Swap | None, files: Files, session: pytest.Session) -> int:
    if swap:
        swap.apply()
    by_name = {item.nodeid: item for item in session.items}
    items = [by_name[test] for tests in files for test in tests]
    for item, following in zip_longest(items, items[1:]):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return _FAILED
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
