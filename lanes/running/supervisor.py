"""A program that runs a command, and kills everything that the command started when it ends.

A command may leave processes in the background, in other sessions, or with parents that ended.
Linux makes such orphans children of this process (prctl(2), PR_SET_CHILD_SUBREAPER, which needs no
privilege), so that none escapes. Standard input is a pipe that the mesh holds open. When the pipe
ends, whatever ended the mesh, this program kills everything. It forwards signals to the command.

    python supervisor.py FD COMMAND...    writes the command's process id to FD, on a line.

It imports nothing of `lanes`, so that it starts fast.
"""

import ctypes
import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

_SET_CHILD_SUBREAPER = 36
_FORWARDED = (signal.SIGTERM, signal.SIGINT)
# How long to kill processes. Those of another user survive.
_SECONDS = 5.0


def main(report: int, command: list[str]) -> None:
    """Run the command until it or standard input ends. Exit as the command did."""
    if ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        sys.exit("Linux has no PR_SET_CHILD_SUBREAPER")
    woken, waking = os.pipe()
    os.set_blocking(waking, False)
    signal.set_wakeup_fd(waking)
    for handled in (*_FORWARDED, signal.SIGCHLD):
        signal.signal(handled, lambda *_: None)  # the wakeup pipe gets the signal
    pid = os.posix_spawn(
        command[0],
        command,
        _environment(),
        file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)],
        setsid=True,
        setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],  # Python ignores these
    )
    with suppress(OSError):  # the mesh may have ended by now
        os.write(report, f"{pid}\n".encode())
    os.close(report)
    status = None
    try:
        while status is None and 0 not in select.select([0, woken], [], [])[0]:
            for number in os.read(woken, 512):
                if number in _FORWARDED:
                    os.kill(pid, number)
            status = _ended(pid)
    finally:
        _end_all()
    _end_like(status)


def _environment() -> dict[bytes, bytes]:
    """Return the environment of this process's start. Python has added LC_CTYPE to `os.environ`."""
    entries = Path("/proc/self/environ").read_bytes().split(b"\0")
    return dict(entry.split(b"=", 1) for entry in entries if entry)


def _ended(pid: int) -> int | None:
    """Reap children that have ended. Return the command's status if it is one of them."""
    while True:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended in (0, pid):
            return status if ended else None


def _end_all() -> None:
    """Kill children until there are none. The children of a killed child become children here."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        for pid in _children():
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)


def _children() -> list[int]:
    children = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]
        except OSError:  # the process has ended
            continue
        if int(parent) == os.getpid():
            children.append(int(folder.name))
    return children


def _end_like(status: int | None) -> None:
    if status is None:
        os.kill(os.getpid(), signal.SIGKILL)
    elif os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    else:
        os._exit(os.WEXITSTATUS(status))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
