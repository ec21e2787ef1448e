"""Output files of commands: opened before the work starts, and written whole or not at all."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lanes.errors import LanesError

Write = Callable[[str], None]


@contextmanager
def writable(option: str, name: str) -> Iterator[Write]:
    """Yield a function that writes a text in UTF-8 to the file `name`, the value of `option`.

    A new text replaces an existing file in one step. What is not a regular file, such as a pipe, is
    written to directly. Raises LanesError if the file cannot be written, before the block runs if
    possible.
    """
    path = Path(name)
    with ExitStack() as stack, _explained(option, name):
        if path.exists() and not path.is_file() and not path.is_dir():
            pipe = stack.enter_context(path.open("w", encoding="utf-8", errors="replace"))

            def send(text: str) -> None:
                with _explained(option, name):
                    pipe.write(text)
                    pipe.flush()

            yield send
            return
        if path.is_dir():
            raise IsADirectoryError(0, "Is a directory")
        target = path.resolve()  # follows symbolic links
        if target.exists() and not os.access(target, os.W_OK):
            raise PermissionError(0, "Permission denied")
        handle, name_of_new = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        os.close(handle)
        new = Path(name_of_new)
        stack.callback(new.unlink, missing_ok=True)
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()

        def write(text: str) -> None:
            with _explained(option, name):
                new.write_text(text, encoding="utf-8", errors="replace")
                new.chmod(mode)
                new.replace(target)

        yield write


@contextmanager
def _explained(option: str, name: str) -> Iterator[None]:
    """Raise errors of the block as LanesErrors that name the option and the file."""
    try:
        yield
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise LanesError(f"{option} {name}: cannot be written: {why}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
