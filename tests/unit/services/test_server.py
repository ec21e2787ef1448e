"""What gunicorn is told."""

import os
import subprocess
import sys
from pathlib import Path

from services.server import Server, graceful_timeout
from services.settings import Settings

ENVOYS_IDLE_TIMEOUT = 3600


def test_idle_connections_outlive_the_proxys() -> None:
    assert Server(Settings()).cfg.keepalive > ENVOYS_IDLE_TIMEOUT


def test_stray_variables_decide_nothing(tmp_path: Path) -> None:
    # In a process of its own: gunicorn reads them while it is imported.
    code = """
from services.server import Server
from services.settings import Settings
cfg = Server(Settings(host="127.0.0.1", port=8001)).cfg
print(cfg.workers, cfg.address)
"""
    stray = {"PORT": "1", "WEB_CONCURRENCY": "7", "GUNICORN_CMD_ARGS": "--workers 7"}
    told = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], **stray},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert told.stdout == "1 [('127.0.0.1', 8001)]\n"


def test_an_ipv6_address_is_bound_as_one() -> None:
    assert Server(Settings(host="::")).cfg.address == [("::", 8000)]


def test_stopping_leaves_time_for_the_drain_and_the_slowest_request() -> None:
    assert graceful_timeout(Settings(drain=5, upstream_timeout=5)) == 5 + 2 * 5 + 3
    assert graceful_timeout(Settings(drain=0, upstream_timeout=0.2)) == 4
