"""A child process that never outlives this process."""

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

# Signals that end this process.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def signals_held() -> Iterator[None]:
    """Delay signals that end this process until the block is done.

    Otherwise a signal between a child's start and its registration would leave the child running.
    """
    delayed: list[int] = []
    handlers = {n: signal.signal(n, lambda number, _: delayed.append(number)) for n in ENDING}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for late in delayed:
            signal.raise_signal(late)


class Process:
    """A running child, with its output in a file that has no name.

    The child leads a process group: a Ctrl-C in the terminal reaches this process alone, which
    stops its children in order. Linux ends the child when this process dies, whatever ended it
    (prctl(2), PR_SET_PDEATHSIG, set by setpriv(1)).
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
        except (OSError, ValueError) as error:  # ValueError: impossible variables
            self._output.close()
            raise LanesError(f"{name} cannot be started: {error}") from None

    def _start(
        self, command: Sequence[str], env: Mapping[str, str], pass_fds: Sequence[int]
    ) -> "subprocess.Popen[bytes]":
        end_with_parent = [_setpriv(), "--pdeathsig", "TERM", "--"]
        # If this process ended before setpriv ran, no signal comes: then the shell runs nothing.
        if_parent_lives = ["/bin/sh", "-c", 'test "$PPID" = "$0" && exec "$@"', str(os.getpid())]
        started = [*end_with_parent, *if_parent_lives, *command]
        return self._popen(started, env, pass_fds, subprocess.DEVNULL)

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
        """Send a signal to the child if it runs. The child has to end what it started."""
        if self.running:
            self._child.send_signal(number)

    def kill(self) -> None:
        """Kill the child and its process group."""
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)

    def wait(self, seconds: float) -> bool:
        """Wait up to `seconds`, and tell whether the child has ended."""
        try:
            self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self, deadline: float) -> None:
        """Wait for the end until `deadline` (monotonic seconds), then kill the process group."""
        if not self.wait(max(0.0, deadline - time.monotonic())):
            self.kill()
            self._child.wait()
        self.kill()  # processes that the child left in its group
        self._output.close()

    def failure(self) -> LanesError:
        """Return the error for a child that ended by itself, with its last output."""
        return LanesError(
            f"{self.name} ended by itself ({self.end()}); it said last:",
            *self.tail().splitlines(),
        )

    def end(self) -> str:
        """Return how the child ended: the signal's name, or the exit code."""
        status = self._child.wait()
        return signal.Signals(-status).name if status < 0 else f"exit code {status}"

    def tail(self) -> str:
        """Return the last lines of the child's output, indented."""
        size = self._output.seek(0, os.SEEK_END)
        self._output.seek(max(0, size - _TAIL_BYTES))
        lines = self._output.read().decode(errors="replace").splitlines()[-12:]
        return "\n".join(f"  {line}" for line in lines) or "  (nothing)"


def _setpriv() -> str:
    """Return the path of setpriv, found by this process's PATH and not by the child's."""
    path = shutil.which("setpriv")
    if path is None:
        raise FileNotFoundError("setpriv is missing; install util-linux")
    return path
