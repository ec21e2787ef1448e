"""One child process that never outlives this one."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from lanes.errors import LanesError

_TAIL_BYTES = 4000


ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def signals_held() -> Iterator[None]:
    """Hold back what would end this process until the block is done.

    A child between its start and its place among those to be stopped would be forgotten.
    """
    held: list[int] = []
    handlers = {n: signal.signal(n, lambda number, _: held.append(number)) for n in ENDING}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for late in held:
            signal.raise_signal(late)


class Process:
    """A running child, its output kept aside in a file that has no name.

    The child leads a process group, so a Ctrl-C in the terminal reaches this process alone
    and the children are stopped in order. Linux ends the child when this process dies,
    whatever ended it (prctl(2), PR_SET_PDEATHSIG, by way of setpriv(1)).
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        env: Mapping[str, str],
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.name = name
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 closed by stop()
        try:
            self._child = self._start(command, env, pass_fds)
        except (OSError, ValueError) as error:  # of variables that no process can have
            self._output.close()
            raise LanesError(f"{name} cannot be started: {error}") from None

    def _start(
        self, command: Sequence[str], env: Mapping[str, str], pass_fds: Sequence[int]
    ) -> "subprocess.Popen[bytes]":
        ending = [_setpriv(), "--pdeathsig", "TERM", "--"]
        # A parent that ended before that was arranged for sends no signal.
        unless_ended = ["/bin/sh", "-c", 'test "$PPID" = "$0" && exec "$@"', str(os.getpid())]
        return self._popen([*ending, *unless_ended, *command], env, pass_fds, subprocess.DEVNULL)

    def _popen(
        self, command: Sequence[str], env: Mapping[str, str], pass_fds: Sequence[int], stdin: int
    ) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            command,
            env=dict(env),
            stdin=stdin,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=pass_fds,
        )

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal to the child, if it still runs; what it started is its own to end."""
        if self.running:
            self._child.send_signal(number)

    def kill(self) -> None:
        """End the child and everything that it started, by force."""
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)

    def wait(self, seconds: float) -> bool:
        """Whether the child ended within `seconds`."""
        try:
            self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self, deadline: float) -> None:
        """Wait for the end until `deadline` (monotonic seconds), then end the group by force."""
        if not self.wait(max(0.0, deadline - time.monotonic())):
            self.kill()
            self._child.wait()
        self.kill()  # what the child may have left in its group
        self._output.close()

    def failure(self) -> LanesError:
        """The sentence for a child that ended by itself, with the last it said."""
        return LanesError(
            f"{self.name} ended by itself ({self.end()}); it said last:",
            *self.tail().splitlines(),
        )

    def end(self) -> str:
        """How the child ended: by which signal, or with which exit code."""
        status = self._child.wait()
        return signal.Signals(-status).name if status < 0 else f"exit code {status}"

    def tail(self) -> str:
        """The last lines of the child's output, indented."""
        size = self._output.seek(0, os.SEEK_END)
        self._output.seek(max(0, size - _TAIL_BYTES))
        lines = self._output.read().decode(errors="replace").splitlines()[-12:]
        return "\n".join(f"  {line}" for line in lines) or "  (nothing)"


def _setpriv() -> str:
    """The program of util-linux, as this process would find it: not as the child's PATH says."""
    found = shutil.which("setpriv")
    if found is None:
        raise FileNotFoundError("setpriv is missing; install util-linux")
    return found
