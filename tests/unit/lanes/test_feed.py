"""The socket by which `lanes up` sends its calls to `lanes verify` and `lanes trace`."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lanes.evidence.calls import Call
from lanes.evidence.laptop import call_of, laptop, line_of, socket_name
from lanes.evidence.steps import Answer
from lanes.page.feed import Feed, serving
from lanes.planning.plan import plan
from lanes.running.address import free_port
from tests.kube import asm
from tests.unit.lanes.reading import addresses_of, mesh_of

TRACE = "0af7651916cd43dd8448eb211c80319c"
ASKED = Answer(200, "page", trace=TRACE)


@contextmanager
def fed(port: int) -> Iterator[tuple[Feed, dict[str, str]]]:
    """A feed of the sample, and its pods' addresses."""
    mesh = mesh_of(*asm())
    addresses = addresses_of(mesh)
    feed = Feed(mesh, plan(mesh), addresses)
    with serving(feed, port) as served:
        assert served
        yield feed, {key.partition("/")[2]: address for key, address in addresses.items()}


def line(to: str, **more: str) -> dict[str, object]:
    """A line of the gateway's log."""
    told = {"listener": "gateway", "route": "by weight", "at": "127.0.0.1", "to": f"{to}:8000"}
    told |= {"cluster": "outbound|8000|v2|mocka.default.svc.cluster.local else v1", "status": "200"}
    told |= {"authority": "x", "baggage": "version=v2", "agent": "", "trace": "", "began": "1.5"}
    told |= {"microseconds": "2000", **more}
    return {**told, "tags": {"version": None}}


def test_a_listener_gets_the_calls_after_its_connection() -> None:
    port = free_port()
    with fed(port) as (feed, addresses):
        feed.send(line(addresses["mocka-v1"]))  # nobody hears it
        with laptop("127.0.0.1", port) as source:
            assert source is not None
            feed.send(line(addresses["mocka-v1"], trace=f"00-{TRACE}-{'1' * 16}-01"))
            (answer,) = source.complete([ASKED])
    (step,) = answer.path
    assert (step.service, step.version, step.lane) == ("mocka", "v1", "v2")
    assert step.routed is not None
    assert step.routed.versions == {"v2"}


def test_calls_of_another_clients_late_request_are_not_ours() -> None:
    """The log has the other request's upstream call first. Ours was in flight in the same pod."""
    port = free_port()
    with fed(port) as (feed, addresses):

        def call(caller: str, callee: str, lane: str, began: str, took: str, **more: str) -> None:
            own = {"at": addresses[caller], "listener": "sidecars-0"} if caller else {}
            told = {"baggage": f"version={lane}", "began": began, "microseconds": took}
            feed.send(line(addresses[callee], **told, **own, **more))

        with laptop("127.0.0.1", port) as source:
            assert source is not None
            call("mockb-v1", "mockc-v2", "v2", "1.5", "100000")
            call("mockb-v1", "mockc-v1", "v1", "1.3", "100000")
            call("mocka-v1", "mockb-v1", "v1", "1.2", "500000")
            call("", "mocka-v1", "v1", "1.1", "700000", trace=f"00-{TRACE}-{'1' * 16}-01")
            late = threading.Timer(0.4, call, ("mocka-v2", "mockb-v1", "v2", "1.4", "600000"))
            late.start()
            (answer,) = source.complete([ASKED])
            late.join()
    told = [(step.service, step.version) for step in answer.path]
    assert told == [("mocka", "v1"), ("mockb", "v1"), ("mockc", "v1")]


def test_a_line_is_a_call() -> None:
    call = Call("", "", "a\n", "v1", "::1", None, frozenset({"v1"}), 200, 1.5, 0.25, TRACE)
    assert call_of(line_of(call)) == call
    for broken in (b"", b"{}", b"[]", b"5", b'{"caller": 5', b"\xff"):
        with pytest.raises((ValueError, KeyError, TypeError)):
            call_of(broken)


def test_a_source_without_calls_times_out() -> None:
    port = free_port()
    with fed(port), laptop("localhost", port) as source:
        assert source is not None
        began = time.monotonic()
        assert source.complete([ASKED]) == [ASKED]
        assert time.monotonic() - began < 10


HOLD = """
import os, socket, sys
os.setgid(65534), os.setuid(65534)
with socket.socket(socket.AF_UNIX) as server:
    server.bind(chr(0) + sys.argv[1])
    server.listen()
    print("listens", flush=True)
    taken = [server.accept() for _ in range(9)]
"""


@pytest.mark.skipif(os.getuid() != 0, reason="it takes root to be another user")
def test_another_users_socket_is_not_used() -> None:
    port = free_port()
    name = socket_name(port).removeprefix("\0")
    with subprocess.Popen([sys.executable, "-c", HOLD, name], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"listens\n"
        try:
            with laptop("127.0.0.1", port) as source:
                assert source is None
            mesh = mesh_of(*asm())
            with serving(Feed(mesh, plan(mesh), addresses_of(mesh)), port) as served:
                assert not served
        finally:
            other.kill()


def test_a_listener_that_disconnects_is_removed() -> None:
    port = free_port()
    with fed(port) as (feed, addresses):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(socket_name(port))
            assert client.recv(1) == b"\n"
        for _ in range(100):
            feed.send(line(addresses["mocka-v1"]))
