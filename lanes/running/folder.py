"""A temporary folder for the files of a mesh, which no other user may enter."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lanes.running.process import signals_held


@contextmanager
def passing_folder() -> Iterator[Path]:
    """Make a folder of mode 0700 that is removed when the block or this process ends.

    A shell removes the folder at the end of its standard input. Linux closes that input with this
    process, however the process ends.
    """
    with signals_held():
        name = tempfile.mkdtemp(prefix="lanes-")
        guard = subprocess.Popen(
            ["sh", "-c", 'read -r _; rm -rf "$1"', "sh", name],  # noqa: S607
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        yield Path(name)
    finally:
        guard.communicate()
