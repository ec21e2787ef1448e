"""How every command ends: with its exit code, and a sentence where something is wrong."""

import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click

from lanes.console import complain, drop_output
from lanes.errors import LanesError
from lanes.printable import printable, printable_lines
from lanes.running.process import ENDING

EXIT_LANES_BROKEN = EXIT_LINT_ERRORS = EXIT_CHANGED = 1
EXIT_ERROR = 2


class _Stopped(BaseException):
    """A signal asked for the end; the number is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Group(click.Group):
    """Prints a LanesError as its sentence, and exits as documented."""

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        with _printable_usage():
            return super().make_context(*arguments, **more)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with _until_stopped(), _printable_usage():
                return super().invoke(ctx)
        except LanesError as error:
            complain(*error.sentences)
            sys.exit(EXIT_ERROR)
        except BrokenPipeError:  # whoever read the output has seen enough
            drop_output()
            sys.exit(128 + signal.SIGPIPE)
        except OSError as error:
            drop_output()
            complain(error.strerror or str(error))
            sys.exit(EXIT_ERROR)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # the last resort: a defect of ours, and never a verdict
            complain(_unforeseen(error))
            sys.exit(EXIT_ERROR)


def _unforeseen(error: Exception) -> str:
    """An error that nobody foresaw: what it is, where it came from, and whom to tell."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    what = printable(f"{type(error).__name__}: {error}")[:300]
    return f"unforeseen: {what}{where}; please report this line, with the manifests if you may"


@contextmanager
def _printable_usage() -> Iterator[None]:
    """A block whose usage errors may be printed, whatever was typed."""
    try:
        yield
    except click.UsageError as error:
        message = error.format_message()
        if message == printable_lines(message):
            raise
        raise click.UsageError(printable_lines(message), error.ctx) from None


@contextmanager
def _until_stopped() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP end the block, clean it up, and exit as a shell expects."""

    def stop(number: int, _: object) -> NoReturn:
        # What cleans up must not be interrupted by somebody's second Ctrl-C.
        for other in handled:
            signal.signal(other, signal.SIG_IGN)
        raise _Stopped(number)

    handled: dict[int, Callable[..., Any] | int | None] = {}
    for number in ENDING:
        handled[number] = signal.signal(number, stop)
    try:
        yield
    except _Stopped as stopped:
        sys.exit(128 + stopped.number)
    finally:
        for other, handler in handled.items():
            signal.signal(other, handler)
