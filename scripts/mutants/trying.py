"""Try a mutant: run its tests in a forked process with a time limit.

Most mutants change the body of one function. For these, the fork has the tests already collected,
and changes that function. For the other mutants, the fork imports everything anew.
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
    """A plugin of pytest that runs only the named tests, in this order."""

    def __init__(self, tests: Sequence[str]) -> None:
        self._ranks = {test: rank for rank, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self._ranks),
            key=lambda item: self._ranks[item.nodeid],
        )


class _Limited:
    """A plugin of pytest that ends the process if a test takes much longer than measured."""

    def __init__(self, seconds: Mapping[str, float]) -> None:
        self._seconds = seconds

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[Any]:
        signal.setitimer(signal.ITIMER_PROF, 10 + 5 * self._seconds[item.nodeid])
        return (yield)


class _Collected:
    """A plugin of pytest that calls `work` instead of running the collected tests."""

    def __init__(self, work: Callable[[pytest.Session], None]) -> None:
        self._work = work

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._work(session)
        return True


class Trying:
    """Tries mutants with the tests that cover them. `arguments` are for pytest."""

    def __init__(self, covering: Covering, arguments: Sequence[str]) -> None:
        self._covering = covering
        self._arguments = arguments

    def survives_import(self, mutant: Mutant) -> bool:
        """Tell whether the tests pass in a process that imports the mutant."""
        return self._survives(mutant, self._import_and_run)

    def collected(self, folder: str, work: Callable[[Callable[[Mutant], bool]], None]) -> None:
        """Collect the folder's tests once, and call `work` with a function that tries a mutant.

        The mutant replaces the function whose body it changes. Values that tests computed with the
        function at collection stay, so a change that shows only in them survives. Raises
        RuntimeError if `work` does, or if the tests cannot be collected.
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
        """Run the tests, with the mutant written to its file for processes that they start.

        Afterwards the file has its old text and time, so that Python's compiled file stays valid.
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
        """Run the tests file by file, and read no other test files."""
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
    """Return the result of `work` in a forked process. Raises RuntimeError if `work` fails."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "result"
        code = forked(lambda: bool(file.write_bytes(pickle.dumps(work()))) - 1, limit)
        if code != 0:
            raise RuntimeError(f"{work.__name__} ended with {code}")
        result: T = pickle.loads(file.read_bytes())  # noqa: S301 our own
        return result


def forked(work: Callable[[], int], limit: float) -> int | None:
    """Return the exit code of `work` in a forked process, or None if it takes too long.

    The limits are `limit` seconds of CPU time, whose excess gives another code, and ten times as
    many elapsed seconds. Processes that it started are ended, and its output is discarded.
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
    """End the children of a killed process, which this process has inherited."""
    ends = time.monotonic() + 5
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while (left := children.read_text().split()) and time.monotonic() < ends:
        for pid in left:
            os.kill(int(pid), signal.SIGKILL)
            os.waitpid(int(pid), 0)
