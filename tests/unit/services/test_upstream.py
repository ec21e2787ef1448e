"""Calls of upstreams: each kind of failure, and concurrent calls."""

import http.server
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from services import upstream
from services.answer import Hop, Node, Outside, as_json, as_text
from services.upstream import Observe

from .conftest import LOOPBACK, Serve, free_port, reply

LARGEST = 262_144  # 256 KiB
HOP = Hop(name="mockb", version="v1", ip="10.0.0.2", lane="v2", duration_ms=1, status=200)


def caller(*urls: str, observe: Observe = lambda *_: None) -> Callable[[], tuple[Node, ...]]:
    call = upstream.caller(urls, 2, observe)
    return lambda: call(time.monotonic() + 5)


def call(*urls: str, timeout: float = 5) -> tuple[Node, ...]:
    return upstream.caller(urls, 2)(time.monotonic() + timeout)


def failure(url: str, timeout: float = 5) -> tuple[int, str | None]:
    (node,) = call(url, timeout=timeout)
    assert isinstance(node, Outside)
    assert node.url == url
    return node.status, node.error


def begin(handler: http.server.BaseHTTPRequestHandler, length: int, body: bytes) -> None:
    """Answer 200 with so many bytes to come, and these first."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(length))
    handler.end_headers()
    handler.wfile.write(body)


def test_no_upstream_is_no_call() -> None:
    assert call() == ()


def test_a_hop_is_asked_for_json_and_kept_as_it_is(serve: Serve) -> None:
    mockb = serve(reply(200, as_json(HOP), "application/json"))
    assert call(mockb.url) == (HOP,)
    assert mockb.requests[0]["Accept"] == "application/json"
    assert mockb.requests[0]["Accept-Encoding"] == "identity"


def test_another_implementations_text_is_kept(serve: Serve) -> None:
    mockb = serve(reply(200, "-> mockb(version: v1, ip: \N{GREEK SMALL LETTER ALPHA})"))
    (node,) = call(mockb.url)
    assert as_text(node) == "-> mockb(version: v1, ip: \N{GREEK SMALL LETTER ALPHA})"
    assert node.status == 200


def test_text_of_another_encoding_is_no_failure(serve: Serve) -> None:
    (node,) = call(serve(lambda handler: begin(handler, 4, b"caf\xe9")).url)
    assert isinstance(node, Outside)
    assert (node.status, node.text) == (200, "caf\N{REPLACEMENT CHARACTER}")


def test_nothing_listening_is_502() -> None:
    url = f"http://{LOOPBACK}:{free_port()}/"
    assert failure(url) == (502, "connection refused")


def test_a_name_that_does_not_exist_is_502() -> None:
    assert failure("http://mockb.invalid/") == (502, "no such host")


def test_a_connection_closed_without_an_answer_is_502(serve: Serve) -> None:
    mockb = serve(lambda handler: handler.connection.shutdown(socket.SHUT_RDWR))
    status, error = failure(mockb.url)
    assert (status, error) == (502, "connection closed before the answer was complete")
    assert len(mockb.requests) == 2  # once, and the one retry


def test_an_answer_cut_off_is_502(serve: Serve) -> None:
    def cut(handler: http.server.BaseHTTPRequestHandler) -> None:
        begin(handler, 100, b"half")
        handler.connection.shutdown(socket.SHUT_RDWR)

    assert failure(serve(cut).url) == (502, "connection closed before the answer was complete")


def test_no_answer_in_time_is_504_and_not_asked_again(serve: Serve) -> None:
    mockb = serve(lambda _: time.sleep(3))
    assert failure(mockb.url, timeout=1.5) == (504, "no answer within 1.5 s")
    assert len(mockb.requests) == 1


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n"


@pytest.mark.parametrize("sent", [b"HTTP/1.1 200 O", HEAD, HEAD + b"\r\n"])
def test_an_upstream_that_drips_holds_its_caller_no_longer_than_one_that_is_silent(
    sent: bytes, serve: Serve
) -> None:
    def drip(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.wfile.write(sent)
        for _ in range(60):
            handler.wfile.write(b"K")
            time.sleep(0.05)

    started = time.monotonic()
    assert failure(serve(drip).url, timeout=1) == (504, "no answer within 1 s")
    assert time.monotonic() - started < 2.5


def test_a_retry_has_no_time_of_its_own(serve: Serve) -> None:
    def late_and_then_closed(handler: http.server.BaseHTTPRequestHandler) -> None:
        time.sleep(1)
        handler.connection.shutdown(socket.SHUT_RDWR)

    mockb = serve(late_and_then_closed)
    status, why = failure(mockb.url, timeout=1.8)
    assert (status, str(why)[:16]) == (504, "no answer within")
    assert len(mockb.requests) == 2


@pytest.fixture
def in_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls in the thread that waits for them, so that they end by themselves."""

    def submit(_: ThreadPoolExecutor, call: Callable[..., object], *given: object) -> object:
        future: Future[object] = Future()
        future.set_result(call(*given))
        return future

    monkeypatch.setattr(ThreadPoolExecutor, "submit", submit)


@pytest.mark.usefixtures("in_line")
@pytest.mark.parametrize("sent", [b"", HEAD + b"\r\n"], ids=["silent", "a body that drips"])
def test_a_call_ends_itself_when_its_caller_waits_no_longer(sent: bytes, serve: Serve) -> None:
    def drip(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(sent)
        for _ in range(50):
            time.sleep(0.02)
            handler.wfile.write(b"K" if sent else b"")

    assert failure(serve(drip).url, timeout=0.5) == (504, "no answer within 0.5 s")


def test_a_name_that_nobody_looks_up_in_time_is_504(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def look_up(*_: object, **__: object) -> None:
        ended.wait(10)
        raise socket.gaierror

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    (node,) = call("http://mockb/", timeout=0.26)
    ended.set()
    assert isinstance(node, Outside)
    assert (node.status, node.error) == (504, "no answer within 0.3 s")
    assert 260 <= node.duration_ms < 5000


@pytest.mark.usefixtures("in_line")
@pytest.mark.parametrize("left", [0, -0.5])
def test_nobody_is_asked_when_no_time_is_left(
    left: float, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    mockb = serve(reply(200))
    monkeypatch.setattr("time.monotonic", lambda: 64.0)
    assert failure(mockb.url, timeout=left) == (504, "no time was left for the call")
    assert mockb.requests == []


@pytest.mark.parametrize(("left", "told"), [(2, "1800"), (0.25, "225"), (2**-10, "1")])
def test_an_upstream_is_told_less_time_than_its_caller_has(
    left: float, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []

    def send(_: requests.Session, request: requests.PreparedRequest, **__: object) -> None:
        sent.append(request.headers["Request-Timeout-Ms"])
        raise requests.Timeout

    monkeypatch.setattr(requests.Session, "send", send)
    monkeypatch.setattr("time.monotonic", lambda: 64.0)
    call("http://mockb/", timeout=left)
    assert sent == [told]


@pytest.mark.parametrize(
    ("size", "expected"),
    [(LARGEST, (200, None)), (LARGEST + 1, (502, f"answered more than {LARGEST} bytes"))],
)
def test_the_size_of_an_answer_is_bounded(
    size: int, expected: tuple[int, str | None], serve: Serve
) -> None:
    def in_two_pieces(handler: http.server.BaseHTTPRequestHandler) -> None:
        begin(handler, size, b"x" * LARGEST)
        time.sleep(0.1)
        handler.wfile.write(b"x" * (size - LARGEST))

    assert failure(serve(in_two_pieces).url) == expected


def test_an_answer_without_end_is_not_read_to_the_end(serve: Serve) -> None:
    sent = []

    def flood(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(1000):
            handler.wfile.write(b"x" * 100_000)
            sent.append(100_000)

    assert failure(serve(flood).url) == (502, f"answered more than {LARGEST} bytes")
    assert sum(sent) < 50_000_000


NO_UPSTREAM = "no healthy upstream: outbound|8000|v2|mockb.default.svc.cluster.local"


@pytest.mark.parametrize(
    ("status", "body", "content_type", "expected"),
    [
        (503, NO_UPSTREAM, "text/plain", (503, NO_UPSTREAM)),
        (429, "", "text/plain", (429, "Too Many Requests")),
        (429, "busy: come later", "text/plain", (429, "busy: come later")),
        (404, "<!doctype html><title>404</title>", "text/html", (404, "Not Found")),
        (500, "line one\n  line two", "text/plain", (500, "line one line two")),
        (500, "x" * 1000, "text/plain", (500, "x" * 197 + "...")),
        (500, "x" * 200, "text/plain", (500, "x" * 200)),
        (500, "x" * 201, "text/plain", (500, "x" * 197 + "...")),
        (199, "", "text/plain", (502, "answered 199 no reason given")),
        (299, "fine", "text/plain", (299, None)),
        (300, "", "text/plain", (502, "answered 300 Multiple Choices")),
        (399, "", "text/plain", (502, "answered 399 no reason given")),
        (400, "no", "text/plain", (400, "no")),
        (599, "no", "text/plain", (599, "no")),
        (600, "no", "text/plain", (502, "answered 600 no reason given")),
        (302, "", "text/plain", (502, "answered 302 Found")),
        (304, "", "text/plain", (502, "answered 304 Not Modified")),
    ],
)
def test_an_error_answer_keeps_its_status_and_reason(
    status: int, body: str, content_type: str, expected: tuple[int, str | None], serve: Serve
) -> None:
    mockb = serve(reply(status, body, content_type, Location="/elsewhere", Retry_After="0"))
    assert failure(mockb.url) == expected
    assert len(mockb.requests) == 1


def test_a_failing_hop_keeps_its_tree(serve: Serve) -> None:
    refused = Outside(url="http://mockc/", duration_ms=1, status=502, error="connection refused")
    failing = Hop(
        name="mockb",
        version="v1",
        ip="10.0.0.2",
        lane=None,
        duration_ms=1,
        status=502,
        upstreams=(refused,),
    )
    assert call(serve(reply(502, as_json(failing), "application/json")).url) == (failing,)


def test_the_status_on_the_wire_beats_the_one_in_the_body(serve: Serve) -> None:
    (node,) = call(serve(reply(503, as_json(HOP), "application/json")).url)
    assert node.status == 503


def test_several_are_called_at_once_and_answer_in_the_order_given(serve: Serve) -> None:
    together = threading.Barrier(3, timeout=5)

    def after_all_have_come(name: str, pause: float) -> str:
        def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
            together.wait()
            time.sleep(pause)
            reply(200, f"-> {name}")(handler)

        return serve(answer).url

    nodes = call(*(after_all_have_come(*each) for each in (("b", 0.1), ("c", 0.05), ("d", 0))))
    assert [as_text(node) for node in nodes] == ["-> b", "-> c", "-> d"]


def test_one_failure_does_not_hide_the_other_answers(serve: Serve) -> None:
    good = serve(reply(200, as_json(HOP), "application/json"))
    bad = serve(reply(503, "busy"))
    first, second = call(bad.url, good.url)
    assert (first.status, second) == (503, HOP)


def test_a_pooled_connection_that_the_peer_closes_in_use_is_retried(serve: Serve) -> None:
    mockb = serve(reply(200, as_json(HOP), "application/json"))
    answer = mockb.answer
    call_mockb = caller(mockb.url)
    assert call_mockb() == (HOP,)

    def close_once(handler: http.server.BaseHTTPRequestHandler) -> None:
        mockb.answer = answer
        handler.connection.shutdown(socket.SHUT_RDWR)

    mockb.answer = close_once
    assert call_mockb() == (HOP,)
    assert len(mockb.requests) == 3


def test_as_many_connections_are_kept_as_requests_are_served(serve: Serve) -> None:
    most = 12
    together = threading.Barrier(most, timeout=20)
    peers = set()

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        together.wait()
        peers.add(handler.client_address)
        reply(200, as_json(HOP), "application/json")(handler)

    call_mockb = upstream.caller((serve(answer).url,), most)
    with ThreadPoolExecutor(most) as pool:
        for _ in range(2):
            ends = time.monotonic() + 20
            assert [*pool.map(call_mockb, [ends] * most)] == [(HOP,)] * most
    assert len(peers) == most


def test_a_cookie_set_for_one_caller_is_not_sent_for_the_next(serve: Serve) -> None:
    mockb = serve(reply(200, "hello", Set_Cookie="user=alice"))
    call_mockb = caller(mockb.url)
    call_mockb()
    call_mockb()
    assert mockb.requests[1]["Cookie"] is None


def test_credentials_in_the_home_directory_are_not_sent(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {LOOPBACK} login alice password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    mockb = serve(reply(200, "hello"))
    call(mockb.url)
    assert mockb.requests[0]["Authorization"] is None


def test_the_proxy_is_read_once_at_the_start(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = serve(reply(200, "through the proxy"))
    direct = serve(reply(200, "directly"))
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("no_proxy", LOOPBACK)
    call_both = caller("http://mockb:8000/", direct.url)
    monkeypatch.setenv("http_proxy", f"http://{LOOPBACK}:1")
    monkeypatch.delenv("no_proxy")
    assert [getattr(node, "text", None) for node in call_both()] == [
        "through the proxy",
        "directly",
    ]


def test_a_proxy_that_is_gone_is_named_as_the_one_that_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", f"http://{LOOPBACK}:{free_port()}")
    assert failure("http://mockb:8000/") == (502, "proxy: connection refused")


def test_a_failure_is_logged_where_it_happens(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    mockb = serve(reply(503, "busy"))
    call(mockb.url)
    messages = [record.message for record in caplog.records if record.name == "services.upstream"]
    assert messages == [f"{mockb.url} failed: 503 busy"]


def test_every_call_is_observed(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    now, seen = [64.0], []
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def late(handler: http.server.BaseHTTPRequestHandler) -> None:
        now[0] += 1.23456
        reply(503, "busy")(handler)

    mockb = serve(late)
    (node,) = caller(mockb.url, observe=lambda *each: seen.append(each))()
    assert isinstance(node, Outside)
    assert node.duration_ms == 1234.6
    assert seen == [(mockb.url, 503, pytest.approx(1.23456))]
