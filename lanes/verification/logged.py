"""Evidence from access logs: of a file that grows, or of standard input."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from lanes.errors import LanesError
from lanes.evidence.access_logs import Line, calls, line_of, traces_of
from lanes.evidence.calls import Forest
from lanes.evidence.source import with_hops
from lanes.evidence.steps import Answer
from lanes.evidence.workloads import Workloads

_LONGEST = 65_536
_MOST_LINES = 1_000_000


@dataclass
class AccessLogs:
    """The hops that Envoy's access logs show. `header`: the baggage member that names the lane, or
    "".

    Lines come late: Istio's proxies write them once a second. The log is read until each request
    has a line, for `patience_seconds` at most, and then for `late_seconds` more. Raises LanesError
    if the file can't be read.
    """

    name: str
    workloads: Workloads
    header: str
    late_seconds: float = 2.0
    patience_seconds: float = 20.0
    _lines: list[Line] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        try:
            log = _opened(self.name)
        except OSError as error:
            raise LanesError(
                f"--access-logs {self.name}: cannot be read: {error.strerror}"
            ) from None
        threading.Thread(target=self._read, args=(log,), daemon=True).start()

    def complete(self, answers: Sequence[Answer]) -> list[Answer]:
        wanted = {answer.trace for answer in answers if not answer.whole} - {""}
        if not wanted:
            return list(answers)
        deadline, count = time.monotonic() + self.patience_seconds, 0
        while wanted and time.monotonic() < deadline:
            lines = self._lines[count:]
            wanted -= set(traces_of(lines))
            count += len(lines)
            time.sleep(0.1)
        time.sleep(self.late_seconds)
        lines = list(self._lines)
        forest = Forest(calls(lines, self.workloads, self.header))
        return [with_hops(answer, forest.path(answer.trace)) for answer in answers]

    def _read(self, log: BinaryIO) -> None:
        """Read the log's lines, and those that are added to it."""
        text = b""  # the beginning of a line that the file does not hold whole yet
        with log:
            while len(self._lines) < _MOST_LINES:
                more = log.readline(_LONGEST)
                if not more:
                    time.sleep(0.1)
                    continue
                text += more
                line = line_of(text.decode(errors="replace"))
                self._lines += [line] if line else []
                if line or more.endswith(b"\n") or len(text) >= _LONGEST:
                    text = b""


def _opened(name: str) -> BinaryIO:
    """Open a file, or standard input for "-". Raises OSError."""
    # Python closes sys.stdin when it exits, and fails if a thread is waiting for more input.
    return open(0, "rb", closefd=False) if name == "-" else Path(name).open("rb")
