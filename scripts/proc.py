"""What Linux tells of processes: proc(5)."""

import os
from collections.abc import Iterator
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> Iterator[int]:
    """The process, its children and theirs; nothing of those that are gone."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    yield pid
    for child in children:
        yield from tree(int(child))


def memory(*pids: int) -> int:
    """Bytes that these processes and their children hold; of pages that several share, each has
    its part (Pss), as a container's memory is counted.
    """
    pages = (_read(p, "smaps_rollup").partition("\nPss:")[2] for pid in pids for p in tree(pid))
    return sum(int(text.split()[0]) * 1024 for text in pages)


def cpu_seconds(*pids: int) -> float:
    """Seconds of CPU that these processes and their children have used, in user and kernel mode,
    with those of children that have ended.
    """
    # Fields 14 to 17, counted from behind the name, which may hold anything.
    times = (_read(p, "stat").rpartition(")")[2].split()[11:15] for pid in pids for p in tree(pid))
    return sum(int(ticks) for process in times for ticks in process) / _TICK


def open_files(*pids: int) -> int:
    """How many files these processes and their children have open."""
    return sum(len(list(Path(f"/proc/{p}/fd").iterdir())) for pid in pids for p in tree(pid))


def _read(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text()
