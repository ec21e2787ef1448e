"""Gunicorn, configured for one container behind a proxy."""

import math
import os
from pathlib import Path

import flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from services.app import create_app
from services.settings import Settings
from services.worker import Worker

# Seconds. Envoy closes idle connections after an hour; the side that accepts must be the later
# one, or it closes a connection at the moment of use and a request is answered 503.
KEEPALIVE = 3660


class ServerLogger(Logger):  # type: ignore[misc]
    """Gunicorn's own messages, through the root logger as JSON lines. No access log."""

    def __init__(self, cfg: object) -> None:
        super().__init__(cfg)
        self.error_log.propagate = True


class Server(BaseApplication):  # type: ignore[misc]
    """One master that holds the port, one worker with threads that serves."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.draining = False
        super().__init__()

    def load_config(self) -> None:
        """Every option that matters, so that no WEB_CONCURRENCY or PORT decides instead."""
        shared_memory = Path("/dev/shm")  # noqa: S108 - gunicorn makes its own file, unlinked
        options = {
            "bind": _bind(self.settings),
            "worker_class": Worker,
            "workers": 1,
            "threads": self.settings.threads,
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
        """The WSGI application."""
        return create_app(self.settings, is_draining=lambda: self.draining)


def graceful_timeout(settings: Settings) -> int:
    """Seconds from SIGTERM until what still runs is killed: the drain, then the slowest request
    (a call and its one retry), then gunicorn's two seconds for idle connections and one spare.
    """
    return math.ceil(settings.drain + 2 * settings.upstream_timeout + 3)


def _bind(settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{host}:{settings.port}"
