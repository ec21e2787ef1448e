"""What steers a terminal, in every field of manifests and answers: it never gets out."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import cycle
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from lanes.cli import main
from tests.kube import HALVES, PAIR, asm, base, lane
from tests.unit.lanes.standin import ANSWER, gateway_like

NASTY = (
    "x\x1b]0;owned\x07\x9b31m\x00\x7f\u202e\u2066\u200f\u061c\u200b\u2028\x85\ud800\U000e0041"
    "[red]\r\n[link=http://e.example]Lanes hold.\n\x0bAs planned."
)
SGR = re.compile(r"\x1b\[[0-9;]*m")
FORGED = ("Lanes hold.", "As planned.", "nothing found")
Steps = tuple[str | int, ...]


def write(folder: Path, *documents: Any) -> str:
    """The documents in a file of YAML that holds each character, as an escape."""
    told = (json.dumps(document).replace("\x7f", "\\u007f") for document in documents)
    (folder / "mesh.yaml").write_text("\n---\n".join(told))
    return str(folder / "mesh.yaml")


def lanes(*arguments: str, color: bool = False) -> Result:
    environment = {"COLUMNS": "80", "FORCE_COLOR": "1" if color else None, "TERM": "xterm"}
    result = CliRunner().invoke(main, arguments, env=environment)
    # With colors, standard error is a terminal, which has a bar that moves.
    for said in (result.stdout,) if color else (result.stdout, result.stderr):
        plain = SGR.sub("", said) if color else said
        assert {character for character in plain if not character.isprintable()} <= {"\n"}
        assert not set(plain.splitlines()) & set(FORGED) or result.exit_code == 0
    assert "internal error" not in result.output
    return result


def places(value: Any, at: Steps = ()) -> Iterator[Steps]:
    """Every string within a value, and every key of a mapping, by the way there."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield (*at, key, "key")
            yield from places(inner, (*at, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from places(inner, (*at, number))
    elif isinstance(value, str):
        yield at


def spoiled(value: Any, at: Steps) -> Any:
    """The value with something nasty in one place: a string goes on nastily, a key as well."""
    if not at:
        return value + NASTY
    first, *rest = at
    if rest == ["key"]:
        return {f"{key}{NASTY}" if key == first else key: inner for key, inner in value.items()}
    if isinstance(value, list):
        return [spoiled(v, tuple(rest)) if n == first else v for n, v in enumerate(value)]
    return {key: spoiled(v, tuple(rest)) if key == first else v for key, v in value.items()}


def spoilings() -> dict[str, list[Any]]:
    """Manifests with one nasty string each, by where it is; a place that is like another once."""
    found: dict[str, list[Any]] = {}
    for documents in (asm(PAIR, HALVES), [*base(PAIR, {"v1": 90, "v2": 10}), *lane("v2", PAIR)]):
        for number, document in enumerate(documents):
            for at in places(document):
                name = ".".join("" if isinstance(step, int) else step for step in at)
                key = f"{document['kind']} {name}"
                if key not in found:
                    bad = spoiled(document, at)
                    found[key] = [*documents[:number], bad, *documents[number + 1 :]]
    return found


SPOILED = spoilings()


def test_a_nasty_string_in_a_manifest_stays_within_its_line(
    tmp_path: Path, subtests: pytest.Subtests
) -> None:
    for name, documents in SPOILED.items():
        with subtests.test(name):
            manifests = write(tmp_path, *documents)
            lanes("plan", manifests)
            lanes("lint", manifests)


def test_every_string_of_every_manifest_is_nasty(tmp_path: Path) -> None:
    for number, documents in enumerate(SPOILED.values()):
        (tmp_path / str(number)).mkdir()
        write(tmp_path / str(number), *documents)
    for color in (False, True):
        assert lanes("plan", str(tmp_path), color=color).exit_code == 2
        assert lanes("lint", str(tmp_path), color=color).exit_code in (1, 2)
    for form in ("json", "sarif"):
        json.loads(lanes("lint", str(tmp_path), "--format", form).stdout)


@pytest.mark.parametrize("documents", [asm(), []])
def test_a_nasty_name_of_a_file(tmp_path: Path, documents: list[Any]) -> None:
    name = os.fsencode(NASTY.replace("\x00", "").replace("/", "").replace("\ud800", "\udc80"))
    folder = tmp_path / os.fsdecode(name)[:80]
    folder.mkdir()
    file = write(folder, *documents, {"apiVersion": "v1", "kind": "Service"})
    for color in (False, True):
        lanes("plan", file, color=color)
        lanes("lint", file, color=color)
        lanes("plan", str(folder), color=color)
    lanes("verify", "http://127.0.0.1:1/", "--manifests", file)
    json.loads(lanes("lint", file, "--format", "sarif").stdout)
    json.loads(lanes("lint", file, "--format", "json").stdout)


@pytest.mark.parametrize(
    "command", [(), ("plan",), ("lint",), ("verify",), ("trace",), ("up",), ("demo",)]
)
def test_what_was_typed_is_printed_in_a_usage_error_as_well(command: tuple[str, ...]) -> None:
    for typed in (f"--{NASTY}", NASTY, f"--port={NASTY}", f"--format={NASTY}"):
        assert lanes(*command, typed.replace("\x00", "")).exit_code == 2


@pytest.mark.parametrize(
    "options",
    [
        *(
            ("--host", NASTY),
            ("--header", f"x={NASTY}"),
            ("--header", NASTY),
            ("--path", f"/{NASTY}"),
        ),
        *(("--calls", f"{NASTY}=a"), ("--calls", NASTY), ("--namespace", NASTY), ("--lane", NASTY)),
        *(
            ("--resolve", NASTY),
            ("--ca", NASTY),
            ("--baseline", NASTY),
            ("--report", f"/{NASTY}/x"),
        ),
    ],
)
def test_nasty_options(tmp_path: Path, options: tuple[str, str]) -> None:
    manifests = write(tmp_path, *asm())
    typed = [option.replace("\x00", "") for option in options]
    result = lanes("verify", "https://127.0.0.1:1/", "--manifests", manifests, *typed)
    assert (result.exit_code, result.stdout) == (2, "")
    lanes("plan", manifests, *typed)
    lanes("verify", f"http://{typed[1]}/", "--manifests", manifests)


def hop(**values: Any) -> dict[str, Any]:
    node: dict[str, Any] = {"name": "mocka", "version": "v1", "namespace": None, "ip": "::1"}
    node |= {"lane": "v1", "duration_ms": 1.5, "status": 200, "error": None, "upstreams": []}
    return node | values


WEIRD = NASTY.replace("\ud800", "")
ANSWERS: dict[str, Any] = {
    **{key: hop(**{key: WEIRD}) for key in ("name", "version", "ip", "lane", "namespace")},
    **{f"{key}, half": hop(**{key: NASTY}) for key in ("name", "version", "ip", "lane", "error")},
    "error": hop(status=500, error=WEIRD),
    "url": hop(upstreams=[{"url": f"http://{WEIRD}/", "status": 502, "error": WEIRD}]),
    "text": hop(upstreams=[{"url": "http://a/", "status": 200, "text": WEIRD}]),
    "key": hop(**{WEIRD: WEIRD}),
    "not JSON": WEIRD,
    "all": hop(
        **dict.fromkeys(("name", "version", "ip", "lane", "namespace"), WEIRD),
        status=500,
        error=WEIRD,
        upstreams=[hop(name=WEIRD, lane=None), {"url": "http://b/", "status": 200, "text": WEIRD}],
    ),
}


def assert_told(folder: Path, kind: str, bodies: Iterable[str]) -> None:
    """Of a gateway that gives these answers, `verify` and `trace` print and write nothing nasty."""
    given = cycle(bodies)

    def answer(_: Mapping[str, str]) -> ANSWER:
        return 200, kind, next(given)

    manifests = write(folder, *asm(PAIR, HALVES))
    page, xml = folder / "report.html", folder / "junit.xml"
    with gateway_like(answer) as url:
        command = ("verify", url, "--manifests", manifests, "--requests", "6")
        lanes(*command, "--report", str(page), "--junit", str(xml))
        lanes(*command, color=True)
        for color in (False, True):
            lanes("trace", url, "--manifests", manifests, color=color)
        json.loads(lanes(*command, "--format", "json").stdout or "{}")
        json.loads(lanes("trace", url, "--manifests", manifests, "--format", "json").stdout)
    for text in (page.read_text(), xml.read_text()) if page.exists() else ():
        assert {one for one in text if not one.isprintable()} <= {"\n"}
    if xml.exists():
        ElementTree.fromstring(xml.read_text())  # noqa: S314 ours


@pytest.mark.parametrize("name", ANSWERS)
def test_a_nasty_string_in_an_answer_stays_within_its_line(name: str, tmp_path: Path) -> None:
    body = WEIRD if name == "not JSON" else json.dumps(ANSWERS[name])
    assert_told(tmp_path, "application/json", [body, json.dumps(hop())])
    assert_told(tmp_path, "application/json", [body])


def test_a_nasty_string_in_an_answer_of_text_stays_within_its_line(tmp_path: Path) -> None:
    line = f"-> mocka(version: {WEIRD.replace(',', '')}, ip: x)-> {WEIRD}(version: v1, ip: x)"
    assert_told(tmp_path, "text/plain", [line, "-> mocka(version: v1, ip: x)"])
