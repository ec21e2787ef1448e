"""A command of the user's as a child, which takes all that it started along."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from lanes.running.process import Process

_SUPERVISOR = Path(__file__).with_name("supervisor.py")


class Supervised(Process):
    """A command under a supervisor (see there), which ends everything together with it, and when
    this process ends, whatever ended that.
    """

    def _start(
        self, command: Sequence[str], env: Mapping[str, str], pass_fds: Sequence[int]
    ) -> "subprocess.Popen[bytes]":
        reading, writing = os.pipe()
        self._report = os.fdopen(reading)
        try:
            # Python's own variables are for the command, not for its supervisor.
            own = [sys.executable, "-I", "-S", str(_SUPERVISOR), str(writing)]
            return self._popen([*own, *command], env, [*pass_fds, writing], subprocess.PIPE)
        except BaseException:
            self._report.close()
            raise
        finally:
            os.close(writing)

    @cached_property
    def pid(self) -> int:
        """The command's own process; the supervisor's where there was none."""
        with self._report:
            return int(self._report.readline() or self._child.pid)

    def kill(self) -> None:
        """End the command and everything that it started, by force."""
        if self._child.stdin:
            self._child.stdin.close()

    def stop(self, deadline: float) -> None:
        """Wait for the end until `deadline` (monotonic seconds), then end everything by force."""
        super().stop(deadline)
        self._report.close()
