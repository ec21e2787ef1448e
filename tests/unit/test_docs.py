"""README and docs/: short, with links that lead somewhere and commands that exist."""

import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest

from lanes.cli import main
from tests.markdown import (
    PAGES,
    README,
    ROOT,
    anchors,
    commands,
    elsewhere,
    is_named,
    links,
    read,
    sentences,
)

MOST_BYTES = 10_000
MOST_WORDS = 29
TARGETS = set(re.findall(r"^([a-z-]+):", read(ROOT / "Makefile"), re.MULTILINE))
FOLDERS = ("docs", "examples", "helm", "k8s", "lanes", "scripts", "services", "tests")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def words(command: str) -> list[str]:
    """Return the words of a command. Text such as `<gateway-ip>` is a word."""
    return list(shlex.shlex(command, posix=True, punctuation_chars=True))


def test_readme_is_read_in_five_minutes() -> None:
    assert len(README.read_bytes()) <= MOST_BYTES
    long = [text for text in sentences(read(README)) if len(text.split()) > MOST_WORDS]
    assert not long


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(read(page)):
        url = urlsplit(link)
        if url.scheme:
            continue
        target = (page.parent / url.path).resolve() if url.path else page
        assert target.exists(), link
        if url.fragment and target.suffix == ".md":
            assert url.fragment in anchors(read(target)), link


def lanes_commands(page: Path) -> list[list[str]]:
    """Return the arguments of each `lanes` command, up to the next pipe or redirection."""
    found = []
    for command in commands(read(page)):
        for part in re.split(r"\s(?:\||>|&&|;)\s", command):
            if part.startswith("lanes "):
                found.append(shlex.split(part)[1:])
    return found


LANES = [(page, line) for page in PAGES for line in lanes_commands(page)]


def test_the_changelog_keeps_to_its_form() -> None:
    """As https://keepachangelog.com/en/1.1.0/ has it."""
    text = read(ROOT / "CHANGELOG.md")
    versions = re.findall(r"^## \[(.+?)\](.*)$", text, re.MULTILINE)
    assert versions[0] == ("Unreleased", "")
    assert all(re.fullmatch(r" - \d{4}-\d\d-\d\d", date) for _, date in versions[1:])
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= kinds
    assert all(f"\n[{version}]: https://" in text for version, _ in versions)


def test_the_index_lists_every_page() -> None:
    index = ROOT / "docs/README.md"
    listed = {(index.parent / urlsplit(link).path).resolve() for link in links(read(index))}
    assert {page for page in PAGES if page.parent == index.parent} <= listed | {index}


@pytest.mark.parametrize(("page", "line"), LANES, ids=lambda value: str(value)[-60:])
def test_every_command_and_option_of_lanes_exists(page: Path, line: list[str]) -> None:
    if line == ["--version"]:
        return
    context = main.make_context("lanes", list(line), resilient_parsing=True)
    _, command, arguments = main.resolve_command(context, list(line))
    assert command is not None
    known = {option for one in command.params for option in one.opts + one.secondary_opts}
    named = {word.partition("=")[0] for word in arguments if re.match(r"--?[a-z]", word)}
    assert named <= known | {"-h", "--help"}, name(page)
    assert isinstance(command, click.Command)


def test_the_page_of_commands_has_all_of_them() -> None:
    rows = re.findall(r"^\| `lanes (\w+)", read(ROOT / "docs/cli.md"), re.MULTILINE)
    assert set(rows) == main.commands.keys()


@pytest.mark.parametrize("pattern", elsewhere())
def test_what_the_test_of_pages_leaves_out_is_there(pattern: str) -> None:
    assert any(is_named(command, pattern) for page in PAGES for command in commands(read(page)))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_target_of_make_exists(page: Path) -> None:
    for command in re.findall(r"\bmake ([a-z-]+)\b(?![.=/])", "\n".join(commands(read(page)))):
        assert command in TARGETS


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_path_exists(page: Path) -> None:
    path = re.compile(rf"(?<![\w/.:-])(?:{'|'.join(FOLDERS)})/[\w./-]*\w")
    for command in commands(read(page)):
        for found in path.findall(command):
            assert (ROOT / found).exists(), command


def test_equivalent_mutants_are_of_lines_that_are_there() -> None:
    """A row about a line that has changed would no longer count."""
    rows = re.findall(r"^\| `(.*?)` \| `(.*?)` \| `", read(ROOT / "docs/mutants.md"), re.MULTILINE)
    assert len(rows) > 50
    gone = [row for row in rows if row[1].replace("\\|", "|") not in read(ROOT / row[0])]
    assert not gone
