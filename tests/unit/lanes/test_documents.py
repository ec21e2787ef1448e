"""YAML and JSON as kubectl reads them: each answer is that of sigs.k8s.io/yaml 1.6.0."""

from typing import Any

import pytest

from lanes.errors import ManifestError
from lanes.reading.documents import documents


def said(text: str) -> Any:
    ((found, _),) = documents("x.yaml", text)
    return found


def refused(text: str) -> str:
    with pytest.raises(ManifestError) as caught:
        list(documents("x.yaml", text))
    return str(caught.value)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("=", "="),
        ("<<", "<<"),
        ("!!merge <<", "<<"),
        ("y", True),
        ("Off", False),
        ("tRue", "tRue"),
        ("1_000", 1000),
        ("017", 15),
        ("0o17", 15),
        ("08", 8),
        ("-0x1F", -31),
        ("0b11", 3),
        ("1e3", 1000),
        ("1.", 1),
        (".5e1", 5),
        ("1.50", 1.5),
        ("1e400", "1e400"),
        ("12:30:45", "12:30:45"),
        ("2024-01-31", "2024-01-31"),
        ("99999999999999999999", 10**20),
        ("!!str 5", "5"),
        ("!!int '5'", 5),
        ("!!float 5", 5),
        ("!!binary aGk=", "hi"),
        ("!whatever 5", "5"),
        ("!whatever {b: 1}", {"b": 1}),
        ("!!set {b}", {}),
    ],
)
def test_what_a_word_is(word: str, value: object) -> None:
    found = said(f"a: {word}")["a"]
    assert (found, type(found)) == (value, type(value))


TOO_DEEP = "nested more than 100 deep"
TRUE = ["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"]
FALSE = ["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"]
INFINITE = [f"{sign}{word}" for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")]


def test_words_that_yaml_1_1_knows() -> None:
    words = {**dict.fromkeys(TRUE, True), **dict.fromkeys(FALSE, False)}
    assert said("".join(f"- {word}\n" for word in words)) == list(words.values())
    assert said("".join(f"- {word}\n" for word in ("", "~", "null", "Null", "NULL"))) == [None] * 5
    for word in (*INFINITE, ".nan", ".NaN", ".NAN"):
        assert "is not a finite number" in refused(f"- {word}")


@pytest.mark.parametrize(("digits", "taken"), [(30, True), (31, False)])
def test_how_long_a_number_may_be(digits: int, taken: bool) -> None:
    for text in ("-" + "9" * digits, "0x" + "f" * digits):
        if taken:
            assert isinstance(said(f"- {text}")[0], int)
        else:
            assert "is too long" in refused(f"- {text}")


@pytest.mark.parametrize(
    ("key", "name"),
    [
        *(("=", "="), ("1", "1"), ("1.50", "1.5"), ("on", "true"), (".INF", ".inf")),
        *(("'<<'", "<<"), ("!!binary Zm9v", "foo"), ("!!timestamp 2001-01-01", "2001-01-01")),
    ],
)
def test_a_key_is_a_string(key: str, name: str) -> None:
    assert said(f"{key}: b") == {name: "b"}


@pytest.mark.parametrize(
    ("number", "value"),
    [
        (-(2**62) - 1, -(2**62) - 1),
        (-(2**63), -(2**63)),
        (-(2**63) - 1, -(2**63)),  # as a float
        (2**64 - 1, 2**64 - 1),
        (2**64 + 1, 2**64),  # as a float
    ],
)
def test_which_numbers_are_exact(number: int, value: int) -> None:
    assert said(f"a: {number}") == {"a": value}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{<<: *x, b: 2}", {"b": 2}),
        ("{b: 2, <<: *x}", {"b": 1}),
        ("{b: 2, <<: [*x, {b: 3, c: 4}]}", {"b": 1, "c": 4}),
        ("{<<: {<<: *x, d: 5}}", {"b": 1, "d": 5}),
    ],
)
def test_what_is_merged(text: str, value: object) -> None:
    whole = f"a: &x {{b: 1}}\nc: {text}\n"
    assert said(whole)["c"] == value
    ((_, node),) = documents("x.yaml", whole)
    (_, _), (_, merged) = node.value
    assert {key.value for key, _ in merged.value} == {*said(whole)["c"]}


def test_json_writes_one_character_as_two() -> None:
    assert said('{"a": "\\ud83d\\ude00 \\\\ud83d \\/"}') == {"a": "\U0001f600 \\ud83d /"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: .nan", "line 1: invalid YAML: .nan is not a finite number"),
        ("a: !!int x", "x is not of the type int"),
        ("a: !!binary '*'", "not base64 text"),
        ("~: a", "a key is not a string"),
        ("? [a]\n: b", "a key is not a string"),
        ("on: a\ntrue: b", "true occurs twice"),
        ("a: {<<: b}", "<< merges only a mapping or a list of mappings"),
        ("a: &x {<<: *x}", "an alias contains itself"),
        ("a: [&x b, &x c]", "an anchor with this name is there already; rename one"),
        ("a: " + "[{b: " * 60 + "}]" * 60, TOO_DEEP),
        ("a: " + ("[" * 49 + "\n---\u00a0,\n") * 4_000, TOO_DEEP),
        *(  # the parser has a limit of its own, which is higher
            (f"a: b\n---\nc:\n  {'[' * depth}{']' * depth}", f"line 4: invalid YAML: {TOO_DEEP}")
            for depth in (100, 200_000)
        ),
    ],
)
def test_what_is_none(text: str, problem: str) -> None:
    assert problem in refused(text)


@pytest.mark.parametrize(
    ("first", "again", "times"),
    [
        ("[1, 2, 3, 4, 5, 6, 7, 8]", "[{}]", 7),
        ("{a: 1, b: 2}", "[{}]", 9),
        ("{k: v}", "{{k: [{}]}}", 30),
    ],
)
def test_aliases_that_stand_for_more_and_more(first: str, again: str, times: int) -> None:
    text = f"a0: &a0 {first}\n"
    for number in range(1, times):
        several = ", ".join([f"*a{number - 1}"] * 9)
        text += f"a{number}: &a{number} {again.format(several)}\n"
    assert "write them out" in refused(text)


def nested(depth: int) -> str:
    """A list that aliases nest as deep, itself counted."""
    return "- &a0 [x]\n" + "".join(f"- &a{n} [*a{n - 1}]\n" for n in range(1, depth - 1))


def test_aliases_that_nest_deeper_and_deeper() -> None:
    assert "aliases nest more than 100 deep" in refused(nested(101))
    assert len(said(nested(100))) == 99


def test_how_deep_a_document_may_nest() -> None:
    assert said("[" * 100 + "]" * 100)
    assert TOO_DEEP in refused("[" * 101 + "]" * 101)


def test_what_merges_itself_again_and_again_stays_as_small_as_it_is() -> None:
    text = "a0: &a0 {a: 1}\n"
    for number in range(1, 40):
        several = ", ".join([f"*a{number - 1}"] * 9)
        text += f"a{number}: &a{number} {{<<: [{several}]}}\n"
    assert said(text)["a39"] == {"a": 1}


def test_aliases_as_people_use_them() -> None:
    text = "a: &x {app: shop, env: [1, 2, 3]}\nb: [" + ", ".join(["*x"] * 100) + "]\n"
    assert said(text)["b"][99] == {"app": "shop", "env": [1, 2, 3]}
