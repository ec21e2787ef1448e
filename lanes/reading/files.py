"""From paths to texts: files, folders, standard input."""

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

# What manifests of thousands of services need, and no more than a machine can hold.
MOST_BYTES = 32 * 2**20
MOST_FILES = 10_000
MOST_DOCUMENTS = 100_000
_SUFFIXES = (".yaml", ".yml", ".json")
# How long a FIFO may be without anybody who writes to it.
_WAIT_SECONDS = 2.0
_POLL_SECONDS = 0.05


def texts(paths: tuple[str, ...]) -> Iterator[tuple[str, str, bool]]:
    """Each file's name and text, and whether it was found in a folder.

    Raises LanesError for what can't be read, is no file, or is too large.
    """
    left, documents = MOST_BYTES, 0
    for path in paths:
        for name, found in _files(path):
            text = _read(name, found, left)
            left -= len(text)
            documents += text.count(b"\n---")
            if documents > MOST_DOCUMENTS:
                raise LanesError(
                    f"{name}: the manifests are more than {MOST_DOCUMENTS:,} documents;"
                    " name fewer at a time"
                )
            try:
                yield name, text.decode(), found
            except UnicodeDecodeError as error:
                raise LanesError(f"{name}: cannot be read: {error}") from None


def _files(path: str) -> Iterator[tuple[str, bool]]:
    """The files that `path` means, and whether each was found in a folder."""
    if path == STDIN:
        yield STDIN_NAME, False
    elif "\0" in path or not os.path.lexists(path):
        raise LanesError(f"{path}: no such file or directory; name manifests, or - for stdin")
    elif Path(path).is_dir():
        yield from ((str(file), True) for file in _below(path))
    else:
        yield str(Path(path)), False


def _below(folder: str) -> list[Path]:
    """The manifests in a folder, to its depths; links to other folders are not followed."""

    def refuse(error: OSError) -> None:
        raise LanesError(f"{error.filename}: cannot be read: {error.strerror}")

    found: list[Path] = []
    for here, _, names in os.walk(folder, onerror=refuse):
        found += (Path(here, name) for name in names if name.endswith(_SUFFIXES))
        if len(found) > MOST_FILES:
            raise LanesError(
                f"{folder}: has more than {MOST_FILES:,} manifests; name fewer at a time"
            )
    return sorted(found)


def _read(name: str, found: bool, left: int) -> bytes:
    """The bytes of a file. Raises LanesError where they are more than `left`, or can't be read."""
    try:
        if name == STDIN_NAME:
            text = sys.stdin.buffer.read(left + 1)
        else:
            if found and not stat.S_ISREG(Path(name).stat().st_mode):
                raise LanesError(
                    f"{name}: is not a regular file; remove it, or name the files to read"
                )
            with os.fdopen(os.open(name, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
                begun = _begun(name, stream.fileno())
                text = begun + stream.read(left + 1 - len(begun))
    except OSError as error:
        raise LanesError(f"{name}: cannot be read: {error.strerror}") from None
    if len(text) > left:
        raise LanesError(
            f"{name}: the manifests are more than {MOST_BYTES // 2**20} MiB together;"
            " name fewer at a time"
        )
    return text


def _begun(name: str, file: int) -> bytes:
    """What a pipe holds so far; from here on, `file` waits for more.

    Raises LanesError for a FIFO that nobody writes to.
    """
    begun = b""
    if stat.S_ISFIFO(os.fstat(file).st_mode):
        deadline = time.monotonic() + _WAIT_SECONDS
        # Without a writer a pipe reads as empty; where there is one, there is nothing to read yet.
        with suppress(BlockingIOError):
            while not (begun := os.read(file, 2**16)):
                if time.monotonic() > deadline:
                    raise LanesError(f"{name}: nothing came. Did the command that writes it fail?")
                time.sleep(_POLL_SECONDS)
    os.set_blocking(file, True)
    return begun
