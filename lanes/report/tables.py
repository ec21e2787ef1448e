"""Tables, wrapped lines and counts, as all reports print them."""

import textwrap
from collections.abc import Iterable

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from lanes.console import Console
from lanes.printable import printable

# Blanks between columns.
_GAP = 3


def show(table: Table, console: Console) -> None:
    """Print a table at its full width, without blanks at the ends of lines.

    This prints the cells itself: rich takes a second to fit the plan of 500 services to a width.
    """
    gap = " " * table.padding[1]
    sides = [column.justify for column in table.columns]
    widths = _widths(table)
    heading = [Text(_plain(column.header), style="bold") for column in table.columns]
    for row in (heading, *zip(*(column.cells for column in table.columns), strict=True)):
        parts: list[str | Text] = []
        for cell, width, side in zip(row, widths, sides, strict=True):
            plain = _plain(cell)
            blanks = " " * (width - cell_len(plain))
            text = Text(plain, style=getattr(cell, "style", ""))
            parts += [blanks, text, gap] if side == "right" else [text, blanks, gap]
        console.line(*parts)


def width_of(table: Table) -> int:
    """Return the width that `show` needs for a table, in characters."""
    return sum(_widths(table)) + _GAP * (len(table.columns) - 1)


def _widths(table: Table) -> list[int]:
    return [
        max(cell_len(_plain(cell)) for cell in (column.header, *column.cells))
        for column in table.columns
    ]


def _plain(cell: object) -> str:
    return printable(cell.plain if isinstance(cell, Text) else str(cell))


def wrapped(parts: Iterable[str], width: int) -> list[str]:
    """Return the parts joined by commas, in lines up to `width`. A part is never broken."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(part) + 3 <= width:
            lines[-1] += f", {part}"
        else:
            lines[-1:] = [f"{lines[-1]},", part] if lines else [part]
    return lines


def folded(line: str, width: int, indent: str = "  ") -> list[str]:
    """Return the line, broken between words at `width`. Further lines are indented by `indent`."""
    line = printable(line)
    leading = line[: len(line) - len(line.lstrip())]
    lines = textwrap.wrap(
        line,
        width,
        subsequent_indent=f"{leading}{indent}",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines or [line]


def new_table() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
