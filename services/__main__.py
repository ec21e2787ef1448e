"""``python -m services``: check the settings, instrument the process, and serve with gunicorn.

Exit codes: 0 after SIGTERM; 2 if a setting is unusable, with a line for each on standard error.
"""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import threading

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]

from services import logs, telemetry
from services.faults import NONE, Fault
from services.management import Management, Metrics
from services.settings import Settings, SettingsError

log = logging.getLogger(__name__)


class Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with one master, which holds the ports, and one worker, whose threads serve."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        instrumentation = telemetry.active_instrumentation()
        self.metrics = Metrics(settings.app, settings.version, instrumentation)
        delay, status, rate = settings.fault_delay, settings.fault_status, settings.fault_rate
        fault = Fault(delay=delay, status=status, rate=rate)
        self.management = Management(self.metrics, fault, settings.fault_token)
        super().__init__()

    def run(self) -> None:
        """Serve until stopped. Raises SettingsError if a port cannot be bound."""
        host = self.settings.host
        requests = listener("port", host, self.settings.port)
        self.probes = listener("management_port", host, self.settings.management_port)
        # Bound here because gunicorn retries a taken address for seconds.
        self.cfg.set("bind", f"fd://{requests.detach()}")
        super().run()

    def load_config(self) -> None:
        """Set every option that matters, so that WEB_CONCURRENCY and PORT have no effect."""
        settings, memory = self.settings, "/dev/shm"  # noqa: S108 - gunicorn's own file, unlinked
        options = {
            "worker_class": "gthread",
            "workers": 1,
            # The threads beyond `threads` answer 429 and wait for clients that send nothing.
            "threads": settings.threads + 32,
            # Envoy closes idle connections after an hour. The service must not close them first.
            "keepalive": 3660,
            # The drain, the slowest request, 2 s for idle connections, 2 s to spare.
            "graceful_timeout": int(settings.drain + settings.upstream_timeout) + 4,
            # Envoy accepts heads of 60 KiB. The service accepts them as well. 0 is no limit.
            "limit_request_line": 0,
            "limit_request_field_size": 61_440,
            "limit_request_fields": 1_000,
            # SCRIPT_NAME and the scheme are never taken from headers, not even from loopback.
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            # The master loads the application once, so a new worker starts at once.
            "preload_app": True,
            # Keeps the master's memory shared with its worker, as Python's `gc` docs advise.
            "pre_fork": lambda _server, _worker: gc.freeze(),
            "post_worker_init": self.begin,
            "errorlog": os.devnull,
            "loglevel": settings.log_level,
            "control_socket_disable": True,
            # The heartbeat file. The root file system may be read-only.
            "worker_tmp_dir": memory if os.access(memory, os.W_OK) else None,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> object:
        """Return the WSGI application, after one check that lanes pass through this service."""
        from services.app import create_app  # imports Flask, which is instrumented by now

        logging.getLogger("gunicorn.error").propagate = True  # to the JSON handler of the root
        if self.management.fault != NONE:
            log.warning("faults on purpose: %s", self.management.fault)
        log.info("OpenTelemetry's instrumentation: %s", self.metrics.instrumentation)
        if not telemetry.baggage_passes(self.settings.lane_header):
            self.management.warning = telemetry.LANES_LOST
            log.error(telemetry.LANES_LOST)
        return create_app(self.settings, self.metrics, self.management)

    def begin(self, _worker: object) -> None:
        """Install this worker's signal handlers, and answer probes in a separate thread."""
        gc.enable()
        stop = signal.getsignal(signal.SIGTERM)

        def drain(*_: object) -> None:
            """Become unready and keep serving, so that callers have time to choose another pod."""
            if not self.management.draining:
                self.management.draining = True
                self.cfg.set("keepalive", 0)  # answers close their connections from now on
                # An alarm, because a signal handler must not wait for a timer thread's locks.
                signal.signal(signal.SIGALRM, stop)
                signal.setitimer(signal.ITIMER_REAL, max(self.settings.drain, 0.001))

        signal.signal(signal.SIGTERM, drain)
        for number in (signal.SIGINT, signal.SIGQUIT):
            # Gunicorn's own handler waits for a lock that the signal may have interrupted.
            signal.signal(number, lambda *_: os._exit(0))
        # Last: a caller that sees the worker ready may send SIGTERM.
        serve = self.management.serve(self.probes)
        threading.Thread(target=asyncio.run, args=(serve,), daemon=True).start()


def listener(variable: str, host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises SettingsError, which names ``variable``, if it fails."""
    family, both = (socket.AF_INET6 if ":" in host else socket.AF_INET), host == "::"
    try:
        return socket.create_server((host, port), family=family, backlog=2048, dualstack_ipv6=both)
    except OSError as error:
        why = f"{host} can't be listened on: {os.strerror(error.errno or 0)}"
        raise SettingsError(f"{variable}={port}: {why}") from None


def main() -> None:
    """Serve until stopped. Exit with code 2 if a setting is unusable."""
    gc.disable()  # until the worker begins
    try:
        settings = Settings.from_environ(os.environ)
        logs.configure(settings.log_level)
        telemetry.start(settings.app, settings.lane_header)
        Server(settings).run()
    except SettingsError as error:
        print(*(f"services: {problem}" for problem in error.args), sep="\n", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
