"""What gunicorn is told."""

from services.server import Server, graceful_timeout
from services.settings import Settings

ENVOYS_IDLE_TIMEOUT = 3600


def test_idle_connections_outlive_the_proxys() -> None:
    assert Server(Settings()).cfg.keepalive > ENVOYS_IDLE_TIMEOUT


def test_an_ipv6_address_is_bound_as_one() -> None:
    assert Server(Settings(host="::")).cfg.address == [("::", 8000)]


def test_stopping_leaves_time_for_the_drain_and_the_slowest_request() -> None:
    assert graceful_timeout(Settings(drain=5, upstream_timeout=5)) == 5 + 2 * 5 + 3
    assert graceful_timeout(Settings(drain=0, upstream_timeout=0.2)) == 4
