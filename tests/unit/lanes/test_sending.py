"""Requests to a gateway: a stand-in in this process."""

import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count, repeat
from statistics import median
from types import SimpleNamespace
from typing import cast

import pytest

from lanes.errors import LanesError
from lanes.evidence.steps import Answer
from lanes.planning.entry_rule import EntryRule
from lanes.planning.result import Plan
from lanes.running.address import free_port
from lanes.verification.gateway import Client, Gateway, planned_gateway
from lanes.verification.sending import send_each, send_on_schedule, send_repeatedly
from lanes.verification.targets import BY_WEIGHT, Target
from tests.unit.lanes.standin import ANSWER, gateway_like, json_answer


def test_an_answer_is_read_with_its_status() -> None:
    with gateway_like(lambda _: json_answer("v2", "mocka v2", status=503)) as url:
        answer = Gateway(url).client().send()
    assert (answer.status, answer.lane) == (503, "v2")
    assert answer.path[0].version == "v2"


def test_json_is_the_default_format_of_answers() -> None:
    with gateway_like(lambda headers: (200, "text/plain", headers["Accept"])) as url:
        client = Gateway(url).client()
        assert client.send().text == "application/json"
        assert client.send("text/plain").text == "text/plain"


def test_a_password_is_in_no_repr() -> None:
    gateway = Gateway("http://user:secret@127.0.0.1:1/")
    assert "secret" not in f"{gateway!r} {gateway.address}"


def test_no_answer_is_compressed() -> None:
    with gateway_like(lambda headers: (200, "text/plain", headers["Accept-Encoding"])) as url:
        assert Gateway(url).client().send().text == "identity"


@pytest.mark.parametrize(
    ("due", "began", "took_ms", "late_ms"),
    [(None, 100, 500, 0), (90, 90, 10_500, 10_000), (100.25, 100.25, 250, 0)],
)
def test_the_time_of_a_request_begins_when_it_is_due(
    monkeypatch: pytest.MonkeyPatch, due: float | None, began: float, took_ms: int, late_ms: int
) -> None:
    """The request starts at 100 s, and ends half a second later."""
    clock = SimpleNamespace(monotonic=partial(next, iter([100, 100.5])))
    monkeypatch.setattr("lanes.verification.gateway.time", clock)
    with gateway_like(lambda _: json_answer("v1", "mocka v1")) as url:
        answer = Gateway(url).client().send(due=due)
    assert (answer.began, answer.took_ms, answer.late_ms) == (began, took_ms, late_ms)


def test_a_traced_request_begins_a_trace_of_its_own() -> None:
    seen = []

    def answer(headers: Mapping[str, str]) -> ANSWER:
        lines = {name.lower(): value for name, value in headers.items()}
        seen.append((lines["user-agent"], lines.get("traceparent", "")))
        return json_answer("v1", "mocka v1")

    with gateway_like(answer) as url:
        client = Gateway(url, traced=True).client()
        traces = [client.send().trace for _ in range(2)]
        assert Gateway(url).client().send().trace == ""
    assert len(set(traces)) == 2
    for trace, (agent, parent) in zip(traces, seen, strict=False):
        assert re.fullmatch("[0-9a-f]{32}", trace)
        assert agent == f"lanes/{trace}"
        assert re.fullmatch(f"00-{trace}-[0-9a-f]{{16}}-01", parent)
    assert seen[2] == ("lanes", "")


def test_the_plans_requests_at_a_url() -> None:
    plan = Plan("version", "*.shop.example", (), path="/cart", headers={"x-a": "1"})
    gateway = planned_gateway("http://gateway/XX/", plan)
    assert (gateway.url, gateway.host, gateway.headers) == (
        "http://gateway/XX/cart",
        plan.host,
        {"x-a": "1"},
    )


def test_requests_that_wait_for_a_stalled_gateway_count_their_wait() -> None:
    opened, came = threading.Event(), threading.Lock()
    released = 0.0

    def open_late() -> None:
        nonlocal released
        time.sleep(0.3)
        released = time.monotonic()
        opened.set()

    def answer(_: Mapping[str, str]) -> ANSWER:
        if came.acquire(blocking=False):
            open_late()
        opened.wait()
        return json_answer("v1", "mocka v1")

    with gateway_like(answer) as url:
        calls = repeat(BY_WEIGHT, 90)
        answers = [one for _, one in send_on_schedule(Gateway(url).client(), calls, 2, rate=200)]
    times = [(one.began or 0.0, one.took_ms or 0.0) for one in answers]
    waited = [(began, took) for began, took in times if began < released]
    assert len(waited) >= 59
    # Only two were ever under way; that the others were not sent is not to their credit.
    assert all(took >= (released - began) * 1000 for began, took in waited)
    assert median(took for _, took in times) > 50


def test_the_host_header_may_differ_from_the_urls_host() -> None:
    with gateway_like(lambda headers: (200, "text/plain", headers["Host"])) as url:
        assert Gateway(url, "shop.org").client().send().text == "shop.org"
        assert Gateway(url).client().send().text == url.removeprefix("http://").rstrip("/")


@pytest.mark.parametrize(
    ("way", "asked"),
    [
        (EntryRule(), ("shop.org", "/a?b=1", "application/json", None)),
        (EntryRule({"x-lane": "v3"}), ("shop.org", "/a?b=1", "application/json", "v3")),
        (EntryRule({"accept": "a/b"}, path="/v3"), ("shop.org", "/v3?b=1", "a/b", None)),
        (EntryRule(path="/v3?c=/?2"), ("shop.org", "/v3?c=/?2", "application/json", None)),
        (EntryRule(path="/v3?"), ("shop.org", "/v3", "application/json", None)),
        (EntryRule({"x-lane": "v3"}, "v3.org"), ("v3.org", "/a?b=1", "application/json", "v3")),
    ],
)
def test_a_request_takes_an_entry_rule(way: EntryRule, asked: tuple[str | None, ...]) -> None:
    seen = []

    def answer(headers: Mapping[str, str]) -> ANSWER:
        lines = {name.lower(): value for name, value in headers.items()}
        seen.append(tuple(lines.get(name) for name in ("host", ":path", "accept", "x-lane")))
        return json_answer("v1", "mocka v1")

    with gateway_like(answer) as url:
        client = Gateway(f"{url}a?b=1", "shop.org").client()
        client.send(rule=way)
        list(send_repeatedly(client, 1, 1, way))
    assert seen == [asked, asked]


def test_a_request_without_a_response_has_status_0() -> None:
    answer = Gateway(f"http://127.0.0.1:{free_port()}/").client().send()
    assert (answer.status, answer.path) == (0, ())
    assert answer.text == "no answer: Connection refused"


def test_a_gateway_that_closes_the_connection_has_status_0() -> None:
    with gateway_like(lambda _: None) as url:
        answer = Gateway(url).client().send()
    assert answer.status == 0
    assert answer.text == "no answer: the connection was closed without an answer"


def test_a_response_that_is_cut_off_has_status_0() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        asked = pool.submit(Gateway(url).client().send)
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n-> mocka")
        answer = asked.result()
    assert (answer.status, answer.text) == (0, "no answer: it began and was cut off")


def test_a_redirection_is_not_followed() -> None:
    with gateway_like(lambda _: (302, "text/plain", "elsewhere")) as url:
        assert Gateway(url).client().send().status == 302


def test_a_gateway_is_reachable_whatever_it_answers() -> None:
    asked: list[str] = []

    def answer(headers: Mapping[str, str]) -> ANSWER:
        asked.append(headers[":path"])
        return 500, "text/plain", "broken"

    with gateway_like(answer) as url:
        Gateway(f"{url}a?b").client().require_reachable()
    assert asked == ["/a?b"]


def test_a_gateway_that_is_not_there() -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    with pytest.raises(LanesError) as caught:
        Gateway(url).client().require_reachable()
    assert str(caught.value) == f"{url}: the gateway cannot be reached: Connection refused"


@pytest.mark.parametrize(("requests", "concurrency"), [(1, 1), (1, 8), (7, 3), (20, 4), (3, 8)])
def test_each_request_has_an_answer(requests: int, concurrency: int) -> None:
    asked: list[None] = []

    def answer(_: object) -> ANSWER:
        asked.append(None)
        return json_answer("v1", "mocka v1")

    with gateway_like(answer) as url:
        answers = list(send_repeatedly(Gateway(url).client(), requests, concurrency))
    assert len(answers) == len(asked) == requests
    assert {a.status for a in answers} == {200}


def test_no_more_requests_are_in_flight_than_the_concurrency() -> None:
    together = threading.Barrier(3)
    at_once: list[int] = []
    running = threading.Semaphore(3)

    def answer(_: object) -> ANSWER:
        at_once.append(running.acquire(blocking=False))
        together.wait(5)  # breaks, and so fails, unless three requests stand here at once
        running.release()
        return json_answer("v1", "mocka v1")

    with gateway_like(answer) as url:
        answers = list(send_repeatedly(Gateway(url).client(), 9, 3))
    assert [a.status for a in answers] == [200] * 9
    assert all(at_once)


def test_a_target_is_taken_when_its_request_can_start() -> None:
    taken = 0

    def targets() -> Iterator[Target]:
        nonlocal taken
        while True:
            taken += 1
            yield BY_WEIGHT

    with closing(send_each(cast(Client, AtOnce()), targets(), 3)) as answers:
        for number in range(5):
            next(answers)
            assert taken == 3 + number + 1


def test_a_slow_answer_delays_no_others() -> None:
    calls = count()
    others, in_time = threading.Event(), []

    class First(AtOnce):
        def send(self, rule: EntryRule, due: float | None = None) -> Answer:
            if next(calls) == 0:
                in_time.append(others.wait(30))
            return super().send(rule, due)

    with closing(send_each(cast(Client, First()), repeat(BY_WEIGHT, 9), 2)) as answers:
        assert len([next(answers) for _ in range(8)]) == 8
        others.set()
        assert len(list(answers)) == 1
    assert in_time == [True]


class AtOnce:
    """A client that gets each answer at once."""

    def send(self, rule: EntryRule, due: float | None = None) -> Answer:
        del rule
        return Answer(200, "", began=due)


def test_a_schedule_yields_answers_while_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second request is in flight, and the third is due in a minute."""
    ended = threading.Event()

    class Second(AtOnce):
        def send(self, rule: EntryRule, due: float | None = None) -> Answer:
            if due == 1:
                ended.wait(60)
            return super().send(rule, due)

    clock = SimpleNamespace(monotonic=partial(next, iter([0, 0, 1, -58]), 2))
    monkeypatch.setattr("lanes.verification.sending.time", clock)
    began = time.monotonic()
    answers = send_on_schedule(cast(Client, Second()), repeat(BY_WEIGHT, 3), 3, rate=1)
    first = next(answers)
    assert (first[1].began, time.monotonic() - began < 30) == (0, True)
    ended.set()
    assert sorted(answer.began or 0 for _, answer in answers) == [1, 2]


def test_requests_without_end_end_when_closed() -> None:
    with gateway_like(lambda _: json_answer("v1", "mocka v1")) as url:
        load = send_repeatedly(Gateway(url).client(), None, 2)
        assert [next(load).status for _ in range(5)] == [200] * 5
        load.close()
        assert next(load, None) is None


def test_connections_are_kept() -> None:
    peers: set[object] = set()

    @contextmanager
    def counting() -> Iterator[str]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                peers.add(self.client_address)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_port}/"
            server.shutdown()

    with counting() as url:
        list(send_repeatedly(Gateway(url).client(), 30, 2))
    assert len(peers) <= 2
