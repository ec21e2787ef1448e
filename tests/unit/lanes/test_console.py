"""The console prints no character that controls a terminal or misleads a reader."""

import io
import json
import re

import pytest
from rich.text import Text

from lanes.console import Console, print_error
from lanes.errors import LanesError
from lanes.printable import printable, printable_lines
from lanes.report.tables import Table, show
from tests.unit.lanes import reading

# C0, DEL, C1, what turns text, separates lines, has no width, is half a character or unassigned.
STEERING = [
    *map(chr, (*range(0x20), *range(0x7F, 0xA0))),
    *"\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    *"\u2028\u2029\u00ad\u200b\u200c\u200d\u2060\ufeff\ufff9\U000e0001\U000e0041\ud800\u0378\udfff",
]
SOUND = [
    "",
    "v1",
    "pr-123",
    "a b",
    "ä",
    "日本語",
    "│ ├─",
    "é",
    "🚦",
    "[red]x[/]",
    "\\x1b",
    "'\"<>&",
]


def test_unprintable_characters_are_escaped() -> None:
    for character in STEERING:
        escaped = printable(f"a{character}b")
        assert re.fullmatch(r"a\\([tnr]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})b", escaped)
        assert printable(escaped) == escaped
        kept = character if character == "\n" else printable(character)
        assert printable_lines(f"1\n{character}") == f"1\n{kept}", repr(character)


def test_printable_text_is_unchanged() -> None:
    assert [printable(text) for text in SOUND] == SOUND


def printed(parts: tuple[str | Text, ...], **environment: str) -> str:
    out = io.StringIO()
    Console(out, width=80).line(*parts)
    assert environment or out.getvalue().isascii()
    return out.getvalue()


def test_only_the_console_adds_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    nasty = "\x1b[32m[red]v1[/]\n"
    parts = (nasty, Text(nasty, style="red"), Text(nasty))
    plain = "\\x1b[32m[red]v1[/]\\n"
    assert printed(parts) == f"{plain * 3}\n"
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert printed(parts) == f"{plain}\x1b[31m{plain}\x1b[0m{plain}\n"


def test_column_widths_count_escapes() -> None:
    table = Table(("la\x1bne", "at"), [("v\n1", Text("\u202eb", style="red"))])
    assert reading.printed(show, table) == ["la\\x1bne   at", "v\\n1       \\u202eb"]


def test_json_is_printable_ascii() -> None:
    out = io.StringIO()
    told = {"".join(STEERING): ["".join(STEERING)]}
    Console(out).json(told)
    assert re.fullmatch(r"[ -~\n]+", out.getvalue())
    assert json.loads(out.getvalue()) == told


def test_characters_outside_the_encoding_are_escaped() -> None:
    out = io.TextIOWrapper(io.BytesIO(), "ascii")
    Console(out, width=80).line("│ ä", Text("🚦", style="red"))
    assert out.buffer.getvalue() == b"\\u2502 \\xe4\\U0001f6a6\n"


def test_an_error_is_one_line_for_each_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    error = LanesError("a\nLanes hold.", "b\x1b[2J", "c" * 5_000)
    assert str(error).splitlines()[:2] == ["a\\nLanes hold.", "b\\x1b[2J"]
    assert error.sentences[2].endswith("c... (5,000 characters)")
    print_error(*error.sentences[:2], "d\u202e")
    assert capsys.readouterr().err == "lanes: a\\nLanes hold.\nb\\x1b[2J\nd\\u202e\n"


PRINTING = re.compile(
    r"\bprint\(|click\.s?echo|sys\.(__)?std(out|err)|rich\.(console|print|logging)|\.file\.write\("
    r"|logging\.|warnings\.warn"
)


def test_no_other_module_prints() -> None:
    modules = {*(reading.REPOSITORY / "lanes").rglob("*.py")} - {
        reading.REPOSITORY / "lanes/console.py"
    }
    lines = [(module, line) for module in modules for line in module.read_text().splitlines()]
    assert [(module, line) for module, line in lines if PRINTING.search(line)] == []
