"""How every command ends: its exit code, and a sentence if something is wrong."""

import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click

from lanes.console import drop_output, print_error
from lanes.errors import LanesError
from lanes.printable import printable, printable_lines
from lanes.running.process import ENDING

EXIT_LANES_BROKEN = EXIT_LINT_ERRORS = EXIT_CHANGED = 1
EXIT_ERROR = 2


class _Stopped(BaseException):
    """A signal asked this process to end. The argument is the signal's number."""


class Group(click.Group):
    """A group that prints a LanesError as its sentences, and exits as documented."""

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        with _printable_usage():
            return super().make_context(*arguments, **more)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with _until_stopped(), _printable_usage():
                return super().invoke(ctx)
        except LanesError as error:
            print_error(*error.sentences)
            sys.exit(EXIT_ERROR)
        except BrokenPipeError:  # the reader of the output, such as head, has ended
            drop_output()
            sys.exit(128 + signal.SIGPIPE)
        except OSError as error:
            drop_output()
            print_error(error.strerror or str(error))
            sys.exit(EXIT_ERROR)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # a defect of this program, and no verdict on lanes
            print_error(_defect(error))
            sys.exit(EXIT_ERROR)


def _defect(error: Exception) -> str:
    """Return a sentence: the error, the line of code that raised it, and a request to report it."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    what = printable(f"{type(error).__name__}: {error}")[:300]
    return f"internal error: {what}{where}. Please report this line, with the manifests if possible"


@contextmanager
def _printable_usage() -> Iterator[None]:
    """Make usage errors of the block printable: they quote what the user typed."""
    try:
        yield
    except click.UsageError as error:
        message = error.format_message()
        if message == printable_lines(message):
            raise
        raise click.UsageError(printable_lines(message), error.ctx) from None


@contextmanager
def _until_stopped() -> Iterator[None]:
    """End the block on Ctrl-C, SIGTERM or SIGHUP, run its cleanup, and exit with 128 + signal."""

    def stop(number: int, _: object) -> NoReturn:
        for other in ENDING:  # a second Ctrl-C must not interrupt the cleanup
            signal.signal(other, signal.SIG_IGN)
        raise _Stopped(number)

    before = {number: signal.signal(number, stop) for number in ENDING}
    try:
        yield
    except _Stopped as stopped:
        sys.exit(128 + stopped.args[0])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
