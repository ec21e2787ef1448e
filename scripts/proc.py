"""Facts about processes from Linux's /proc: proc(5)."""

import os
from collections.abc import Iterator
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> Iterator[int]:
    """Yield the process and its descendants, except those that have ended."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    yield pid
    for child in children:
        yield from tree(int(child))


def is_running(pid: int) -> bool:
    """Tell whether the process exists and is not a zombie."""
    try:
        return _read(pid, "stat").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def memory(*pids: int) -> int:
    """Return the bytes of memory of these processes and their descendants.

    A shared page is divided among its processes (Pss), as in a container's memory.
    """
    pages = (_read(p, "smaps_rollup").partition("\nPss:")[2] for pid in pids for p in tree(pid))
    return sum(int(text.split()[0]) * 1024 for text in pages)


def cpu_seconds(*pids: int) -> float:
    """Return the CPU seconds of these processes and their descendants, in user and kernel mode.

    Children that have ended are included.
    """
    # Fields 14 to 17, counted from the end of the name, which may contain anything.
    times = (_read(p, "stat").rpartition(")")[2].split()[11:15] for pid in pids for p in tree(pid))
    return sum(int(ticks) for process in times for ticks in process) / _TICK


def open_files(*pids: int) -> int:
    """Return the number of open files of these processes and their descendants."""
    return sum(len(list(Path(f"/proc/{p}/fd").iterdir())) for pid in pids for p in tree(pid))


def _read(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text()
