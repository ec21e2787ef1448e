"""The management port, in this process."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus

import pytest

from services import management
from services.faults import NONE, Fault
from services.management import Management, Metrics

from .conftest import LOOPBACK

TOKEN = "0123456789abcdef"  # noqa: S105


def managed(fault: Fault = NONE, token: str | None = None) -> Management:
    return Management(Metrics("mocka", "v2", "own 0.64b0"), fault, token)


def answer(request: str, management: Management | None = None) -> tuple[int, str, str]:
    status, body, kind = (management or managed()).answer(f"{request}\r\n\r\n".encode())
    return int(status.split()[0]), body.decode(), kind


@pytest.mark.parametrize(
    ("request_line", "status", "body"),
    [
        ("GET /healthz HTTP/1.1", 200, "alive\n"),
        ("GET /readyz?verbose HTTP/1.1", 200, "ready\ninstrumentation: own 0.64b0\n"),
        ("GET / HTTP/1.1", 404, "there are /healthz, /readyz and /metrics\n"),
        ("POST /healthz HTTP/1.1", 405, "only GET is answered\n"),
        ("\x16\x03\x01", 405, "only GET is answered\n"),
    ],
)
def test_answers(request_line: str, status: int, body: str) -> None:
    assert answer(request_line)[:2] == (status, body)


def test_draining_is_unready_but_alive() -> None:
    draining = managed()
    draining.draining = True
    ready = answer("GET /readyz HTTP/1.1", draining)
    assert ready[:2] == (HTTPStatus.SERVICE_UNAVAILABLE, "draining\ninstrumentation: own 0.64b0\n")
    assert answer("GET /healthz HTTP/1.1", draining)[0] == HTTPStatus.OK


def test_lost_lanes_are_a_warning() -> None:
    lost = managed()
    lost.warning = "lanes are lost"
    ready = answer("GET /readyz HTTP/1.1", lost)
    assert ready[:2] == (
        HTTPStatus.OK,
        "ready\ninstrumentation: own 0.64b0\nwarning: lanes are lost\n",
    )


def test_metrics_are_in_prometheus_text_format() -> None:
    status, body, kind = answer("GET /metrics HTTP/1.1")
    assert (status, kind) == (HTTPStatus.OK, "text/plain; version=0.0.4; charset=utf-8")
    assert 'service_info{app="mocka",instrumentation="own 0.64b0",version="v2"} 1.0' in body
    for line in (
        "# HELP http_request_duration_seconds Answers.",
        "# HELP http_upstream_duration_seconds Calls.",
        "# HELP http_requests_refused_total 429s.",
        "http_requests_refused_total 0.0",
    ):
        assert line in body.splitlines()
    assert "process_resident_memory_bytes" in body
    assert "python_info" in body


SLOW = Fault(delay=(20, 200), status=503, rate=0.5)


@pytest.mark.parametrize(
    ("request_line", "status", "body", "after"),
    [
        (
            "PUT /fault?delay=30 HTTP/1.1",
            200,
            "delay=30&status=500&rate=0",
            Fault(delay=(30, 30)),
        ),
        ("PUT /fault HTTP/1.1", 200, "delay=0&status=500&rate=0", Fault()),
        (
            "PUT /fault?rate=2 HTTP/1.1",
            400,
            "rate='2': must be a share of requests from 0 to 1",
            SLOW,
        ),
        ("PUT /fault?late=2 HTTP/1.1", 400, "late is none of delay, status, rate", SLOW),
        (
            "PUT /fault?rate= HTTP/1.1",
            400,
            "rate='': must be a share of requests from 0 to 1",
            SLOW,
        ),
        ("POST /fault HTTP/1.1", 405, "only GET is answered", SLOW),
    ],
)
def test_who_has_the_token_replaces_the_fault(
    request_line: str, status: int, body: str, after: Fault
) -> None:
    slow = managed(SLOW, TOKEN)
    told = f"{request_line}\r\nAuthorization: Bearer {TOKEN}"
    assert answer(told, slow)[:2] == (status, f"{body}\n")
    assert slow.fault == after


@pytest.mark.parametrize(
    ("token", "told", "status"),
    [
        (TOKEN, "", 403),
        (TOKEN, f"\r\nAuthorization: Bearer {TOKEN}x", 403),
        (TOKEN, f"\r\nCookie: Bearer {TOKEN}", 403),
        (None, "\r\nAuthorization: Bearer None", 405),
    ],
)
def test_nobody_else_does(token: str | None, told: str, status: int) -> None:
    slow = managed(SLOW, token)
    asked = answer(f"PUT /fault HTTP/1.1{told}", slow)
    assert (asked[0], slow.fault) == (status, SLOW)


HEALTHZ = b"GET /healthz HTTP/1.1\r\n\r\n"
ALIVE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Connection: close\r\nContent-Length: 6\r\n\r\nalive\n"
)
Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Client]]


def serve_while(talk: Callable[[Connect], Awaitable[None]]) -> None:
    """Serve while ``talk``, which gets how to connect, does, until all its connections have ended.

    It has less time than a connection that sends nothing.
    """

    async def both() -> None:
        listener = socket.create_server((LOOPBACK, 0))
        host, port = listener.getsockname()
        serving = asyncio.create_task(managed().serve(listener))
        async with asyncio.timeout(4):
            await talk(lambda: asyncio.open_connection(host, port))
            while len(asyncio.all_tasks()) > 2:  # besides this one and `serving`: connections
                await asyncio.sleep(0.001)
        serving.cancel()

    asyncio.run(both())


async def received(client: Client, sent: bytes = b"") -> bytes:
    """Send, and return all that comes until the server closes the connection."""
    reader, writer = client
    writer.write(sent)
    await writer.drain()
    try:
        return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize("body", [b"", b"x" * 1_000_000], ids=["none", "a body"])
def test_an_answer_arrives_whole_and_ends_the_connection(body: bytes) -> None:
    async def talk(connect: Connect) -> None:
        assert await received(await connect(), HEALTHZ + body) == ALIVE

    serve_while(talk)


def test_one_connection_too_many_closes_the_oldest() -> None:
    async def talk(connect: Connect) -> None:
        clients = [await connect() for _ in range(257)]
        assert await received(clients[256], HEALTHZ) == ALIVE
        assert await received(clients[0]) == b""
        for client in clients[1:256]:
            assert await received(client, HEALTHZ) == ALIVE

    serve_while(talk)


def test_connections_that_have_ended_do_not_count() -> None:
    async def talk(connect: Connect) -> None:
        oldest = await connect()
        for _ in range(300):
            assert await received(await connect(), HEALTHZ) == ALIVE
        assert await received(oldest, HEALTHZ) == ALIVE

    serve_while(talk)


def reset(client: Client) -> None:
    client[1].get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    client[1].close()


@pytest.mark.parametrize(
    "misbehave",
    [
        lambda _: None,
        lambda client: client[1].write(b"GET /hea"),
        lambda client: client[1].write_eof(),
        lambda client: client[1].write(b"x" * 100_000),
        reset,
    ],
    ids=["idle", "half-sent", "closed", "no end", "reset"],
)
def test_who_sends_no_request_is_let_go_without_a_word(
    misbehave: Callable[[Client], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(management, "CONNECTION_SECONDS", 0.1)

    async def talk(connect: Connect) -> None:
        client = await connect()
        misbehave(client)
        with suppress(ConnectionResetError):
            assert await client[0].read() == b""
        client[1].close()

    serve_while(talk)
    assert caplog.messages == []
