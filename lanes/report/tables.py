"""Tables, wrapped lines and counts, as all reports print them."""

import textwrap
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from lanes.console import Console
from lanes.printable import printable

Cell = str | Text


@dataclass(frozen=True)
class Table:
    """Rows of cells under headings.

    `right` are the numbers of columns whose cells align to the right, from 0. `gap` is the number
    of blanks between columns.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    right: Container[int] = ()
    gap: int = 3

    @property
    def widths(self) -> list[int]:
        """The width of each column, in characters."""
        columns = zip(self.headings, *self.rows, strict=True)
        return [max(map(_width, column)) for column in columns]


def show(table: Table, console: Console) -> None:
    """Print a table at its full width, without blanks at the ends of lines.

    rich's own tables take a second to fit the plan of 500 services to a width.
    """
    gap, widths = " " * table.gap, table.widths
    headings = [Text(heading, style="bold") for heading in table.headings]
    for row in (headings, *table.rows):
        parts: list[Cell] = []
        for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
            blanks = " " * (width - _width(cell))
            parts += [blanks, cell, gap] if column in table.right else [cell, blanks, gap]
        console.line(*parts)


def width_of(table: Table) -> int:
    """Return the width that `show` needs for a table, in characters."""
    return sum(table.widths) + table.gap * (len(table.headings) - 1)


def _width(cell: Cell) -> int:
    return cell_len(printable(str(cell)))


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


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
