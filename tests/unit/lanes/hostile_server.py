"""A server that is no good: what it does to a connection is said by a test, byte by byte."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain, repeat

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

Behavior = Callable[[socket.socket], None]
"""What the server does after a request, before it closes the connection."""


@contextmanager
def served(behavior: Behavior, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Yield the URL of a server on loopback that treats every connection so."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.02)
        threads: list[threading.Thread] = []

        def serve(plain: socket.socket) -> None:
            with suppress(OSError), plain:
                plain.settimeout(5)
                if tls is None:
                    plain.recv(65_536)
                    behavior(plain)
                else:
                    with tls.wrap_socket(plain, server_side=True) as secured:
                        secured.recv(65_536)
                        behavior(secured)

        def accept() -> None:
            while not over.is_set():
                with suppress(TimeoutError):
                    connection, _ = listener.accept()
                    threads.append(threading.Thread(target=serve, args=(connection,)))
                    threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield f"http{'s' if tls else ''}://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            over.set()
            accepting.join()
            for thread in threads:
                thread.join()


def says(*parts: bytes) -> Behavior:
    """Send the parts, and close the connection."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(b"".join(parts))

    return behave


def stays(*parts: bytes) -> Behavior:
    """Send the parts, and keep the connection until the client closes it."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(b"".join(parts))
        while connection.recv(65_536):
            pass

    return behave


def endless(begin: bytes, again: bytes) -> Behavior:
    """Send `begin`, and then `again` forever, as fast as possible."""
    block = again * max(1, 65_536 // len(again))

    def behave(connection: socket.socket) -> None:
        for part in chain([begin], repeat(block)):
            connection.sendall(part)

    return behave


def drips(begin: bytes, again: bytes, seconds: float = 0.02) -> Behavior:
    """Send `begin` at once, and then `again` forever, byte by byte."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(begin)
        gone = threading.Event()
        for byte in chain.from_iterable(repeat(again)):
            connection.sendall(bytes([byte]))
            gone.wait(seconds)

    return behave


def resets(begin: bytes) -> Behavior:
    """Send `begin`, and reset the connection."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(begin)
        linger = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    return behave
