"""What gunicorn is told."""

import socket

import pytest

from services.__main__ import Server, listener
from services.settings import Settings, SettingsError

ENVOYS_IDLE_TIMEOUT = 3600


def test_idle_connections_outlive_the_proxys() -> None:
    assert Server(Settings()).cfg.keepalive > ENVOYS_IDLE_TIMEOUT


def test_an_ipv6_address_is_bound_as_one_and_takes_both_kinds() -> None:
    with listener("port", "::", 0) as bound:
        port = bound.getsockname()[1]
        for address in ("::1", "127.0.0.1"):
            socket.create_connection((address, port)).close()


@pytest.mark.parametrize(
    ("host", "why"),
    [("127.0.0.1", "Address already in use"), ("192.0.2.7", "Cannot assign requested address")],
)
def test_an_address_that_cannot_be_had_is_said(host: str, why: str) -> None:
    with listener("port", "127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError) as caught:
            listener("port", host, port)
    assert caught.value.args == (f"port={port}: {host} can't be listened on: {why}",)


def test_stopping_leaves_time_for_the_drain_and_the_slowest_request() -> None:
    assert Server(Settings(drain=5, upstream_timeout=5)).cfg.graceful_timeout == 5 + 5 + 4
    assert Server(Settings(drain=0, upstream_timeout=0.2)).cfg.graceful_timeout == 4
