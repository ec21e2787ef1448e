"""The process that serves: gunicorn's threaded worker with a drain and without orphans."""

import os
import signal
from types import FrameType

from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]


class Worker(ThreadWorker):  # type: ignore[misc]
    """Stops in the order that a mesh needs: unready, then no new requests, then gone.

    ``self.app`` is the ``services.server.Server`` that started it.
    """

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

    def notify(self) -> None:
        """Called every second, draining or not: end at once when the master has been killed."""
        if os.getppid() != self.ppid:
            os._exit(1)
        super().notify()
