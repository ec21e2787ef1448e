"""The management port, in this process."""

from http import HTTPStatus

import pytest

from services.faults import NONE, Fault
from services.management import Management, Metrics

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
    assert "http_requests_refused_total 0.0" in body


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
