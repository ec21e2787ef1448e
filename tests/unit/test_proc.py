"""What /proc tells, against what this test does."""

import os
import subprocess
import sys
from itertools import count
from pathlib import Path

from scripts.proc import cpu_seconds, memory, open_files, tree


def test_memory_and_files_are_those_that_are_held(tmp_path: Path) -> None:
    me = os.getpid()
    files, bytes_before = open_files(me), memory(me)
    with (tmp_path / "one").open("w"):
        assert open_files(me) == files + 1
    held = bytearray(os.urandom(1)) * (64 * 2**20)
    assert 60 < (memory(me) - bytes_before) / 2**20 < 80, len(held)


def test_the_time_of_a_child_counts_while_it_runs_and_after() -> None:
    me = os.getpid()
    before = cpu_seconds(me)
    spin = "import time\nwhile time.process_time() < 0.5: pass\nprint(flush=True)\ninput()"
    with subprocess.Popen(
        [sys.executable, "-c", spin], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout
        child.stdout.readline()
        assert child.pid in tree(me)
        assert cpu_seconds(me) - before > 0.4
        child.communicate("\n")
    assert child.pid not in tree(me)
    assert cpu_seconds(me) - before > 0.4


def test_of_a_process_that_is_gone_there_is_nothing() -> None:
    gone = next(pid for pid in count(2**22 - 1, -1) if not Path(f"/proc/{pid}").exists())
    assert list(tree(gone)) == []
    assert (cpu_seconds(gone), memory(gone), open_files(gone)) == (0, 0, 0)
