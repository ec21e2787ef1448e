"""Parts of Markdown pages: sentences, links, commands and shown files."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = (
    README,
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    ROOT / "helm/traffic-lanes/README.md",
)

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# A line, or several of a here-document.
_TYPED = re.compile(r"^(?:.*<<(\w+)\n(?:.*\n)*?\1|.+)$", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s]*)\)")


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def fenced(text: str, *languages: str) -> list[str]:
    """Return the blocks of code in these languages."""
    return [code for language, code in _FENCED.findall(text) if language in languages]


def steps(text: str) -> Iterator[tuple[str, str]]:
    """Yield each shell command with its output on the page, "" for none.

    Every line of an `sh` block is a command, and in a `console` block the text after `$`. Continued
    lines and here-documents belong to their command. Comments are left out.
    """
    for language, code in _FENCED.findall(text):
        joined = re.sub(r"\\\n\s*", " ", code)
        if language == "sh":
            yield from ((_plain_command(found[0]), "") for found in _TYPED.finditer(joined))
        elif language == "console":
            for one in f"\n{joined}".split("\n$ ")[1:]:
                command, _, shown = one.rstrip("\n").partition("\n")
                yield _plain_command(command), f"{shown}\n" if shown else ""


def commands(text: str) -> Iterator[str]:
    """Yield each shell command without comments."""
    return (command for command, _ in steps(text) if command)


def elsewhere() -> list[str]:
    """Return the commands that docs/tests.md excludes from the test of pages; `…` is any text."""
    table = read(ROOT / "docs/tests.md").partition("| left out |")[2].partition("\n\n")[0]
    rows = (line.split(" | ")[0] for line in table.splitlines()[2:])
    return [one for row in rows for one in re.findall(r"`([^`]+)`", row)]


def is_named(command: str, pattern: str) -> bool:
    return bool(re.fullmatch(".*".join(map(re.escape, pattern.split("…"))), command, re.DOTALL))


def shown_file(text: str, name: str) -> str:
    """Return the block of YAML whose first line is a comment that begins with the file's name."""
    return next(code for code in fenced(text, "yaml") if re.match(rf"# {re.escape(name)}\b", code))


def links(text: str) -> list[str]:
    """Return the targets of links."""
    return [target for _, target in _LINK.findall(_FENCED.sub("", text))]


def anchors(text: str) -> set[str]:
    """Return the anchors of headings in GitHub's form."""
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def prose(text: str) -> Iterator[str]:
    """Yield headings, paragraphs, list items and table cells, each on one line, without code."""
    paragraph: list[str] = []
    for line in [*_FENCED.sub("", text).splitlines(), ""]:
        stripped = line.strip()
        alone = stripped.startswith(("#", "|")) or not stripped
        if (alone or re.match(r"([-*]|\d+\.) ", stripped)) and paragraph:
            yield _plain(" ".join(paragraph))
            paragraph = []
        if stripped.startswith("|"):
            yield from map(_plain, re.split(r"(?<!\\)\|", stripped.strip("|")))
        elif stripped.startswith("#"):
            yield _plain(stripped.lstrip("# "))
        elif stripped:
            paragraph.append(re.sub(r"^([-*]|\d+\.) +", "", stripped))


def sentences(text: str) -> Iterator[str]:
    """Yield each sentence of the prose, without markup and code."""
    for block in prose(text):
        yield from re.split(r"(?<=[.!?:])\s+(?=[A-Z(])", block)


def _plain(text: str) -> str:
    """Return text without links, emphasis and backticks."""
    return _LINK.sub(r"\1", text).replace("**", "").replace("`", "").strip()


def _plain_command(line: str) -> str:
    """Return a command without its comment."""
    return re.sub(r"(^|\s+)#.*", "", line).strip()
