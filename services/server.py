"""Gunicorn: its options, and the hook by which a worker drains as a mesh needs."""

import asyncio
import logging
import math
import os
import signal
import socket
import threading

import flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]

from services import telemetry
from services.app import create_app
from services.faults import NONE
from services.management import Management, State
from services.metrics import Metrics
from services.settings import Settings, SettingsError

log = logging.getLogger(__name__)

LANES_LOST = (
    "baggage propagation is not active: lanes are lost at this hop; "
    "start it under OpenTelemetry auto-instrumentation with the flask and requests "
    "instrumentations and the baggage propagator"
)
# Threads that refuse what is too much, and wait for connections that send nothing yet.
SPARE_THREADS = 32
# Seconds. Envoy closes idle connections after an hour; the side that accepts must be the later one,
# or it closes a connection at the moment of use and a request is answered 503.
KEEPALIVE = 3660


class Server(BaseApplication):  # type: ignore[misc]
    """One master that holds the ports, one worker with threads that serves.

    A custom application, as https://docs.gunicorn.org/en/stable/custom.html describes it.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.state = State(settings.fault)
        self.metrics = Metrics(settings.app, settings.version)
        super().__init__()

    def run(self) -> None:
        """Serve until told to stop. Raises SettingsError when a port can't be listened on."""
        host = self.settings.host
        requests = listener("port", host, self.settings.port)
        self.management = listener("management_port", host, self.settings.management_port)
        # Bound already, for gunicorn tries an address that can't be had again and again.
        self.cfg.set("bind", f"fd://{requests.detach()}")
        super().run()

    def load_config(self) -> None:
        """Set every option that matters, so that no WEB_CONCURRENCY or PORT decides instead."""
        memory = "/dev/shm"  # noqa: S108 - gunicorn makes its own file, unlinked
        options = {
            "worker_class": "gthread",
            "workers": 1,
            "threads": self.settings.threads + SPARE_THREADS,
            "keepalive": KEEPALIVE,
            "graceful_timeout": graceful_timeout(self.settings),
            # Envoy lets 60 KiB through: what it passed on must not fail here. 0 is no limit.
            "limit_request_line": 0,
            "limit_request_field_size": 61_440,
            "limit_request_fields": 1_000,
            # Nobody's SCRIPT_NAME or scheme is believed, also not a neighbor's on loopback.
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            # Loaded once, before listening: a worker that dies is back without a start-up.
            "preload_app": True,
            "on_starting": log_as_json,
            "post_worker_init": self.begin,
            "errorlog": os.devnull,
            "loglevel": self.settings.log_level,
            "control_socket_disable": True,
            # The heartbeat's file: in memory, and not on a root file system that is read-only.
            "worker_tmp_dir": memory if os.access(memory, os.W_OK) else None,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> flask.Flask:
        """Return the WSGI application. Whether lanes pass is tried once, here."""
        if self.settings.fault != NONE:
            log.warning("faults on purpose: %s", self.settings.fault)
        if not telemetry.baggage_passes(self.settings.lane_header):
            self.state.warning = LANES_LOST
            log.error(LANES_LOST)
        return create_app(self.settings, self.metrics, self.state)

    def begin(self, _worker: object) -> None:
        """Answer probes from a thread of their own, and decide what signals do to this worker."""
        management = Management(self.state, self.metrics, self.settings.fault_token)
        serve = management.serve(self.management)
        threading.Thread(target=asyncio.run, args=(serve,), name="management", daemon=True).start()
        stop = signal.getsignal(signal.SIGTERM)

        def drain(*_: object) -> None:
            """Keep serving for a while, unready, so that callers have time to look elsewhere."""
            if not self.state.draining:
                self.state.draining = True
                # Answers from now on close their connection: callers do not come back on it.
                self.cfg.set("keepalive", 0)
                # An alarm and not a timer thread: a signal handler must not wait for locks.
                signal.signal(signal.SIGALRM, stop)
                signal.setitimer(signal.ITIMER_REAL, max(self.settings.drain, 0.001))

        signal.signal(signal.SIGTERM, drain)
        for number in (signal.SIGINT, signal.SIGQUIT):
            # At once: gunicorn's own handler waits for a lock that it may have interrupted.
            signal.signal(number, lambda *_: os._exit(0))


def log_as_json(_arbiter: object) -> None:
    """Send gunicorn's own messages through the root logger."""
    logging.getLogger("gunicorn.error").propagate = True


def graceful_timeout(settings: Settings) -> int:
    """Return the seconds from SIGTERM until what still runs is killed: the drain, then the slowest
    request, then gunicorn's two seconds for idle connections and one to spare.
    """
    return math.ceil(settings.drain + settings.upstream_timeout + 3)


def listener(variable: str, host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises SettingsError, which names ``variable``, if none can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server(
            (host, port), family=family, backlog=2048, dualstack_ipv6=host == "::"
        )
    except OSError as error:
        why = f"{host} can't be listened on: {os.strerror(error.errno or 0)}"
        raise SettingsError((f"{variable}={port}: {why}",)) from None
