"""One word for one thing: texts for users contain none of the replaced words."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from lanes.cli import main
from tests.markdown import PAGES, ROOT, prose, read

# What is written in place of the words of each pattern.
REPLACED = {
    r"swim ?lanes?": "lane",
    r"stamp(s|ed|ing)?": "set",
    r"ways? in(?! the\b)|ways into": "entry rule",
    r"doors?": "entry service, entry rule",
    r"astray": "misrouted",
    r"on trust": "assumed",
    r"(go(es)?|turned) round|in a circle": "cycle",
    r"judg(es?|ed|ing|ments?)": "verify, verdict, compare, check",
    r"trials?": "verification",
    r"mend(s|ed|ing)?": "fix",
    r"told|tells? apart": "says, shows, has; distinguish, different",
    r"not understood|left to the cluster": "not supported, not simulated",
    r"ask(s|ed|ing)?": "send requests to, need, match",
    r"hand(s|ed|ing)? (baggage |headers? |it |them |nothing )?on(?! a )": "propagate, copy",
    r"be (it|its)": "even if it is",
}
WORDS = re.compile(rf"\b({'|'.join(REPLACED)})\b", re.IGNORECASE)
COMMENT = re.compile(r"^\s*# ?(.*)$", re.MULTILINE)
CHART = ROOT / "helm/traffic-lanes"


def found(texts: Iterator[str]) -> list[str]:
    """Return the replaced words in the texts, with their context and replacement."""
    return [
        f"{text[max(0, match.start() - 40) : match.end() + 40]!r}: write {instead(match[0])}"
        for text in texts
        for match in WORDS.finditer(text)
    ]


def instead(word: str) -> str:
    return next(
        use for pattern, use in REPLACED.items() if re.fullmatch(pattern, word, re.IGNORECASE)
    )


def messages(file: Path) -> Iterator[str]:
    """Yield the strings of a module with several words, which it may print, without docstrings."""
    nodes = list(ast.walk(ast.parse(read(file))))
    bare = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    texts = (node for node in nodes if isinstance(node, ast.Constant) and id(node) not in bare)
    for text in (node.value for node in texts if isinstance(node.value, str)):
        if re.search(r"[a-z]+,? [a-z]", text):
            yield text


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_a_word_is_found_with_what_is_written_instead() -> None:
    assert found(iter(["The gateway stamps it."])) == ["'The gateway stamps it.': write set"]
    assert found(iter(["The gateway sets it, and nothing else."])) == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_words_of_pages(page: Path) -> None:
    without_code = re.sub(r"(?<!`)`(?!`)[^`\n]*`", "", read(page))
    assert not found(prose(without_code))


@pytest.mark.parametrize("command", ["", *main.commands])
def test_the_words_of_help(command: str) -> None:
    result = CliRunner().invoke(main, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert not found(iter([result.stdout]))


@pytest.mark.parametrize("package", ["lanes", "services"])
def test_the_words_of_messages(package: str) -> None:
    texts = (text for file in sorted((ROOT / package).rglob("*.py")) for text in messages(file))
    assert not found(texts)


def test_the_words_of_values_and_of_what_the_chart_prints() -> None:
    assert not found(iter(COMMENT.findall(read(CHART / "values.yaml"))))
    notes = re.sub(r"\{\{.*?\}\}", "", read(CHART / "templates/NOTES.txt"), flags=re.DOTALL)
    assert not found(iter([notes]))
    for file in CHART.glob("templates/**/*.*"):
        assert not found(iter(re.findall(r'"([^"\n]*\w \w[^"\n]*)"', read(file)))), name(file)


def test_the_words_of_pages_in_a_browser() -> None:
    for file in (*ROOT.glob("lanes/page/static/*.html"), *ROOT.glob("lanes/report/templates/*")):
        text = re.sub(r"<style>.*?</style>|\{[%{#].*?[%}#]\}", "", read(file), flags=re.DOTALL)
        shown = re.findall(r">([^<>]+)<|aria-label=\"([^\"]+)\"", text)
        assert not found(text for pair in shown for text in pair), name(file)
    for file in ROOT.glob("lanes/page/static/*.js"):
        assert not found(iter(re.findall(r"[\"`]([^\"`\n]*\w \w[^\"`\n]*)[\"`]", read(file)))), (
            name(file)
        )
