"""Clients that misbehave, and too many of them, against the service as it runs."""

import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack

import pytest

from services.intake import MOST_HEADS, MOST_IDLE, WAITING_SECONDS

from .conftest import LOOPBACK, Serve, Service, Start, free_port, get, held, reply

REQUEST = b"GET / HTTP/1.1\r\nHost: mocka\r\n\r\n"
ANSWER = "-> mocka(version: v1, ip: 127.0.0.1)"
# Seconds in which a service that is not held up answers, on a machine that is busy.
SOON = 3.0


@pytest.fixture(scope="module")
def mocka(start: Start) -> Service:
    return start(app="mocka")


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def connect(service: Service, clients: ExitStack) -> socket.socket:
    return clients.enter_context(socket.create_connection((LOOPBACK, service.port), timeout=15))


def serves(service: Service) -> bool:
    started = time.monotonic()
    assert get(service.url).status == 200
    assert service.manage("healthz").status == 200
    assert service.manage("readyz").status == 200
    assert "service_info" in service.manage("metrics").body
    return time.monotonic() - started < SOON


@pytest.mark.parametrize("port", ["requests", "management"])
def test_clients_that_send_half_a_request_hold_nobody_up(
    port: str, mocka: Service, clients: ExitStack
) -> None:
    number = mocka.port if port == "requests" else mocka.management_port
    for _ in range(MOST_HEADS - 1 if port == "requests" else 20):
        client = socket.create_connection((LOOPBACK, number), timeout=15)
        clients.enter_context(client).sendall(REQUEST[:20])
    assert serves(mocka)


def test_a_request_may_come_in_pieces_and_two_at_once(mocka: Service, clients: ExitStack) -> None:
    client = connect(mocka, clients)
    for byte in REQUEST[:-1]:
        client.sendall(bytes([byte]))
    client.sendall(REQUEST[-1:] + REQUEST[:10])
    time.sleep(0.1)
    client.sendall(REQUEST[10:])
    received = b""
    while received.count(ANSWER.encode()) < 2:
        received += client.recv(4096)
    assert received.count(b"HTTP/1.1 200") == 2


def test_a_client_that_is_slow_to_send_is_told_so_and_dropped(
    start: Start, clients: ExitStack
) -> None:
    hasty = (
        "import sys; from services import intake; intake.HEAD_SECONDS = 0.5;"
        "from services.__main__ import main; sys.exit(main())"
    )
    client = connect(start(sys.executable, "-c", hasty), clients)
    started = time.monotonic()
    client.sendall(REQUEST[:20])
    received = client.recv(4096)
    assert received.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert client.recv(4096) == b""
    assert time.monotonic() - started < 5


def test_headers_without_end_are_refused(mocka: Service, clients: ExitStack) -> None:
    client = connect(mocka, clients)
    client.sendall(b"GET / HTTP/1.1\r\nbaggage: " + b"x" * 70_000)
    assert client.recv(4096).startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")


def test_a_body_is_not_waited_for(mocka: Service, clients: ExitStack) -> None:
    for _ in range(20):
        client = connect(mocka, clients)
        client.sendall(b"POST / HTTP/1.1\r\nHost: mocka\r\nContent-Length: 1000\r\n\r\nhalf")
        assert client.recv(4096).startswith(b"HTTP/1.1 405")
    assert serves(mocka)


def test_idle_connections_make_room_for_new_ones(mocka: Service, clients: ExitStack) -> None:
    first = connect(mocka, clients)
    first.sendall(REQUEST)
    assert first.recv(4096).startswith(b"HTTP/1.1 200")
    for _ in range(1000):
        last = connect(mocka, clients)
    assert serves(mocka)
    assert first.recv(4096) == b"", "the one that was idle longest is closed"
    last.sendall(REQUEST)
    assert last.recv(4096).startswith(b"HTTP/1.1 200")
    assert MOST_IDLE < 1000


def test_a_client_that_does_not_close_when_told_to_holds_nobody_up(
    mocka: Service, clients: ExitStack
) -> None:
    for _ in range(5):
        client = connect(mocka, clients)
        client.sendall(REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
    assert serves(mocka)


def test_too_many_requests_are_refused_by_a_status_of_its_own(start: Start, serve: Serve) -> None:
    release, arrived = threading.Event(), threading.Event()
    slow = serve(held(release, arrived))
    service = start(app="mocka", upstream_url=slow.url, threads="1", upstream_timeout="30")
    with ThreadPoolExecutor(10) as pool:
        # One more than there is room for: nothing in line is answered before the refusal.
        asked = [pool.submit(get, service.url) for _ in range(10)]
        first = next(as_completed(asked, timeout=15))
        refused = first.result()
        assert refused.status == 429
        assert refused.body == "busy: 1 requests are being answered and 8 wait\n"
        assert refused.headers["Connection"] == "close"
        assert refused.headers["Retry-After"] is None, "clients take it for an invitation"
        for probe in ("healthz", "readyz"):
            assert service.manage(probe).status == 200
        assert "http_requests_refused_total 1.0" in service.manage("metrics").body
        assert arrived.wait(15)
        time.sleep(WAITING_SECONDS)
        release.set()
        answers = [each.result() for each in asked if each is not first]
    assert sorted(answer.status for answer in answers) == [200] + [429] * 8
    late = {answer.body for answer in answers if answer.status == 429}
    assert late == {"busy: no thread was free within 2 s\n"}, "nobody waits for them any more"
    assert get(service.url).status == 200


def test_a_refusal_is_passed_on_as_one(start: Start, serve: Serve) -> None:
    mockb = serve(reply(429, "busy: 16 requests are being answered and 128 wait\n"))
    answer = get(start(app="mocka", upstream_url=mockb.url).url)
    assert (answer.status, answer.body) == (
        429,
        f"{ANSWER}-> {mockb.url} failed: 429 busy: 16 requests are being answered and 128 wait",
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
    assert "no time was left to ask" in get(mockb.url, {"request-timeout-ms": "0"}).body


def test_a_circle_of_upstreams_ends_at_once(start: Start) -> None:
    first = str(free_port())
    mockb = start(app="mockb", upstream_url=f"http://{LOOPBACK}:{first}/")
    mocka = start(app="mocka", upstream_url=mockb.url, port=first)
    started = time.monotonic()
    answer = get(mocka.url)
    assert answer.status == 508
    hops = [part.partition("(")[0] for part in answer.body.split("-> ")[1:]]
    assert hops == ["mocka", "mockb", "mocka"]
    assert answer.body.endswith("upstream_url leads in a circle")
    assert time.monotonic() - started < SOON


@pytest.mark.parametrize("host", ["xn--a", "XN--A:80", "b.xn--99999999"])
def test_a_host_that_is_no_name_is_the_clients_mistake(host: str, mocka: Service) -> None:
    before = len(mocka.log)
    assert get(mocka.url, {"Host": host}).status == 400
    assert "Traceback" not in str(mocka.log[before:])
