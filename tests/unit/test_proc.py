"""Facts from /proc about processes that this test starts."""

import os
import subprocess
import sys
from itertools import count
from pathlib import Path

from scripts.proc import cpu_seconds, memory, open_files, tree


def test_memory_and_files_are_those_that_are_held(tmp_path: Path) -> None:
    """Of a child: in this process, other tests' threads open and close files."""
    hold = (
        "import os, sys\nprint(flush=True)\ninput()\nfile = open(sys.argv[1], 'w')\n"
        "held = bytearray(os.urandom(1)) * (64 * 2**20)\nprint(flush=True)\ninput()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path / "one")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout
        assert child.stdin
        child.stdout.readline()
        files, bytes_before = open_files(child.pid), memory(child.pid)
        child.stdin.write("\n")
        child.stdin.flush()
        child.stdout.readline()
        assert open_files(child.pid) == files + 1
        assert 60 < (memory(child.pid) - bytes_before) / 2**20 < 80
        child.communicate("\n")


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
