"""A folder for what a mesh keeps on disk, which nobody else may enter."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lanes.running.process import signals_held


@contextmanager
def passing_folder() -> Iterator[Path]:
    """A folder of mode 0700 that goes with this process, however that ends: a shell waits for it.

    Linux ends that shell's standard input together with this process.
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
