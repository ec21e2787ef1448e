"""Read the texts of files, folders and standard input."""

import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lanes.errors import LanesError

STDIN = "-"
STDIN_NAME = "standard input"

# Enough for the manifests of thousands of services, and within the memory of any machine.
MOST_BYTES = 32 * 2**20
MOST_FILES = 10_000
MOST_DOCUMENTS = 100_000
_SUFFIXES = (".yaml", ".yml", ".json")
# How long a FIFO may have no writer.
_WAIT_SECONDS = 2.0
_POLL_SECONDS = 0.05


def texts(paths: tuple[str, ...]) -> Iterator[tuple[str, str, bool]]:
    """Yield each file's name and text, and whether it was found in a folder.

    Raises LanesError if a path cannot be read, is no file, or if the texts are too large.
    """
    left, documents = MOST_BYTES, 0
    for path in paths:
        for name, in_folder in _files(path):
            text = _read(name, in_folder, left)
            left -= len(text)
            documents += text.count(b"\n---")
            if documents > MOST_DOCUMENTS:
                raise LanesError(
                    f"{name}: the manifests are more than {MOST_DOCUMENTS:,} documents;"
                    " name fewer at a time"
                )
            try:
                yield name, text.decode(), in_folder
            except UnicodeDecodeError as error:
                raise LanesError(f"{name}: cannot be read: {error}") from None


def _files(path: str) -> Iterator[tuple[str, bool]]:
    """Yield the files at `path`, and whether each was found in a folder."""
    if path == STDIN:
        yield STDIN_NAME, False
    elif "\0" in path or not os.path.lexists(path):
        raise LanesError(f"{path}: no such file or directory; name manifests, or - for stdin")
    elif Path(path).is_dir():
        yield from ((str(file), True) for file in _below(path))
    else:
        yield str(Path(path)), False


def _below(folder: str) -> list[Path]:
    """Return the manifests in a folder and in those below it, without following links."""

    def refuse(error: OSError) -> None:
        raise LanesError(f"{error.filename}: cannot be read: {error.strerror}")

    files: list[Path] = []
    for here, _, names in os.walk(folder, onerror=refuse):
        files += (Path(here, name) for name in names if name.endswith(_SUFFIXES))
        if len(files) > MOST_FILES:
            raise LanesError(
                f"{folder}: has more than {MOST_FILES:,} manifests; name fewer at a time"
            )
    return sorted(files)


def _read(name: str, in_folder: bool, left: int) -> bytes:
    """Return a file's bytes. Raises LanesError if they exceed `left`, or cannot be read."""
    try:
        if name == STDIN_NAME:
            text = sys.stdin.buffer.read(left + 1)
        else:
            if in_folder and not stat.S_ISREG(Path(name).stat().st_mode):
                raise LanesError(
                    f"{name}: is not a regular file; remove it, or name the files to read"
                )
            with os.fdopen(os.open(name, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
                head = _head(name, stream.fileno())
                text = head + stream.read(left + 1 - len(head))
    except OSError as error:
        raise LanesError(f"{name}: cannot be read: {error.strerror}") from None
    if len(text) > left:
        raise LanesError(
            f"{name}: the manifests are more than {MOST_BYTES // 2**20} MiB together;"
            " name fewer at a time"
        )
    return text


def _head(name: str, file: int) -> bytes:
    """Return the first bytes of a FIFO, b"" of another file; set the file to blocking reads.

    Raises LanesError for a FIFO without a writer.
    """
    head = b""
    if stat.S_ISFIFO(os.fstat(file).st_mode):
        deadline = time.monotonic() + _WAIT_SECONDS
        # A read returns nothing without a writer, and would block if the writer is yet to write.
        with suppress(BlockingIOError):
            while not (head := os.read(file, 2**16)):
                if time.monotonic() > deadline:
                    raise LanesError(f"{name}: nothing came. Did the command that writes it fail?")
                time.sleep(_POLL_SECONDS)
    os.set_blocking(file, True)
    return head
