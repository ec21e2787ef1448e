"""The management port, in this process."""

import socket
from http import HTTPStatus
from types import SimpleNamespace

import pytest

from services.management import Management
from services.metrics import Metrics


def answer(request: str, *, draining: bool = False, warning: str = "") -> tuple[int, str, str]:
    state = SimpleNamespace(
        draining=draining,
        warning=warning,
        metrics=Metrics("mocka", "v2"),
        management=socket.socket(),
    )
    with state.management:
        status, body, kind = Management(state).answer(f"{request}\r\n\r\n".encode())
    return status, body.decode(), kind


@pytest.mark.parametrize(
    ("request_line", "status", "body"),
    [
        ("GET /healthz HTTP/1.1", 200, "alive\n"),
        ("GET /readyz?verbose HTTP/1.1", 200, "ready\n"),
        ("GET / HTTP/1.1", 404, "there are /healthz, /readyz and /metrics\n"),
        ("POST /healthz HTTP/1.1", 405, "only GET is answered\n"),
        ("\x16\x03\x01", 405, "only GET is answered\n"),
    ],
)
def test_answers(request_line: str, status: int, body: str) -> None:
    assert answer(request_line)[:2] == (status, body)


def test_draining_is_unready_but_alive() -> None:
    ready = answer("GET /readyz HTTP/1.1", draining=True)
    assert ready[:2] == (HTTPStatus.SERVICE_UNAVAILABLE, "draining\n")
    assert answer("GET /healthz HTTP/1.1", draining=True)[0] == HTTPStatus.OK


def test_lost_lanes_are_a_warning() -> None:
    ready = answer("GET /readyz HTTP/1.1", warning="lanes are lost")
    assert ready[:2] == (HTTPStatus.OK, "ready\nwarning: lanes are lost\n")


def test_metrics_are_in_prometheus_text_format() -> None:
    status, body, kind = answer("GET /metrics HTTP/1.1")
    assert (status, kind) == (HTTPStatus.OK, "text/plain; version=0.0.4; charset=utf-8")
    assert 'service_info{app="mocka",version="v2"} 1.0' in body
    assert "http_requests_refused_total 0.0" in body
