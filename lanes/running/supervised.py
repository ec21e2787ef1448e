"""A user's command as a child process that ends together with everything that it started."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from lanes.running.process import Process

_SUPERVISOR = Path(__file__).with_name("supervisor.py")


class Supervised(Process):
    """A command under `supervisor.py`.

    The supervisor ends everything that the command started when the command or this process ends.
    """

    def _start(
        self, command: Sequence[str], env: Mapping[str, str], pass_fds: Sequence[int]
    ) -> "subprocess.Popen[bytes]":
        reading, writing = os.pipe()
        self._report = os.fdopen(reading)
        try:
            # -I: Python's variables in `env` are for the command, not for the supervisor.
            supervisor = [sys.executable, "-I", "-S", str(_SUPERVISOR), str(writing)]
            return self._popen([*supervisor, *command], env, [*pass_fds, writing], subprocess.PIPE)
        except BaseException:
            self._report.close()
            raise
        finally:
            os.close(writing)

    @cached_property
    def pid(self) -> int:
        """The id of the command's process; the supervisor's if the command did not start."""
        with self._report:
            return int(self._report.readline() or self._child.pid)

    def kill(self) -> None:
        """Kill the command and everything that it started."""
        if self._child.stdin:
            self._child.stdin.close()

    def stop(self, deadline: float) -> None:
        """Wait for the end until `deadline` (monotonic seconds), then kill everything."""
        super().stop(deadline)
        self._report.close()
