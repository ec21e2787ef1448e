"""Many clients that misbehave at the gateway do not fail other requests."""

import socket
from collections.abc import Callable
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from lanes.running.runtime import RunningMesh
from tests.mesh.running import ask, failed, under_load

# More than the 448 threads of all the pods.
CLIENTS = 480
HEAD = b"Host: shop.example\r\n"


def half_a_head(client: socket.socket) -> None:
    client.sendall(b"GET / HTTP/1.1\r\n" + HEAD + b"x: ")


def half_a_body(client: socket.socket) -> None:
    client.sendall(b"POST / HTTP/1.1\r\n" + HEAD + b"Content-Length: 1000\r\n\r\nhalf")


def half_a_chunk(client: socket.socket) -> None:
    client.sendall(b"POST / HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nha")


def nothing_read(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    client.sendall(b"GET / HTTP/1.1\r\n" + HEAD + b"\r\n")


def idle(_: socket.socket) -> None:
    return


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.sendall(b"GET / HTTP/1.1\r\n" + HEAD + b"\r\n")
    client.close()


@pytest.mark.parametrize(
    "attack", [half_a_head, half_a_body, half_a_chunk, nothing_read, idle, reset]
)
def test_requests_of_other_clients_do_not_fail(
    attack: Callable[[socket.socket], None], mesh: RunningMesh
) -> None:
    url = urlsplit(mesh.url)
    with ExitStack() as clients:
        for number in range(CLIENTS):
            client = socket.create_connection((url.hostname, url.port), timeout=15)
            attack(clients.enter_context(client))
            if number % 10 == 0:  # no faster than the mesh answers: to be many is another attack
                answer, _ = ask(mesh)
                assert answer.status == 200, answer.text
        assert failed(list(under_load(mesh, 60))) == []


def test_an_incomplete_request_head_gets_408(mesh: RunningMesh) -> None:
    url = urlsplit(mesh.url)
    with socket.create_connection((url.hostname, url.port), timeout=20) as client:
        half_a_head(client)
        assert client.recv(4096).startswith(b"HTTP/1.1 408 Request Timeout\r\n")


def test_a_request_line_as_long_as_envoys_is_answered(mesh: RunningMesh) -> None:
    url = urlsplit(mesh.url)
    with socket.create_connection((url.hostname, url.port), timeout=20) as client:
        client.sendall(b"GET /" + b"x" * 60_000 + b" HTTP/1.1\r\n" + HEAD + b"\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")
