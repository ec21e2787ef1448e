"""Strings in values reach the rendered resources unchanged, whatever their content.

The places come from the schema, so a new value is tested without a change here. First each place
gets a distinct word, which shows where it arrives. Then the places get the test's strings.
"""

import functools
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.chart.rendering import (
    CHART,
    GATEWAY_API,
    ISTIO,
    StrictLoader,
    Values,
    helm,
    render,
)

Json = dict[str, Any]
Place = tuple[str | int, ...]

PEM = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIU==\n-----END CERTIFICATE-----\n"
STRINGS = {
    "PEM": PEM,
    "PEM, without its last newline": PEM.rstrip(),
    "JSON": '{"a": ["b", null], "c": "d\\n"}',
    "JSON on several lines": '{\n\t"a": "b"\n}',
    "YAML": "debug: 1\nretries: 3",
    "YAML documents": "---\na: 1\n---\n...\n",
    "indented": "a\n  b\n\n    c\nd",
    "newlines at the end": "a\n\n\n",
    "newlines at the start": "\n\n  a",
    "a newline": "\n",
    "lines of blanks": " \na\n \n",
    "tabs": "\ta\tb\n\tc\t",
    "blanks at the end": "a  ",
    "blanks at the start": "  a",
    "a blank": " ",
    "nothing": "",
    "carriage returns": "a\r\nb\r",
    "comment": "# x",
    "a comment behind": "a # x",
    "alias": "*x",
    "anchor": "&x a",
    "tag": "!!int 1",
    "template": "{{ x }}",
    "template's end": "}}{{- end -}}",
    "percent": "%x",
    "format": "%s %d %!",
    "mapping": "a: b",
    "colon": "a:",
    "sequence": "- a",
    "flow": "[a, {b: c}]",
    "question": "? a",
    "quotes": "'a\" ''",
    "backslashes": "\\n\\",
    "block": "|\n  a",
    "reserved": "@a",
    "very long": "word " * 2000 + "end",
    "long, without a blank": "x" * 9000,
    "Unicode": "日本 é 🎉",
    "other ends of lines": "a\x85b\u2028c\u2029",
    "controls": "\x01a\x7f\x9f\ufeff",
    "yes": "yes",
    "on": "on",
    "null": "null",
    "tilde": "~",
    "exponent": "1e3",
    "octal": "0123",
    "underscore": "1_000",
    "sixty": "1:30",
    "not a number": ".nan",
    "date": "2026-01-01",
    "value": "=",
    "merge": "<<",
}

# Held to be a name, a header or a path of its own by a sentence of the chart.
SAID = {
    ("lanes", "header"),
    ("lanes", "baseline"),
    ("lanes", "only"),
    ("lanes", "respond"),
    ("lanes", "enter", "header"),
    ("lanes", "enter", "host"),
    ("services", "*", "upstreams", 0),
    # These are for pods of others.
    ("services", "*", "selector", "*"),
    ("services", "*", "versionLabel"),
}
WAYS = ("httpGet", "tcpSocket", "grpc", "exec")
# What is beside a string for it to have a meaning.
BESIDE: dict[Place, Json] = {
    (): {"versions": {"v1": {}}},
    ("service", "ports", 0): {"port": 9000},
    ("route", "retries"): {"attempts": 1},
}
for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
    BESIDE["container", probe] = {"httpGet": None}
    for way in WAYS[:3]:
        BESIDE["container", probe, way] = {"port": 8000}


@functools.cache
def schema() -> Json:
    loaded: Json = json.loads((CHART / "values.schema.json").read_text())
    return loaded


def resolved(node: Any) -> Json:
    """Return a node of the schema merged with the node that it refers to."""
    if not isinstance(node, dict) or "$ref" not in node:
        return node if isinstance(node, dict) else {}
    below = resolved(schema()["$defs"][node["$ref"].rpartition("/")[2]])
    properties = below.get("properties", {})
    own = {
        k: properties.get(k, {}) if v is True else v for k, v in node.get("properties", {}).items()
    }
    return below | node | {"properties": properties | own}


def types(node: Json) -> list[str]:
    kind = node.get("type", [])
    return [kind] if isinstance(kind, str) else kind


def any_key(node: Json) -> list[Json]:
    """Return the schemas of an object's keys that the schema does not name."""
    named = node.get("patternProperties", {}).values()
    more = node.get("additionalProperties", {"type": "string"})
    return list(named) or ([more] if more else [])


def places(node: Json, above: Place = ()) -> Iterator[tuple[Place, bool]]:
    """Yield the places where any string is allowed, and whether it may be empty.

    `*` is any name, 0 a member of a list. Services have all keys of `defaults`, `sample` and a
    version.
    """
    node = resolved(node)
    if above in {("defaults",), ("sample",), ("services", "*", "versions"), ("global",)}:
        return
    kinds = types(node)
    if "string" in kinds and not {"pattern", "enum", "const"} & node.keys():
        yield above, "minLength" not in node
    if "array" in kinds:
        yield from places(node.get("items", {"type": "string"}), (*above, 0))
    if "object" in kinds:
        for key, inner in node.get("properties", {}).items():
            yield from places(inner, (*above, key))
        for inner in any_key(node):
            yield from places(inner, (*above, "*"))


def required(node: Json) -> Json:
    """Return an object's required keys, each with a minimal value."""
    properties = node.get("properties", {})
    return {key: least(properties.get(key, {})) for key in node.get("required", [])}


def least(node: Json) -> Any:
    """Return a minimal value for a node of the schema."""
    node = resolved(node)
    if "enum" in node:
        return node["enum"][0]
    kind = next(iter(types(node)), "string")
    if kind == "object":
        return required(node)
    if kind == "array":
        return []
    return {"integer": node.get("minimum", 1), "number": 1, "boolean": True}.get(kind, "x")


def saying(place: Place, text: str, number: int, node: Any = None, at: Place = ()) -> Any:
    """Return values with a text in one place, and the minimal values that it needs around it.

    Numbers below the count of places go into the same services, the next as many into others.
    """
    node = resolved(schema() if node is None else node)
    if not place:
        return text
    key, rest = place[0], place[1:]
    if key == 0:
        return [saying(rest, text, number, node.get("items", {}), (*at, 0))]
    inner = node.get("properties", {}).get(key) or next(iter(any_key(node)), {})
    # A probe asks in one way: each has a service of its own.
    asked = next((way for way in WAYS if way in place), "say")
    names: dict[Place, str] = {
        ("lanes", "enter", "match"): "v2",
        ("services",): f"{asked.lower()}{number // len(PLACES)}",
    }
    name = names.get(at, f"k{number}")
    found = required(node) if {"*", 0} & set(at) else {}  # else it is the chart's own
    found |= BESIDE.get(at[2:], {}) if at[:2] == ("services", "*") else {}
    return found | {name if key == "*" else key: saying(rest, text, number, inner, (*at, key))}


def merged(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        return below | {k: merged(below[k], v) if k in below else v for k, v in above.items()}
    return below + above if isinstance(below, list) else above


MAY_BE_EMPTY = {place: empty for place, empty in places(schema()) if place not in SAID}
PLACES = list(MAY_BE_EMPTY)
PARENTS = ("gateway", "parentRefs")
# The places that a way to express lanes has: an HTTPRoute has no room for a prefix as such.
FORMS: dict[str, tuple[Values, list[Place]]] = {
    "VirtualService": (ISTIO, [place for place in PLACES if place[:2] != PARENTS]),
    "HTTPRoute": (
        GATEWAY_API,
        [p for p in PLACES if p[:2] in {PARENTS, ("lanes", "enter")} and p[-1] != "prefix"],
    ),
}
EVERYTHING: Values = {
    "serviceMonitor": {"enabled": True},
    "dashboard": {"enabled": True},
    "networkPolicy": {"enabled": True},
    "lanes": {"enter": {"lanes": {"v2": True}}},
    "gateway": {"services": {"mocka": {}}},
}


class Loader(StrictLoader):
    """Reads `=` and `<<` as strings, like kubectl."""


for tag in ("value", "merge"):
    Loader.add_constructor(f"tag:yaml.org,2002:{tag}", Loader.construct_yaml_str)


Document = frozenset[tuple[Place, str]]


def rendered(form: str, turns: list[list[str]]) -> list[Document]:
    """Render each turn's texts in their places; return the strings of each document by position.

    The documents of `helm test` contain a copy of the others, and are left out.
    """
    values, of = FORMS[form]
    values = merged(EVERYTHING, values)
    for turn, texts in enumerate(turns):
        for number, (place, text) in enumerate(zip(of, texts, strict=True), turn * len(PLACES)):
            values = merged(values, saying(place, text, number))
    done = helm("template", "demo", str(CHART), "--values", "-", values=values)
    assert done.returncode == 0, done.stderr
    documents = [document for document in yaml.load_all(done.stdout, Loader) if document]
    return [
        frozenset(leaves(document))
        for document in documents
        if "helm.sh/hook" not in document["metadata"].get("annotations", {})
    ]


def leaves(node: Any, above: Place = ()) -> Iterator[tuple[Place, str]]:
    if isinstance(node, str):
        yield above, node
    elif isinstance(node, dict | list):
        for key, inner in node.items() if isinstance(node, dict) else enumerate(node):
            yield from leaves(inner, (*above, key))


WORD = "word{}in{}w"
TURNS = 9


@functools.cache
def worded(form: str) -> list[Document]:
    """Return the documents for distinct words in each place. Requires that all words arrive."""
    of = FORMS[form][1]
    words = [[WORD.format(turn, number) for number in range(len(of))] for turn in range(TURNS)]
    documents = rendered(form, words)
    found = {text for document in documents for _, text in document}
    lost = [
        place for said in words for place, word in zip(of, said, strict=True) if word not in found
    ]
    assert not lost
    return documents


def turned(form: str, turn: int) -> list[str]:
    """Return a string for each place in a turn, and others in the next turn.

    Places that must not be empty get "x" for an empty string.
    """
    strings = list(STRINGS.values())
    of = [(place, strings[(turn + n) % len(strings)]) for n, place in enumerate(FORMS[form][1])]
    return [text if text or MAY_BE_EMPTY[place] else "x" for place, text in of]


# Each place says every second of the strings, of which two neighbors are of a kind.
@pytest.mark.parametrize("first", range(0, len(STRINGS), 2 * TURNS))
@pytest.mark.parametrize("form", FORMS)
def test_strings_arrive_as_they_were_said(form: str, first: int) -> None:
    turns = [turned(form, turn) for turn in range(first, first + 2 * TURNS, 2)]
    said = {
        WORD.format(turn, number): text
        for turn, texts in enumerate(turns)
        for number, text in enumerate(texts)
    }
    wanted = [
        frozenset((at, said.get(word, word)) for at, word in document) for document in worded(form)
    ]
    assert _differences(wanted, rendered(form, turns)) == []


def _differences(wanted: list[Document], got: list[Document]) -> list[tuple[Place, str]]:
    """Return the strings that only one side's documents have, except empty ones."""
    found, looked_for = (
        {frozenset(leaf for leaf in document if leaf[1]) for document in documents}
        for documents in (got, wanted)
    )
    more, lacking = (
        {leaf for document in side for leaf in document}
        for side in (found - looked_for, looked_for - found)
    )
    return sorted(more ^ lacking or more | lacking, key=repr)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (
            {
                "instrumentation": {"collector": "http://a:"},
                "test": {
                    "url": "http://b",
                    "resolve": "1e3",
                    "ca": {"secret": "on", "key": "0x1"},
                },
            },
            {"http://a:", "--resolve=b:80:1e3", "on", "0x1"},
        ),
        (
            {
                "instrumentation": {"collector": "http://a:", "mode": "operator"},
                "test": {"url": "http://b:", "ca": {"configMap": "1e3"}},
                "defaults": {"sample": False, "image": {"repository": "123"}},
            },
            {"http://a:", "http://b:", "1e3", "123"},
        ),
        (
            {"instrumentation": {"collector": "http://a\x85b", "mode": "operator"}},
            {"http://a\x85b"},
        ),
    ],
)
def test_what_a_pattern_lets_through_arrives_as_well(values: Values, texts: set[str]) -> None:
    assert texts <= {said for document in render(values) for _, said in leaves(document)}
