"""The client's limits to the byte, and the ways to connect."""

import socket
import ssl
from typing import Any, cast

import pytest

from lanes.running.address import free_port
from lanes.verification.http_client import (
    HttpClient,
    Limits,
    NoResponseError,
    Place,
    UnreachableError,
)
from tests.unit.lanes.hostile_server import OK, Behavior, endless, says, served, stays


def place(url: str) -> Place:
    return Place("127.0.0.1", int(url.rstrip("/").rpartition(":")[2]))


def asked(behavior: Behavior, limits: Limits) -> str:
    """Return the size of the response's body, or why there is no response."""
    with served(behavior) as url:
        client = HttpClient(place(url), limits)
        try:
            return str(len(client.request("GET", "/", {"Host": "a"}).body))
        except NoResponseError as reason:
            return str(reason)


def body(size: int) -> Behavior:
    return says(OK, b"Content-Length: %d\r\n\r\n" % size, b"x" * size)


UNFINISHED = OK + b"X-A: "


@pytest.mark.parametrize(
    ("behavior", "limits", "found"),
    [
        (body(1 << 20), Limits(), str(1 << 20)),
        (body((1 << 20) + 1), Limits(), "it is larger than 1,024 KiB"),
        (body(99), Limits(body=99), "99"),
        (body(100), Limits(body=99), "it is larger than 99 bytes"),
        (body(2_000), Limits(body=1_023), "it is larger than 1023 bytes"),
        (body(2_000), Limits(body=1_024), "it is larger than 1 KiB"),
        (stays(UNFINISHED.ljust(999, b"x")), Limits(head=999), "its head is larger than 999 bytes"),
        (stays(UNFINISHED.ljust(1 << 16, b"x")), Limits(), "its head is larger than 64 KiB"),
        (
            stays(UNFINISHED.ljust(998, b"x")),
            Limits(seconds=0.1, head=999),
            "it took longer than 0.1 s",
        ),
        # What comes at once is known to be too large before it is taken apart.
        (endless(UNFINISHED, b"x"), Limits(head=999), "its head is larger than 999 bytes"),
    ],
)
def test_a_response_keeps_to_its_limits_to_the_byte(
    behavior: Behavior, limits: Limits, found: str
) -> None:
    assert asked(behavior, limits) == found


def test_a_request_has_10_s_by_default() -> None:
    assert Limits().seconds == 10


class Distrustful:
    """TLS that accepts no certificate, with this code of OpenSSL."""

    def __init__(self, code: int) -> None:
        self._code = code

    def wrap_socket(self, *_: Any, **__: Any) -> ssl.SSLSocket:
        error = ssl.SSLCertVerificationError()
        error.verify_code, error.verify_message = self._code, "no such trust."
        raise error


@pytest.mark.parametrize(("code", "hint"), [(17, False), (18, True), (21, True), (22, False)])
def test_errors_about_untrusted_authorities_name_the_option(code: int, hint: bool) -> None:
    """Only if the chain ends at no trusted authority, not if a certificate is wrong."""
    with served(says()) as url:
        where = place(url)
        tls = cast(ssl.SSLContext, Distrustful(code))
        client = HttpClient(Place(where.host, where.port, tls, "shop.example"), Limits())
        with pytest.raises(UnreachableError) as caught:
            client.request("GET", "/", {"Host": "a"})
    assert str(caught.value) == f"no such trust{'; --ca may name its authority' if hint else ''}"


def test_each_address_of_a_host_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def at(*ports: int) -> None:
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))
            for port in ports
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    def refused() -> str:
        with pytest.raises(UnreachableError) as caught:
            client.request("GET", "/", {"Host": "a"})
        return str(caught.value)

    client = HttpClient(Place("shop.example", 80), Limits())
    with served(body(3)) as url:
        port = place(url).port
        for ports in ((port,), (free_port(), port), (port, free_port())):
            at(*ports)
            assert client.request("GET", "/", {"Host": "a"}).body == b"xxx"
    at(free_port(), free_port())
    assert refused() == "Connection refused"
    at()
    assert refused() == "it has no address"


def test_a_connection_has_a_time_limit_and_sends_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connected: list[socket.socket] = []
    limits: list[float] = []

    class Noted(socket.socket):
        def connect(self, address: Any) -> None:
            limits.append(self.gettimeout() or 0)
            super().connect(address)
            connected.append(self)

    monkeypatch.setattr(socket, "socket", Noted)
    with served(stays(OK + b"Content-Length: 0\r\n\r\n")) as url:
        client = HttpClient(place(url), Limits())
        client.request("GET", "/", {"Host": "a"})
        (one,) = connected
        assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        one.close()
    assert all(0 < seconds <= Limits().seconds for seconds in limits)
