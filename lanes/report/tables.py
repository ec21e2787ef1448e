"""What all reports share: how a table and lines are printed, how things are counted and cut."""

from collections.abc import Iterable
from io import StringIO

from rich.console import Console
from rich.table import Table

# Characters of an answer that is shown: a chain of some ten services.
_SHOWN = 600


def show(table: Table, console: Console) -> None:
    """Print a table as wide as it is, without the blanks that would fill up its last column."""
    wide = Console(
        file=StringIO(),
        width=10_000,  # a table takes what it needs of it
        color_system="auto" if console.is_terminal else None,
        force_terminal=console.is_terminal,
    )
    with wide.capture() as captured:
        wide.print(table)
    print_lines((line.rstrip() for line in captured.get().splitlines()), console)


def print_lines(lines: Iterable[str], console: Console) -> None:
    for line in lines:
        console.file.write(f"{line}\n")


def new_table() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def shown(text: str) -> str:
    """An answer on one line, as much of it as helps."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[:_SHOWN] + " ..."
