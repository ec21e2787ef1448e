"""A program that runs a command, and ends with it all that it has started, wherever that went.

A command may leave processes in the background, in sessions of their own, with parents that have
ended. Linux makes those children of this process (prctl(2), PR_SET_CHILD_SUBREAPER), which takes no
rights, so that none gets away. Standard input is a pipe that the mesh holds open: when it ends,
whatever ended the mesh, everything here is killed. Signals go on to the command.

    python supervisor.py FD COMMAND...    FD gets the command's process id, on a line.

It is a file that runs by itself: nothing of `lanes` has to be loaded.
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
# What no signal of ours can end, such as a program of another user's, is left after so long.
_SECONDS = 5.0


def main(report: int, command: list[str]) -> None:
    """Run the command to its end, or to that of standard input; end as it did."""
    if ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        sys.exit("Linux has no PR_SET_CHILD_SUBREAPER")
    woken, waking = os.pipe()
    os.set_blocking(waking, False)
    signal.set_wakeup_fd(waking)
    for heard in (*_FORWARDED, signal.SIGCHLD):
        signal.signal(heard, lambda *_: None)  # the pipe tells
    pid = os.posix_spawn(
        command[0],
        command,
        _given(),
        file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)],
        setsid=True,
        setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],  # which Python ignores
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


def _given() -> dict[bytes, bytes]:
    """The environment that this process was started with; Python adds LC_CTYPE to it."""
    entries = Path("/proc/self/environ").read_bytes().split(b"\0")
    return dict(entry.split(b"=", 1) for entry in entries if entry)


def _ended(pid: int) -> int | None:
    """The status of the command, if it has ended; others that have are forgotten."""
    while True:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended in (0, pid):
            return status if ended else None


def _end_all() -> None:
    """Kill every child until there is none: those of a child that ends become children here."""
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
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]
        except OSError:  # it is gone
            continue
        if int(parent) == os.getpid():
            found.append(int(folder.name))
    return found


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
