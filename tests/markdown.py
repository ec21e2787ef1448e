"""What pages of Markdown hold: sentences, links, commands, and files that they show."""

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
_LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s]*)\)")


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def fenced(text: str, *languages: str) -> list[str]:
    """The blocks of code in one of the languages."""
    return [code for language, code in _FENCED.findall(text) if language in languages]


def commands(text: str) -> Iterator[str]:
    """Each command of the shell, its continued lines joined: all of `sh`, and of `console` what
    follows `$`. Comments are left out.
    """
    for language, code in _FENCED.findall(text):
        for line in re.sub(r"\\\n\s*", " ", code).splitlines():
            if language == "sh" or (language == "console" and line.startswith("$ ")):
                command = re.sub(r"(^|\s+)#.*", "", line.removeprefix("$ ")).strip()
                if command:
                    yield command


def shown_file(text: str, name: str) -> str:
    """The block of YAML whose first line is the comment `# NAME`, or goes on after it."""
    return next(code for code in fenced(text, "yaml") if re.match(rf"# {re.escape(name)}\b", code))


def links(text: str) -> list[str]:
    """The targets of links."""
    return [target for _, target in _LINK.findall(_FENCED.sub("", text))]


def anchors(text: str) -> set[str]:
    """The names of headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def prose(text: str) -> Iterator[str]:
    """The headings, paragraphs, list items and cells of tables, each in one line, without code."""
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
    """Each sentence of the prose, without its marks and code."""
    for block in prose(text):
        yield from re.split(r"(?<=[.!?:])\s+(?=[A-Z(])", block)


def _plain(text: str) -> str:
    """Text without links, emphasis and the ticks of code."""
    return _LINK.sub(r"\1", text).replace("**", "").replace("`", "").strip()
