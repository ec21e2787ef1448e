"""The process that serves: a worker of gunicorn's with a drain and without orphans."""

import os
import signal
import socket
from types import FrameType
from typing import Any
from wsgiref.types import StartResponse

from gunicorn.http.message import Request  # type: ignore[import-untyped]

from services.intake import Connection, Intake
from services.journey import ARRIVED
from services.management import Management

# A client that does not read an answer holds a thread no longer.
SEND_SECONDS = 10.0
HAS_BODY = ("CONTENT-LENGTH", "TRANSFER-ENCODING")


class Worker(Intake):
    """Stops in the order that a mesh needs: unready, then no new requests, then gone.

    ``self.app`` is the ``services.server.Server`` that started it.
    """

    def run(self) -> None:
        """Answer probes from a thread of their own, and serve."""
        Management(self.app).start()
        super().run()

    def load_wsgi(self) -> None:
        """Tell the application when each request arrived, which may be long before its turn."""
        super().load_wsgi()
        application: Any = self.wsgi  # type: ignore[has-type]

        def timed(environ: dict[str, Any], start_response: StartResponse) -> Any:
            environ[ARRIVED] = environ["gunicorn.socket"].arrived
            return application(environ, start_response)

        self.wsgi = timed

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """On SIGTERM: keep serving for the drain, so that callers have time to look elsewhere."""
        if self.app.draining:
            return
        self.app.draining = True
        # Answers from now on close their connection, so that callers do not come back on it.
        self.cfg.set("keepalive", 0)
        if self.app.settings.drain == 0:
            super().handle_exit(sig, frame)
            return
        # An alarm and not a timer thread: a signal handler must not wait for locks.
        signal.signal(signal.SIGALRM, super().handle_exit)
        signal.setitimer(signal.ITIMER_REAL, self.app.settings.drain)

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """On SIGINT or SIGQUIT: end at once. Gunicorn's own handler waits for the lock of a pool
        whose owner it may have interrupted.
        """
        os._exit(0)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Refuse connections once stopping: a caller tries again elsewhere when it is refused,
        but not when its connection waits in the backlog and is reset at the end.
        """
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            for listener in self.sockets:
                listener.close()

    def handle_request(self, req: Request, conn: Connection) -> bool:
        """Send each answer whole. Gunicorn sends the headers first, and a pod that dies before
        the body leaves an answer that has begun, which a proxy can't ask another pod for.
        """
        if any(name in HAS_BODY and value != "0" for name, value in req.headers):
            # Nobody reads a body here, so where the next request begins is not known.
            req.force_close()
        connection = conn.sock
        conn.sock = answer = _Answer(connection, conn.arrived)
        try:
            keep: bool = super().handle_request(req, conn)
        finally:
            conn.sock = connection
        try:
            connection.settimeout(SEND_SECONDS)
            connection.sendall(answer.sent)
        except TimeoutError:
            return False
        return keep

    def notify(self) -> None:
        """Called every second, draining or not: end at once when the master has been killed."""
        if os.getppid() != self.ppid:
            os._exit(1)
        super().notify()


class _Answer:
    """A connection to gunicorn, which collects in ``sent`` what is sent of an answer.

    ``arrived`` is when the request did, in monotonic seconds.
    """

    def __init__(self, connection: socket.socket, arrived: float) -> None:
        self.sent = bytearray()
        self.arrived = arrived
        self._connection = connection

    def sendall(self, data: bytes) -> None:
        self.sent += data

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)
