"""Run one set through plan, lint and the steps of `up` before it starts anything."""

import json
import signal
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from lanes.console import Console
from lanes.envoy import bootstrap
from lanes.errors import LanesError
from lanes.lint.check import lint
from lanes.planning.plan import plan
from lanes.reading.reader import read
from lanes.reading.resolve import resolve
from lanes.report.lint import lint_json, lint_sarif, show_lint
from lanes.report.plan import show_headline, show_plan
from lanes.report.plan_json import plan_json
from lanes.running.standins import stand_ins

SECONDS = 10.0


@dataclass(frozen=True)
class Fault:
    """A bug that a user would see. `trace` has the last lines of its traceback."""

    step: str
    what: str
    trace: str


class _TooLong(BaseException):
    """A step took too much CPU time."""


def outcomes(text: str) -> list[Fault | str]:
    """Return how plan and lint ended for one set: "plan refused", "up done" or a fault, say."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "set.yaml"
        file.write_text(text, encoding="utf-8", errors="surrogatepass")
        steps = (("plan", _planned), ("lint", _linted))
        return [_ended(step, run, str(file)) for step, run in steps]


def _ended(step: str, run: Callable[[str], str], file: str) -> Fault | str:
    try:
        with _limited():
            return run(file)
    except LanesError as error:
        return f"{step} refused" if str(error).strip() else Fault(step, "an empty sentence", "")
    except _TooLong:
        return Fault(step, f"took more than {SECONDS:g} s", traceback.format_exc(limit=-8))
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
        return Fault(step, what, traceback.format_exc(limit=-8))


def _planned(file: str) -> str:
    mesh = resolve(read([file], strict=False), strict=False)
    planned = plan(mesh)
    with Path("/dev/null").open("w") as nowhere:
        console = Console(file=nowhere, width=80)
        show_headline(mesh, planned, console)
        show_plan(planned, console)
    json.dumps(plan_json(mesh, planned))
    addresses = {pod.key: f"127.0.9.{n % 200 + 1}" for n, pod in enumerate(mesh.pods)}
    propagated = stand_ins(mesh).propagated
    json.dumps(bootstrap(mesh, addresses, 8080, "/admin", propagated=propagated))
    return "up done"


def _linted(file: str) -> str:
    report = lint([file])
    with Path("/dev/null").open("w") as nowhere:
        show_lint(report, Console(file=nowhere, width=80))
    json.dumps([lint_json(report), lint_sarif(report)])
    return "lint refused" if report.unread else "lint done"


@contextmanager
def _limited() -> Iterator[None]:
    """Limit the CPU time of the block."""

    def late(*_: object) -> NoReturn:
        raise _TooLong

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
