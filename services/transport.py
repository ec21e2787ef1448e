"""Calls that end in time: ``requests`` with one limit for a whole call, however its parts dawdle.

Its own timeout is for connecting and then for each read, so an upstream that sends a byte now and
then holds its caller for good.
"""

import socket
import ssl
import time
from types import TracebackType
from typing import Any, Self

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import ReadTimeoutError
from urllib3.response import BaseHTTPResponse
from urllib3.util.retry import Retry
from urllib3.util.ssl_ import create_urllib3_context


class Until(Timeout):
    """What is left until ``ends`` (monotonic seconds), for a call and its retry together."""

    def __init__(self, ends: float) -> None:
        super().__init__()
        self._ends = ends

    @property
    def _left(self) -> float:
        return max(0.001, self._ends - time.monotonic())

    @property
    def connect_timeout(self) -> float:
        """Seconds for connecting. The system's resolver, before that, has limits of its own."""
        return self._left

    @property
    def read_timeout(self) -> float:
        """Seconds for all of the answer: see ``Whole``."""
        return self._left

    def start_connect(self) -> float:
        """The clock runs already."""
        return time.monotonic()

    def clone(self) -> Self:
        """The same: a retry gets no time of its own."""
        return self


class Whole:
    """A socket whose timeout is for all that is received until another is set."""

    _ends: float | None = None

    def settimeout(self, seconds: float | None) -> None:
        self._ends = None if seconds is None else time.monotonic() + seconds
        super().settimeout(seconds)  # type: ignore[misc]

    def recv_into(self, *arguments: Any) -> int:
        if self._ends is not None:
            left = self._ends - time.monotonic()
            if left <= 0:
                raise TimeoutError
            super().settimeout(left)  # type: ignore[misc]
        received: int = super().recv_into(*arguments)  # type: ignore[misc]
        return received


class WholeSocket(Whole, socket.socket):
    """That of http."""


class WholeTLSSocket(Whole, ssl.SSLSocket):
    """That of https."""


class Connection(HTTPConnection):
    """Connects a ``WholeSocket``."""

    def _new_conn(self) -> socket.socket:
        return WholeSocket(fileno=super()._new_conn().detach())


class Pool(HTTPConnectionPool):
    """Connections for http."""

    ConnectionCls = Connection


class TLSConnection(HTTPSConnection):
    """Where a proxy is asked for a tunnel, its answer has no more time than the rest."""

    _new_conn = Connection._new_conn


class TLSPool(HTTPSConnectionPool):
    """Connections for https."""

    ConnectionCls = TLSConnection


class RetryClosedConnection(Retry):
    """Repeats a GET once when its connection breaks, as a pooled one does when the peer closes
    it in the moment of use. An upstream that is merely slow is not asked twice, nor one that
    says when to come again.
    """

    def __init__(self, **options: Any) -> None:
        once = {"total": 1, "connect": 0, "read": 1, "redirect": 0, "status": 0, "other": 0}
        own = {"allowed_methods": {"GET"}, "respect_retry_after_header": False}
        super().__init__(**{**own, **once, **options})

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        """Count one failed attempt; raises ``error`` when there is to be no other."""
        if isinstance(error, ReadTimeoutError):
            raise error
        return super().increment(method, url, response, error, _pool, _stacktrace)


class Adapter(HTTPAdapter):
    """Where ``requests`` gets its connections from, directly and by a proxy."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_retries=RetryClosedConnection(), **options)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, ssl_context=_context(), **options)
        _use_ours(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, ssl_context=_context(), **options)
        if not known:
            _use_ours(manager)
        return manager


def _use_ours(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": Pool, "https": TLSPool}


def _context() -> ssl.SSLContext:
    context = create_urllib3_context()
    context.sslsocket_class = WholeTLSSocket
    return context
