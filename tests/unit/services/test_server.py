"""What gunicorn is told."""

import pytest

from services.server import Server, graceful_timeout
from services.settings import Settings

ENVOYS_IDLE_TIMEOUT = 3600


def test_idle_connections_outlive_the_proxys() -> None:
    assert Server(Settings()).cfg.keepalive > ENVOYS_IDLE_TIMEOUT


def test_stray_variables_decide_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "1")
    monkeypatch.setenv("WEB_CONCURRENCY", "7")
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--workers 7")
    cfg = Server(Settings(host="127.0.0.1", port=8001, threads=3)).cfg
    assert (cfg.address, cfg.workers, cfg.threads) == ([("127.0.0.1", 8001)], 1, 3)


def test_an_ipv6_address_is_bound_as_one() -> None:
    assert Server(Settings(host="::")).cfg.address == [("::", 8000)]


def test_stopping_leaves_time_for_the_drain_and_the_slowest_request() -> None:
    assert graceful_timeout(Settings(drain=5, upstream_timeout=5)) == 5 + 2 * 5 + 3
    assert graceful_timeout(Settings(drain=0, upstream_timeout=0.2)) == 4
