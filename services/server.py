"""Gunicorn, configured for one container behind a proxy."""

import logging
import math
import os
import socket
from pathlib import Path

import flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from services import propagation
from services.app import create_app
from services.fault import NONE, Faults
from services.intake import KEEPALIVE, WAITING_SECONDS, most_connections
from services.metrics import Metrics
from services.settings import Settings, SettingsError
from services.worker import Worker

log = logging.getLogger(__name__)

LANES_LOST = (
    "baggage propagation is not active: lanes are lost at this hop; "
    "start it under OpenTelemetry auto-instrumentation with the flask and requests "
    "instrumentations and the baggage propagator"
)


class ServerLogger(Logger):  # type: ignore[misc]
    """Gunicorn's own messages, through the root logger as JSON lines. No access log."""

    def __init__(self, cfg: object) -> None:
        super().__init__(cfg)
        self.error_log.propagate = True


class Server(BaseApplication):  # type: ignore[misc]
    """One master that holds the ports, one worker with threads that serves.

    ``management`` is the socket of the management port, once it runs.
    """

    management: socket.socket

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.draining = False
        self.warning = ""
        self.metrics = Metrics(settings.app, settings.version)
        self.faults = Faults(settings.fault)
        super().__init__()

    def run(self) -> None:
        """Serve until told to stop. Raises SettingsError when a port can't be listened on."""
        requests = listener("port", self.settings.host, self.settings.port)
        port = self.settings.management_port
        self.management = listener("management_port", self.settings.host, port)
        # Bound already, for gunicorn tries an address that can't be had again and again.
        self.cfg.set("bind", f"fd://{requests.detach()}")
        super().run()

    def load_config(self) -> None:
        """Every option that matters, so that no WEB_CONCURRENCY or PORT decides instead."""
        shared_memory = Path("/dev/shm")  # noqa: S108 - gunicorn makes its own file, unlinked
        options = {
            "worker_class": Worker,
            "workers": 1,
            "threads": self.settings.threads,
            # Never reached: the worker makes room before.
            "worker_connections": most_connections(self.settings.threads) + 1,
            "keepalive": KEEPALIVE,
            "graceful_timeout": graceful_timeout(self.settings),
            # Past the worker, which collects each answer.
            "sendfile": False,
            # As much as Envoy lets through (60 KiB): what it passed on must not fail here.
            "limit_request_field_size": 61_440,
            # Loaded once, before listening: a worker that dies is back without a start-up.
            "preload_app": True,
            "logger_class": ServerLogger,
            "errorlog": None,
            "loglevel": self.settings.log_level,
            "control_socket_disable": True,
            # The heartbeat's file: in memory, and not on a root file system that is read-only.
            "worker_tmp_dir": str(shared_memory) if os.access(shared_memory, os.W_OK) else None,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> flask.Flask:
        """The WSGI application. Whether lanes pass is tried once, here."""
        app = create_app(self.settings, self.metrics, self.faults)
        if self.settings.fault != NONE:
            log.warning("faults on purpose: %s", self.settings.fault)
        if not propagation.is_active(app, self.settings.lane_header):
            self.warning = LANES_LOST
            log.error(LANES_LOST)
        return app


def graceful_timeout(settings: Settings) -> int:
    """Seconds from SIGTERM until what still runs is killed: the drain, then the slowest request,
    which first waited for a thread, then gunicorn's two seconds for idle connections and one spare.
    """
    return math.ceil(settings.drain + WAITING_SECONDS + settings.upstream_timeout + 3)


def listener(variable: str, host: str, port: int) -> socket.socket:
    """A socket that listens. Raises SettingsError, which names ``variable``, where none can."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(2048)
    except OSError as error:
        bound.close()
        why = f"{variable}={port}: {host} can't be listened on: {error.strerror}"
        raise SettingsError((why,)) from None
    return bound
