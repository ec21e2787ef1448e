"""Gunicorn's settings, and the start of the service."""

import gc
import logging
import os
import socket
import struct
from pathlib import Path

import pytest
from gunicorn.config import Config  # type: ignore[import-untyped]

from services.__main__ import Server, listener
from services.faults import Fault
from services.settings import Settings, SettingsError
from services.telemetry import LANES_LOST

MEMORY = "/dev/shm"  # noqa: S108


@pytest.mark.parametrize("writable", [True, False])
def test_what_gunicorn_is_told_beside_its_defaults(
    writable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *asked: writable and asked == (MEMORY, os.W_OK))
    defaults, told = Config().settings, Server(Settings(threads=4, log_level="warning")).cfg
    values = {name: setting.get() for name, setting in told.settings.items()}
    assert {
        name: value
        for name, value in values.items()
        if value != defaults[name].get() and not callable(value)
    } == {
        "worker_class": "gthread",
        "threads": 4 + 32,
        "keepalive": 3660,
        "graceful_timeout": 5 + 5 + 4,
        "limit_request_line": 0,
        "limit_request_field_size": 61_440,
        "limit_request_fields": 1000,
        "forwarded_allow_ips": [],
        "forwarder_headers": [],
        "preload_app": True,
        "errorlog": os.devnull,
        "loglevel": "warning",
        "control_socket_disable": True,
        **({"worker_tmp_dir": MEMORY} if writable else {}),
    }


def test_what_the_master_loaded_stays_shared_with_its_worker() -> None:
    Server(Settings()).cfg.pre_fork(None, None)
    frozen = gc.get_freeze_count()
    gc.unfreeze()
    assert frozen


@pytest.mark.parametrize(
    ("rate", "passes", "logged"),
    [
        (0, True, []),
        (1, True, [("WARNING", "faults on purpose: delay=0&status=500&rate=1")]),
        (0, False, [("ERROR", LANES_LOST)]),
    ],
)
def test_what_is_wrong_with_answers_is_logged_at_the_start(
    rate: float,
    passes: bool,
    logged: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(logging.getLogger("gunicorn.error"), "propagate", False)
    monkeypatch.setattr("services.telemetry.baggage_passes", {"x-lane": passes}.get)
    server = Server(Settings(fault_rate=rate, lane_header="x-lane"))
    server.load()
    assert [(each.levelname, each.message) for each in caplog.records] == logged
    assert server.management.warning == ("" if passes else LANES_LOST)


def test_the_fault_begins_as_the_settings_say() -> None:
    fault = Fault(delay=(20, 200), status=503, rate=0.5)
    server = Server(Settings(fault_delay=(20, 200), fault_status=503, fault_rate=0.5))
    assert server.management.fault == fault


def test_an_ipv6_address_is_bound_as_one_and_takes_both_kinds() -> None:
    with listener("port", "::", 0) as bound:
        port = bound.getsockname()[1]
        for address in ("::1", "127.0.0.1"):
            socket.create_connection((address, port)).close()


def test_many_connections_may_wait_to_be_accepted() -> None:
    with listener("port", "127.0.0.1", 0) as bound:
        info = bound.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    (backlog,) = struct.unpack_from("I", info, 28)  # what `tcpi_sacked` means of a listener
    assert backlog == min(2048, int(Path("/proc/sys/net/core/somaxconn").read_text()))


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
