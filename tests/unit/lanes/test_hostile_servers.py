"""Servers that drip, never end, break HTTP or send a bomb cost bounded time and memory."""

import gzip
import socket
import threading
import time
import tracemalloc
from pathlib import Path
from shutil import which

import pytest

from lanes.errors import LanesError
from lanes.verification.gateway import Gateway
from lanes.verification.http_client import Limits
from tests.unit.lanes.hostile_server import (
    CHUNKED,
    OK,
    Behavior,
    drips,
    endless,
    resets,
    says,
    served,
    stays,
)
from tests.unit.lanes.standin import certified

LIMITS = Limits(seconds=0.5, head=8 * 1024, body=64 * 1024)
# What a busy machine may add to a time limit.
SLACK_SECONDS = 3.0

LATE = "it took longer than 0.5 s"
UNENDING = "it did not end within 0.5 s"
HEAD = "its head is larger than 8 KiB"
LARGE = "it is larger than 64 KiB"
CLOSED = "the connection was closed without an answer"
CUT = "it began and was cut off"
BROKEN = "it breaks HTTP/1.1"
NO_HTTP = f"{BROKEN}. Is the URL https://?"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LENGTH = b"Content-Length: 5\r\n"
BOMB = gzip.compress(bytes(64 * 1024 * 1024))

BEHAVIORS: dict[str, tuple[Behavior, str]] = {
    # time
    "silent": (stays(), LATE),
    "a head that drips": (drips(b"", OK + b"X-A: b\r\n" * 9_999), LATE),
    "a line that drips": (drips(OK, b"x"), LATE),
    "100 Continue, slowly": (drips(b"", CONTINUE), LATE),
    "a head and nothing more": (stays(OK, LENGTH, b"\r\n"), UNENDING),
    "a body that drips": (drips(OK + b"Content-Length: 9999\r\n\r\n", b"x"), UNENDING),
    "chunks that drip": (drips(CHUNKED, b"1\r\nx\r\n"), UNENDING),
    "a body that does not end": (drips(OK + b"\r\n", b"x"), UNENDING),
    "trailers that drip": (drips(CHUNKED + b"0\r\n", b"X-A: b\r\n"), UNENDING),
    # size
    "100 Continue without end": (endless(b"", CONTINUE), HEAD),
    "102 with headers without end": (
        endless(b"", b"HTTP/1.1 102 Processing\r\nX-A: b\r\n\r\n"),
        HEAD,
    ),
    "a status line without end": (endless(b"HTTP/1.1 200 ", b"x"), HEAD),
    "a header without end": (endless(OK + b"X-A: ", b"x"), HEAD),
    "headers without end": (endless(OK, b"X-A: b\r\n"), HEAD),
    "a folded header without end": (endless(OK + b"X-A: b\r\n", b" b\r\n"), HEAD),
    "a body without end": (endless(OK + b"\r\n", b"x"), LARGE),
    "a length of petabytes": (
        endless(OK + b"Content-Length: 9999999999999999\r\n\r\n", b"x"),
        LARGE,
    ),
    "chunks without end": (endless(CHUNKED, b"400\r\n" + b"x" * 1024 + b"\r\n"), LARGE),
    "small chunks without end": (endless(CHUNKED, b"40\r\n" + b"x" * 64 + b"\r\n"), LARGE),
    "one chunk without end": (endless(CHUNKED + b"FFFFFFFFFFFF\r\n", b"x"), LARGE),
    "a chunk's size without end": (endless(CHUNKED, b"1"), BROKEN),
    "a chunk's extension without end": (endless(CHUNKED + b"1;", b"x"), BROKEN),
    "trailers without end": (endless(CHUNKED + b"0\r\n", b"X-A: b\r\n"), BROKEN),
    # expansion
    "gzip": (
        says(OK, b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB), BOMB),
        "it is encoded as gzip, which the request did not accept",
    ),
    "two codings": (
        says(OK, b"Content-Encoding: br\r\nContent-Encoding: gzip\r\n", LENGTH, b"\r\n-> ab"),
        "it is encoded as br, gzip, which the request did not accept",
    ),
    "gzip as transfer coding": (says(OK, b"Transfer-Encoding: gzip, chunked\r\n\r\n"), NO_HTTP),
    # ends
    "closed": (says(), CLOSED),
    "reset": (resets(b""), CLOSED),
    "closed in the head": (says(OK, b"X-A"), CUT),
    "closed in the body": (says(OK, LENGTH, b"\r\n-> m"), CUT),
    "closed in a chunk": (says(CHUNKED, b"9\r\n-> m"), CUT),
    "closed before the last chunk": (says(CHUNKED, b"1\r\nx\r\n"), CUT),
    # no HTTP
    "HTTP/0.9": (stays(b"<h1>hello</h1>\r\n\r\n"), NO_HTTP),
    "HTTP/2": (stays(b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x64\r\n\r\n"), NO_HTTP),
    "TLS": (says(b"\x15\x03\x01\x00\x02\x02\x16\r\n\r\n"), NO_HTTP),
    "SSH": (stays(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), NO_HTTP),
    "a status of four digits": (stays(b"HTTP/1.1 2000 OK\r\n\r\n"), NO_HTTP),
    "a status of two digits": (stays(b"HTTP/1.1 20 OK\r\n\r\n"), NO_HTTP),
    "a status below 100": (stays(b"HTTP/1.1 099 OK\r\n\r\n"), NO_HTTP),
    "another protocol": (stays(b"HTTP/1.1 101 Up\r\nUpgrade: x\r\n\r\n"), NO_HTTP),
    "a header without a colon": (stays(OK, b"nonsense\r\n\r\n"), NO_HTTP),
    "a header without a name": (stays(OK, b": x\r\n\r\n"), NO_HTTP),
    "a name with a space": (stays(OK, b"Content-Length : 5\r\n\r\n12345"), NO_HTTP),
    "a header with a NUL": (stays(OK, b"X-A: \0\r\n\r\n"), NO_HTTP),
    "a header that begins folded": (stays(OK, b" folded\r\n\r\n"), NO_HTTP),
    "two lengths": (stays(OK, LENGTH, b"Content-Length: 6\r\n\r\n123456"), NO_HTTP),
    "two lengths in one": (stays(OK, b"Content-Length: 5, 6\r\n\r\n123456"), NO_HTTP),
    "a length below 0": (stays(OK, b"Content-Length: -5\r\n\r\n12345"), NO_HTTP),
    "a length of 5,000 digits": (
        stays(OK, b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n"),
        NO_HTTP,
    ),
    "a length in words": (stays(OK, b"Content-Length: five\r\n\r\n12345"), NO_HTTP),
    "an unknown transfer coding": (stays(OK, b"Transfer-Encoding: x\r\n\r\n"), NO_HTTP),
    "two transfer codings": (stays(OK, b"Transfer-Encoding: chunked\r\n" * 2, b"\r\n"), NO_HTTP),
    "a chunk of a negative size": (stays(CHUNKED, b"-1\r\nx\r\n"), BROKEN),
    "a chunk of 5,000 digits": (stays(CHUNKED, b"9" * 5_000 + b"\r\n"), BROKEN),
    "a chunk that is longer than said": (stays(CHUNKED, b"1\r\nxyz\r\n0\r\n\r\n"), BROKEN),
}


@pytest.mark.parametrize("name", BEHAVIORS)
def test_a_request_ends_within_its_limits(name: str) -> None:
    behavior, reason = BEHAVIORS[name]
    with served(behavior) as url:
        gateway = Gateway(url, limits=LIMITS)
        began = time.monotonic()
        answer = gateway.client().send()
        took = time.monotonic() - began
    assert (answer.status, answer.path) == (0, ())
    assert answer.text == f"no answer: {reason}"
    assert took < LIMITS.seconds + SLACK_SECONDS


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (says(OK, LENGTH, LENGTH, b"\r\n-> ab"), 200),
        (says(OK, b"Content-Encoding: identity\r\n", LENGTH, b"\r\n-> ab"), 200),
        (says(CONTINUE, CONTINUE, OK, LENGTH, b"\r\n-> ab"), 200),
        (says(b"HTTP/1.0 200\r\n\r\n-> ab"), 200),
        (says(OK, LENGTH, b"\r\n-> ab", OK, LENGTH, b"\r\nhello"), 200),
        (says(b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\n", LENGTH, b"\r\n-> ab"), 302),
        (says(b"HTTP/1.1 999 Odd\r\n", LENGTH, b"\r\n-> ab"), 999),
    ],
)
def test_odd_responses_that_are_accepted(sent: Behavior, status: int) -> None:
    with served(sent) as url:
        client = Gateway(url, limits=LIMITS).client()
        found = [client.send() for _ in range(3)]
    # Nothing that came without a request is taken for the answer to the next.
    assert [(answer.status, answer.text) for answer in found] == [(status, "-> ab")] * 3


def test_data_on_an_idle_connection_is_not_the_next_response() -> None:
    sent = threading.Event()

    def behave(connection: socket.socket) -> None:
        answer = OK + LENGTH + b"\r\n"
        connection.sendall(answer + b"-> ab")
        read.wait(5)
        connection.sendall(answer + b"-> no")
        if not sent.is_set():
            sent.set()
            connection.recv(65_536)

    read = threading.Event()
    with served(behave) as url:
        client = Gateway(url, limits=LIMITS).client()
        first = client.send()
        read.set()
        assert sent.wait(5)
        second = client.send()
    assert [first.text, second.text] == ["-> ab", "-> ab"]


@pytest.mark.parametrize("name", ["a header without end", "chunks without end", "gzip"])
def test_no_answer_takes_more_memory_than_a_few_times_its_limit(name: str) -> None:
    behavior, _ = BEHAVIORS[name]
    limits = Limits()
    with served(behavior) as url:
        client = Gateway(url).client()
        tracemalloc.start()
        try:
            assert client.send().status == 0
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 8 * limits.body


@pytest.mark.skipif(which("openssl") is None, reason="makes certificates with openssl")
@pytest.mark.parametrize("name", ["a body that drips", "chunks without end", "closed", "HTTP/0.9"])
def test_limits_hold_with_tls(name: str, tmp_path: Path) -> None:
    behavior, reason = BEHAVIORS[name]
    tls, ca = certified(tmp_path, "shop.example")
    with served(behavior, tls) as url:
        at = f"shop.example:{url.rstrip('/').rpartition(':')[2]}"
        gateway = Gateway(f"https://{at}/", None, ca, f"{at}:127.0.0.1", limits=LIMITS)
        answer = gateway.client().send()
    assert answer.text == f"no answer: {reason.removesuffix('. Is the URL https://?')}"


@pytest.mark.parametrize(
    ("behavior", "reason"),
    [
        (stays(), LATE),
        (drips(b"", b"\x16\x03\x03\x40\x00"), LATE),
        (
            stays(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
            "it does not speak TLS. Is the URL http://?",
        ),
        (resets(b""), CLOSED),
    ],
)
def test_a_handshake_is_part_of_the_request(behavior: Behavior, reason: str) -> None:
    with served(behavior) as url:
        gateway = Gateway(url.replace("http:", "https:"), limits=LIMITS)
        began = time.monotonic()
        assert gateway.client().send().text == f"no answer: {reason}"
        assert time.monotonic() - began < LIMITS.seconds + SLACK_SECONDS
        with pytest.raises(LanesError, match="cannot be reached: "):
            gateway.client().require_reachable()


def test_a_gateway_that_is_reached_but_gives_no_answer() -> None:
    with (
        served(says(b"nonsense\r\n\r\n")) as url,
        pytest.raises(LanesError, match=f"{url}: the gateway gives no answer: {BROKEN}"),
    ):
        Gateway(url, limits=LIMITS).client().require_reachable()
