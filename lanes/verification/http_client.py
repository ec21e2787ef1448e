"""An HTTP/1.1 client that trusts no server: it bounds each request's time and size."""

import select
import socket
import ssl
import time
import weakref
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import h11

# OpenSSL's codes for a chain of certificates that ends at no trusted authority.
_UNTRUSTED = range(18, 22)
_RECEIVE_BYTES = 65_536


@dataclass(frozen=True)
class Limits:
    """What one request may take: `seconds` from its start to the body's end, `head` bytes of all
    heads together, and `body` bytes of the body.
    """

    seconds: float = 10.0
    head: int = 64 * 1024
    body: int = 1024 * 1024


@dataclass(frozen=True)
class Place:
    """Where to connect. `tls` None: without TLS. `name`: the host of the server's certificate."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    name: str | None = None


@dataclass(frozen=True)
class Response:
    """A whole response. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NoResponseError(Exception):
    """Why a request has no response, in words that can follow a colon."""


class _ClosedError(NoResponseError):
    """The server closed the connection before any of the response came."""

    def __init__(self) -> None:
        super().__init__("the connection was closed without an answer")


class UnreachableError(NoResponseError):
    """There is no connection, so no request was sent."""


class HttpClient:
    """Sends requests to one place over kept connections, from any number of threads.

    It accepts no compression, and follows no redirect. The limits do not bound the lookup of a
    name: the machine's resolver has its own.
    """

    def __init__(self, place: Place, limits: Limits) -> None:
        self._place, self._limits = place, limits
        self._idle: deque[_Connection] = deque()
        weakref.finalize(self, _close, self._idle)

    def request(self, method: str, target: str, headers: Mapping[str, str]) -> Response:
        """Send a request without a body.

        Raises NoResponseError if no whole response comes that keeps to HTTP/1.1 and the limits, and
        if the request is malformed.
        """
        deadline = _Deadline(time.monotonic() + self._limits.seconds)
        encoded = [(_bytes(name), _bytes(value).strip()) for name, value in headers.items()]
        try:
            request = h11.Request(method=_bytes(method), target=_bytes(target), headers=encoded)
        except h11.LocalProtocolError as error:
            raise NoResponseError(f"the request cannot be sent: {error}") from None
        kept = self._kept()
        if kept is not None:
            with suppress(_ClosedError):  # the server closed the idle connection just now
                return self._exchange(kept, request, deadline)
        sock = _connected(self._place, deadline, self._limits)
        return self._exchange(_Connection(sock, self._limits), request, deadline)

    def _exchange(
        self, connection: "_Connection", request: h11.Request, deadline: "_Deadline"
    ) -> Response:
        try:
            response = connection.exchange(request, deadline)
        except h11.LocalProtocolError as error:
            raise NoResponseError(f"the request cannot be sent: {error}") from None
        finally:
            if connection.reusable:
                self._idle.append(connection)
            else:
                connection.close()
        encoding = response.headers.get("content-encoding", "identity")
        if encoding.strip().lower() != "identity":
            raise NoResponseError(f"it is encoded as {encoding}, which the request did not accept")
        return response

    def _kept(self) -> "_Connection | None":
        """Return an idle connection that is still open; None for none."""
        with suppress(IndexError):  # another thread may take the last connection
            while True:
                connection = self._idle.pop()
                if connection.silent:
                    return connection
                connection.close()
        return None


def _close(connections: "Iterable[_Connection]") -> None:
    for connection in connections:
        connection.close()


@dataclass(frozen=True)
class _Deadline:
    """The end of a request's time, by the monotonic clock."""

    at: float

    def left(self) -> float:
        """Return the seconds left. Raises TimeoutError if none are."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Connection:
    """One connection and its HTTP state. `reusable`: another request can follow the last."""

    def __init__(self, sock: socket.socket, limits: Limits) -> None:
        self.reusable = False
        self._socket, self._limits = sock, limits
        most = limits.head + _RECEIVE_BYTES  # `exchange` finds a head that is too large first
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=most)

    @property
    def silent(self) -> bool:
        """Whether nothing came since the last response: neither the connection's end nor data."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        self._socket.close()

    def exchange(self, request: h11.Request, deadline: _Deadline) -> Response:
        """Send the request and receive its response.

        Raises NoResponseError if no whole response comes, and h11's LocalProtocolError if the
        request is malformed.
        """
        self.reusable = False
        head: h11.Response | None = None
        body = bytearray()
        received, ended = 0, False
        try:
            self._send(request, deadline)
            while True:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    if head is None and received >= self._limits.head:
                        raise NoResponseError(f"its head is larger than {_size(self._limits.head)}")
                    self._socket.settimeout(deadline.left())
                    data = self._socket.recv(_RECEIVE_BYTES)
                    received, ended = received + len(data), not data
                    self._http.receive_data(data)
                elif isinstance(event, h11.Response):
                    head = event
                elif isinstance(event, h11.Data):
                    body += event.data
                    if len(body) > self._limits.body:
                        raise NoResponseError(f"it is larger than {_size(self._limits.body)}")
                elif isinstance(event, h11.EndOfMessage) and head is not None:
                    self._begin_again()
                    return Response(head.status_code, _headers(head), bytes(body))
                elif not isinstance(event, h11.InformationalResponse):
                    raise NoResponseError("it goes on in another protocol")
        except TimeoutError:
            raise NoResponseError(_late(self._limits, begun=head is not None)) from None
        except h11.RemoteProtocolError:
            if ended:
                raise _cut(begun=received > 0) from None
            clear = head is None and not isinstance(self._socket, ssl.SSLSocket)
            raise NoResponseError(
                f"it breaks HTTP/1.1{'. Is the URL https://?' if clear else ''}"
            ) from None
        except OSError:
            raise _cut(begun=received > 0) from None

    def _send(self, request: h11.Request, deadline: _Deadline) -> None:
        data = (self._http.send(part) or b"" for part in (request, h11.EndOfMessage()))
        whole = b"".join(data)
        self._socket.settimeout(deadline.left())
        self._socket.sendall(whole)

    def _begin_again(self) -> None:
        """Make the connection reusable, if both sides are done and no more data came."""
        ready = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        if ready and self._http.trailing_data == (b"", False):
            self._http.start_next_cycle()
            self.reusable = True


def _connected(place: Place, deadline: _Deadline, limits: Limits) -> socket.socket:
    """Return a connected socket, with TLS if the place has it. Raises UnreachableError."""
    try:
        sock = _first(place, deadline)
        return sock if place.tls is None else _secured(sock, place.tls, place.name, deadline)
    except TimeoutError:
        raise UnreachableError(_late(limits, begun=False)) from None
    except ssl.SSLCertVerificationError as error:
        hint = "; --ca may name its authority" if error.verify_code in _UNTRUSTED else ""
        raise UnreachableError(f"{error.verify_message.rstrip('.')}{hint}") from None
    except ssl.SSLError:
        raise UnreachableError("it does not speak TLS. Is the URL http://?") from None
    except ConnectionResetError:
        raise UnreachableError(str(_ClosedError())) from None
    except OSError as error:
        raise UnreachableError(error.strerror or str(error)) from None


def _first(place: Place, deadline: _Deadline) -> socket.socket:
    """Connect to the first of the host's addresses that accepts. Raises OSError."""
    failure: OSError = OSError("it has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(
        place.host, place.port, type=socket.SOCK_STREAM
    ):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(deadline.left())
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError as error:
            sock.close()
            failure = error
    raise failure


def _secured(
    sock: socket.socket, tls: ssl.SSLContext, name: str | None, deadline: _Deadline
) -> socket.socket:
    """Return the socket with TLS. Its time limit holds for the whole handshake."""
    try:
        sock.settimeout(deadline.left())
        return tls.wrap_socket(sock, server_hostname=name)
    except BaseException:
        sock.close()
        raise


def _headers(head: h11.Response) -> dict[str, str]:
    """Return the headers by name. Several headers of one name are joined by commas."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in head.headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _late(limits: Limits, begun: bool) -> str:
    return f"it {'did not end within' if begun else 'took longer than'} {limits.seconds:g} s"


def _cut(begun: bool) -> NoResponseError:
    return NoResponseError("it began and was cut off") if begun else _ClosedError()


def _size(count: int) -> str:
    return f"{count // 1024:,} KiB" if count >= 1024 else f"{count} bytes"
