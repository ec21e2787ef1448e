"""Commands that send requests, with impossible options or hostile servers: an error in one line."""

import json
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lanes.cli import main
from tests.unit.lanes.hostile_server import CHUNKED, OK, Behavior, endless, resets, says, served
from tests.unit.lanes.standin import ANSWER, gateway_like, json_answer

NOWHERE = "http://127.0.0.1:1/"


def lanes(*arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments)
    assert "internal error" not in result.output
    assert "Traceback" not in result.output
    return result


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *product(
            ("--duration", "--rate"),
            ("nan", "-nan", "inf", "-inf", "1e400", "1e300", "0", "-1", "1e-300", "", "x"),
        ),
        *product(
            ("--requests", "--lane-requests", "--concurrency"),
            ("nan", "inf", "1e3", "0", "-1", "9" * 30, "9" * 5_000, "", "x", "1.5"),
        ),
        ("--format", "xml"),
    ],
)
def test_an_impossible_value_is_a_usage_error(sample: str, option: str, value: str) -> None:
    result = lanes("verify", NOWHERE, "--manifests", sample, option, value)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"Invalid value for '{option}'" in result.stderr


@pytest.mark.parametrize(
    "header",
    [
        "x",
        "=",
        "=v",
        " =v",
        "x y=v",
        "x:=v",
        "x=a\nb",
        "x=\x1b",
        "x=\x7f",
        "ä=v",
        "host=a",
        "x=\udc80",
    ],
)
@pytest.mark.parametrize("command", ["verify", "trace"])
def test_a_header_that_cannot_be_sent(sample: str, command: str, header: str) -> None:
    result = lanes(command, NOWHERE, "--manifests", sample, "--header", header)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("lanes: --header ")


@pytest.mark.parametrize("command", ["verify", "trace"])
@pytest.mark.parametrize(
    ("behavior", "sentence"),
    [
        (says(b"nonsense\r\n\r\n"), "the gateway gives no answer: it breaks HTTP/1.1"),
        (endless(CHUNKED, b"400\r\n" + b"x" * 1024 + b"\r\n"), "it is larger than 1,024 KiB"),
        (endless(OK, b"x" * 1024), "its head is larger than 64 KiB"),
        (says(OK, b"Content-Encoding: gzip\r\n\r\nx"), "it is encoded as gzip, which the"),
        (resets(b""), "the connection was closed without an answer"),
    ],
)
def test_a_server_that_breaks_http_is_an_error_in_one_line(
    sample: str, command: str, behavior: Behavior, sentence: str
) -> None:
    with served(behavior) as url:
        result = lanes(command, url, "--manifests", sample)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"lanes: {url}: the gateway gives no answer: ")
    assert sentence in result.stderr


def answer_with(**values: Any) -> str:
    tree = {"name": "mocka", "version": "v1", "ip": "::1", "lane": "v1", "upstreams": []} | values
    return json.dumps(tree)


DEEP = '{"name": "a", "version": "b", "ip": "", "lane": null, "upstreams": ['

POISON = {
    "half a character": (answer_with(name="\ud800"), "name holds half a character"),
    "half a character for a lane": (answer_with(lane="\udfff"), "lane holds half a character"),
    "10^308 ms": (
        answer_with(duration_ms=1e308),
        "duration_ms is not a number from 0 to 86,400,000",
    ),
    "400 digits": (answer_with(duration_ms=10**400), "duration_ms is not a number"),
    "5,000 digits": (answer_with(duration_ms=5).replace("5}", "5" * 5_000 + "}"), "it is not JSON"),
    "10^999 ms": (
        answer_with(duration_ms=7.5).replace("7.5", "1e999"),
        "duration_ms is not a number",
    ),
    "NaN": (answer_with(duration_ms=float("nan")), "NaN is not JSON"),
    "Infinity": (answer_with(duration_ms=float("inf")), "Infinity is not JSON"),
    "-Infinity": (answer_with(x=-float("inf")), "-Infinity is not JSON"),
    "below 0": (answer_with(duration_ms=-1), "duration_ms is not a number"),
    "a time that is true": (answer_with(duration_ms=True), "duration_ms is not a number"),
    "a status that is true": (answer_with(duration_ms=1, status=True), "status is not a number"),
    "a status of 30 digits": (answer_with(duration_ms=1, status=10**30), "status is not a number"),
    "a name that is a number": (answer_with(name=5), "name is not text"),
    "a name of 300 characters": (answer_with(name="x" * 300), "a name of more than 253 characters"),
    "deep": (DEEP * 5_000 + "]}" * 5_000, "it is nested too deep"),
    "wide": (answer_with(upstreams=[{"url": "http://a/"}] * 2_000), "more than 1,000 hops"),
    "no list": (answer_with(upstreams={"name": "x"}), "upstreams is not a list"),
    "a URL that is none": (
        answer_with(upstreams=[{"url": "http://[", "text": ""}]),
        "a URL is not one",
    ),
    "torn": (answer_with()[:-1], "it is not JSON"),
}


@pytest.mark.parametrize("name", POISON)
def test_an_answer_that_cannot_be_read_is_an_error_in_one_line(sample: str, name: str) -> None:
    body, reason = POISON[name]
    with gateway_like(lambda _: (200, "application/json", body)) as url:
        checked = lanes("verify", url, "--manifests", sample, "--requests", "3")
        traced = lanes("trace", url, "--manifests", sample)
    assert (checked.exit_code, checked.stdout) == (2, "")
    assert f"no hop of any request is seen ({reason}" in checked.stderr
    assert (traced.exit_code, traced.stderr) == (1, "")
    assert f"NOT as planned: the answer cannot be read: {reason}" in traced.stdout


@pytest.mark.parametrize(
    "body",
    [
        answer_with(**{f"k{number}": number for number in range(50_000)}),
        answer_with(x=[[[[[[]]]]]] * 20_000),
        answer_with(error="x" * 500_000, duration_ms=1, status=500),
    ],
)
def test_a_large_answer_makes_no_large_output(sample: str, body: str) -> None:
    with gateway_like(lambda _: (200, "application/json", body)) as url:
        result = lanes("verify", url, "--manifests", sample, "--requests", "3", "--format", "json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["requests"] == 3
    assert len(result.stdout) < 100_000


@pytest.mark.parametrize("form", ["table", "json"])
def test_a_password_in_the_url_is_never_printed(sample: str, tmp_path: Path, form: str) -> None:
    page, xml = tmp_path / "report.html", tmp_path / "junit.xml"
    files = ("--report", str(page), "--junit", str(xml), "--format", form)

    def answer(headers: Mapping[str, str]) -> ANSWER:
        assert headers["Authorization"] == "Basic dXNlcjpzM2NyZXQ="
        return json_answer("v1", "mocka v1", "mockb v1", "mockc v1")

    with gateway_like(answer) as url:
        named = url.replace("//", "//user:s3cret@")
        checked = lanes("verify", named, "--manifests", sample, "--requests", "9", *files)
        traced = lanes("trace", named, "--manifests", sample, "--format", form)
    with gateway_like(lambda _: (200, "text/html", "hello")) as url:
        named = url.replace("//", "//user:s3cret@")
        foreign = lanes("verify", named, "--manifests", sample)
    assert (checked.exit_code, traced.exit_code, foreign.exit_code) == (1, 0, 2)
    wrong = [
        lanes(command, named, "--manifests", sample, *more)
        for command, more in product(("verify", "trace"), ((), ("--ca", "x"), ("--resolve", "x")))
        for named in (
            "http://user:s3cret@127.0.0.1:1/",
            "http://user:s3cret@127.0.0.1:99999/",
            "user:s3cret@127.0.0.1",
            "https://user:s3cret/@127.0.0.1/",
        )
    ]
    assert {result.exit_code for result in wrong} == {2}
    said = [text for one in (checked, traced, foreign, *wrong) for text in (one.stdout, one.stderr)]
    for text in (*said, page.read_text(), xml.read_text()):
        assert "s3cret" not in text
