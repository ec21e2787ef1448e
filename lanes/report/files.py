"""Files that a command leaves behind: tried before its work, and written whole or not at all."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from lanes.errors import LanesError

Write = Callable[[str], None]


@contextmanager
def writable(option: str, name: str) -> Iterator[Write]:
    """What writes a text to the file `name`, which `option` names, in UTF-8.

    A file that is there stays as it is until the new one is whole. What is no file, such as a
    pipe, is written to as it is. Raises LanesError at once where nothing can be written.
    """
    path = Path(name)
    with ExitStack() as at_the_end, _explained(option, name):
        if path.exists() and not path.is_file() and not path.is_dir():
            opened = at_the_end.enter_context(path.open("w", encoding="utf-8", errors="replace"))

            def send(text: str) -> None:
                with _explained(option, name):
                    opened.write(text)
                    opened.flush()

            yield send
            return
        if path.is_dir():
            raise IsADirectoryError(0, "Is a directory")
        target = path.resolve()  # through a link, to the file that it means
        if target.exists() and not os.access(target, os.W_OK):
            raise PermissionError(0, "Permission denied")
        handle, beside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        os.close(handle)
        at_the_end.callback(lambda: _gone(beside))
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()

        def write(text: str) -> None:
            with _explained(option, name):
                Path(beside).write_text(text, encoding="utf-8", errors="replace")
                Path(beside).chmod(mode)
                Path(beside).replace(target)

        yield write


@contextmanager
def _explained(option: str, name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise LanesError(f"{option} {name}: cannot be written: {why}") from None


def _gone(name: str) -> None:
    with suppress(FileNotFoundError):
        Path(name).unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
