"""Too many requests, and clients that misbehave, against a running service."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack

import pytest

from .conftest import LOOPBACK, Serve, Service, Start, get, held, reply

REQUEST = b"GET / HTTP/1.1\r\nHost: mocka\r\n\r\n"
ANSWER = "-> mocka(version: v1, ip: 127.0.0.1)"
BUSY = "busy: 1 requests are being answered\n"
# Seconds in which a service that is not held up answers, on a machine that is busy.
SOON = 3.0


@pytest.fixture(scope="module")
def mocka(start: Start) -> Service:
    return start(app="mocka")


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def seconds_of(service: Service, path: str) -> float:
    started = time.monotonic()
    assert service.manage(path).status == 200
    return time.monotonic() - started


@pytest.mark.parametrize("sent", [b"GET /readyz HTT", b""], ids=["half-sent", "idle"])
def test_probes_are_answered_whatever_comes(
    sent: bytes, mocka: Service, clients: ExitStack
) -> None:
    for number in range(1000):
        address = (LOOPBACK, mocka.management_port)
        client = clients.enter_context(socket.create_connection(address, timeout=15))
        client.sendall(sent)
        if number % 100 == 99:
            assert max(seconds_of(mocka, path) for path in ("healthz", "readyz", "metrics")) < 2


def test_what_is_too_much_is_refused_at_once(start: Start, serve: Serve) -> None:
    release, arrived = threading.Event(), threading.Event()
    slow = serve(held(release, arrived))
    service = start(app="mocka", upstream_url=slow.url, threads="1", upstream_timeout="30")
    with ThreadPoolExecutor(10) as pool:
        first = pool.submit(get, service.url)
        assert arrived.wait(15)
        started = time.monotonic()
        refused = [
            each.result() for each in as_completed(pool.submit(get, service.url) for _ in range(9))
        ]
        assert time.monotonic() - started < SOON
        assert {(answer.status, answer.body) for answer in refused} == {(429, BUSY)}
        assert refused[0].headers["Retry-After"] is None, "clients take it for an invitation"
        for probe in ("healthz", "readyz"):
            assert service.manage(probe).status == 200
        assert "http_requests_refused_total" in service.manage("metrics").body
        release.set()
        assert first.result().status == 200
    assert get(service.url).status == 200


def test_a_refusal_is_passed_on_as_one(start: Start, serve: Serve) -> None:
    mockb = serve(reply(429, BUSY))
    answer = get(start(app="mocka", upstream_url=mockb.url).url)
    assert (answer.status, answer.body) == (
        429,
        f"{ANSWER}-> {mockb.url} failed: 429 {BUSY.strip()}",
    )
    assert len(mockb.requests) == 1


def test_a_slow_chain_ends_when_its_caller_has_no_time_left(start: Start, serve: Serve) -> None:
    release, arrived = threading.Event(), threading.Event()
    slow = serve(held(release, arrived))
    mockb = start(app="mockb", upstream_url=slow.url, upstream_timeout="60")
    mocka = start(app="mocka", upstream_url=mockb.url, upstream_timeout="4")
    started = time.monotonic()
    answer = get(mocka.url)
    release.set()
    assert answer.status == 504
    assert f"mockb(version: v1, ip: 127.0.0.1)-> {slow.url} failed: 504 no answer" in answer.body
    assert time.monotonic() - started < 4 + SOON
    assert "no time was left for the call" in get(mockb.url, {"request-timeout-ms": "0"}).body


def test_a_request_may_come_in_pieces(mocka: Service, clients: ExitStack) -> None:
    client = clients.enter_context(socket.create_connection((LOOPBACK, mocka.port), timeout=15))
    for byte in REQUEST:
        client.sendall(bytes([byte]))
    received = b""
    while not received.endswith(ANSWER.encode()):
        received += client.recv(4096)
    assert received.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("host", ["xn--a", "XN--A:80", "b.xn--99999999"])
def test_a_host_that_is_no_name_is_the_clients_mistake(host: str, mocka: Service) -> None:
    before = len(mocka.log)
    answer = get(mocka.url, {"Host": host})
    assert (answer.status, answer.headers["Content-Type"]) == (400, "text/plain; charset=utf-8")
    assert "Traceback" not in str(mocka.log[before:])
