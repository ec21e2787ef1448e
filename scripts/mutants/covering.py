"""The unit tests that run a line of code, and the time that each of them takes."""

import ast
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coverage
import pytest


@dataclass(frozen=True)
class Covering:
    """Measurements of the unit tests without a mutant."""

    lines: Mapping[str, Mapping[int, frozenset[str]]]  # tests by file and line
    seconds: Mapping[str, float]  # by test
    starting: Mapping[str, frozenset[str]]  # by package, tests that use a process of the package
    failed: frozenset[str]

    def tests(self, path: str, line: int) -> list[list[str]]:
        """Return the tests that may notice a change of the line, by file, the cheapest first.

        First come the tests that run the statement or, for a line that runs at import, the file.
        Then come the tests that may run it in another process or, at import, the cheapest tests.
        """
        statement = _statement(Path(path).read_text(), line)
        by_line = self.lines.get(path, {})
        numbers = by_line if statement is None else statement
        near = set[str]().union(*(by_line.get(number, ()) for number in numbers))
        if statement is None:
            others = set(self._cheapest())
        else:
            others = set(self.starting.get(path.partition("/")[0], ()))
        return self._by_file(near - self.failed) + self._by_file(others - near - self.failed)

    def _cheapest(self) -> Iterator[str]:
        """Yield the cheapest tests that together take a minute."""
        left = 60.0
        for test, seconds in sorted(self.seconds.items(), key=lambda item: item[1]):
            left -= seconds
            if left < 0:
                return
            yield test

    def _by_file(self, tests: Iterable[str]) -> list[list[str]]:
        files = defaultdict(list)
        for test in sorted(tests, key=lambda test: (round(self.seconds[test], 2), test)):
            files[test.partition("::")[0]].append(test)
        return sorted(files.values(), key=lambda one: sum(self.seconds[test] for test in one))


def _statement(source: str, line: int) -> range | None:
    """Return the lines of the smallest statement in a function that contains `line`.

    Return None for a line that runs at import. Only the head of a compound statement counts.
    """
    functions = (f for f in ast.walk(ast.parse(source)) if isinstance(f, ast.FunctionDef))
    bodies = (part for function in functions for part in function.body)
    statements = (
        range(node.lineno, _last_line(node) + 1)
        for part in bodies
        for node in ast.walk(part)
        if isinstance(node, ast.stmt | ast.excepthandler)
    )
    return min((lines for lines in statements if line in lines), key=len, default=None)


def _last_line(node: ast.stmt | ast.excepthandler) -> int:
    body = getattr(node, "body", None)
    if isinstance(body, list):
        return max(node.lineno, int(body[0].lineno) - 1)
    return node.end_lineno or node.lineno


class _Measuring:
    """A plugin of pytest that measures each test separately."""

    def __init__(self, measured: coverage.Coverage) -> None:
        self._measured = measured
        self.seconds: dict[str, float] = defaultdict(float)
        self.failed: set[str] = set()
        self._started: dict[str, set[str]] = defaultdict(set)
        self._starter = ""
        sys.addaudithook(self._note)

    @property
    def starting(self) -> dict[str, frozenset[str]]:
        """Return the tests by package. A fixture's processes count for all tests of its file."""
        return {
            package: frozenset(
                test for test in self.seconds if {test, test.partition("::")[0]} & starters
            )
            for package, starters in self._started.items()
        }

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[Any]:
        self._measured.switch_context(item.nodeid)
        self._starter = item.nodeid.partition("::")[0]
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[Any]:
        self._starter = item.nodeid
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.failed.add(report.nodeid)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "subprocess.Popen" and self._starter:
            command = [os.fsdecode(part) for part in arguments[1]]
            if "-m" in command[:-1]:
                module = command[command.index("-m") + 1]
                self._started[module.partition(".")[0]].add(self._starter)


def measure(packages: Iterable[str], arguments: Sequence[str]) -> Covering:
    """Run the tests once in this process, and measure them."""
    measured = coverage.Coverage(data_file=None, source=list(packages))
    plugin = _Measuring(measured)
    measured.start()
    pytest.main(list(arguments), plugins=[plugin])
    measured.stop()
    data = measured.get_data()
    here = Path.cwd()
    lines = {
        str(Path(file).relative_to(here)): {
            line: frozenset(name for name in names if name)
            for line, names in data.contexts_by_lineno(file).items()
        }
        for file in data.measured_files()
    }
    return Covering(lines, dict(plugin.seconds), plugin.starting, frozenset(plugin.failed))
