"""The routes, in this process and without instrumentation."""

import functools
import json
import logging
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from opentelemetry import baggage, context
from prometheus_client import generate_latest

from services.app import create_app
from services.faults import NONE, Fault
from services.management import Management, Metrics
from services.settings import Settings

from .conftest import LOOPBACK, Serve, free_port, reply

ME = Settings(app="mocka", version="v2", ip="192.168.1.28", namespace="shop")
TEXT = "-> mocka(version: v2, ip: 192.168.1.28)"


def client_of(settings: Settings, fault: Fault = NONE) -> FlaskClient:
    metrics = Metrics(settings.app, settings.version, "injected 0.44b0")
    return create_app(settings, metrics, Management(metrics, fault)).test_client()


@pytest.fixture
def client() -> FlaskClient:
    return client_of(ME)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let time pass only by sleeping."""
    now = [64.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda seconds: now.append(now.pop() + seconds))


@pytest.mark.parametrize("accept", [None, "*/*", "text/plain", "text/html", "image/png"])
def test_the_answer_is_text_unless_json_is_asked_for(
    accept: str | None, client: FlaskClient
) -> None:
    answer = client.get("/", headers={"Accept": accept} if accept else {})
    assert (answer.status_code, answer.text) == (200, TEXT)
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.headers["Vary"] == "Accept"


@pytest.mark.parametrize("accept", ["application/json", "text/plain;q=0.5, application/json"])
def test_the_answer_as_json(accept: str, client: FlaskClient) -> None:
    answer = client.get("/", headers={"Accept": accept})
    assert answer.content_type == "application/json"
    tree = json.loads(answer.text)
    assert tree.pop("duration_ms") >= 0
    assert tree == {
        "name": "mocka",
        "version": "v2",
        "ip": "192.168.1.28",
        "namespace": "shop",
        "lane": "",
        "instrumentation": "injected 0.44b0",
        "status": 200,
        "error": None,
        "upstreams": [],
    }


def test_the_lane_is_the_baggage_member_of_the_configured_name() -> None:
    client = client_of(Settings(lane_header="x-lane"))
    members = baggage.set_baggage("x-lane", "v3", baggage.set_baggage("version", "v9"))
    token = context.attach(members)
    try:
        answer = client.get("/", headers={"Accept": "application/json"})
    finally:
        context.detach(token)
    assert json.loads(answer.text)["lane"] == "v3"


def test_a_failing_upstream_fails_the_answer_which_says_where() -> None:
    url = f"http://{LOOPBACK}:{free_port()}/"
    settings = Settings(app="mocka", version="v2", ip="192.168.1.28", upstream_urls=(url,))
    client = client_of(settings)
    answer = client.get("/")
    assert answer.status_code == 502
    assert answer.text == f"{TEXT}-> {url} failed: 502 connection refused"
    tree = client.get("/", headers={"Accept": "application/json"}).json
    assert tree is not None
    assert (tree["status"], tree["upstreams"][0]["error"]) == (502, "connection refused")


TREE = '{"name":"b","version":"v1","ip":"","duration_ms":1,"status":200,"upstreams":[]}'


@pytest.mark.parametrize("accept", ["text/plain", "application/json"])
@pytest.mark.parametrize(
    "body",
    [
        TREE.replace("b", r"\ud800"),
        TREE.replace("b", r"\u0000\u001b[31m"),
        TREE.replace(":1", ":NaN"),
        TREE.replace(":1", ":-Infinity"),
        functools.reduce(lambda inner, _: TREE.replace("[]", f"[{inner}]"), range(490), TREE),
        "\ufeff" + TREE,
    ],
    ids=["half a surrogate pair", "controls", "NaN", "infinity", "490 levels", "a mark"],
)
def test_whatever_an_upstream_answers_is_no_error_of_ours(
    body: str, accept: str, serve: Serve
) -> None:
    client = client_of(replace(ME, upstream_urls=(serve(reply(200, body)).url,)))
    answer = client.get("/", headers={"Accept": accept})
    assert answer.status_code == 200
    if accept == "application/json":
        json.loads(answer.text, parse_constant=lambda name: pytest.fail(name))


def test_an_upstreams_time_is_reported(serve: Serve) -> None:
    client = client_of(Settings(upstream_urls=(serve(reply(200, "hello")).url,)))
    tree = client.get("/", headers={"Accept": "application/json"}).json
    assert tree is not None
    assert 0 < tree["upstreams"][0]["duration_ms"] <= tree["duration_ms"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/", 200),
        ("POST", "/", 405),
        ("GET", "/any//path/", 200),
        ("GET", "/static/page", 200),
        ("GET", "/?q=1", 200),
    ],
)
def test_statuses(method: str, path: str, status: int, client: FlaskClient) -> None:
    assert client.open(path, method=method).status_code == status


def test_answers_are_counted() -> None:
    metrics = Metrics("mocka", "v2", "own 0.64b0")
    create_app(ME, metrics, Management(metrics)).test_client().get("/")
    counts = [
        line
        for line in generate_latest(metrics.registry).decode().splitlines()
        if "_count{" in line
    ]
    assert counts == ['http_request_duration_seconds_count{lane="",status="200"} 1.0']


def test_a_request_fails_on_purpose_and_says_so(serve: Serve) -> None:
    upstream = serve(reply(200, "-> end"))
    settings = replace(ME, upstream_urls=(upstream.url,))
    answer = client_of(settings, Fault(status=503, rate=1)).get("/")
    assert answer.status_code == 503
    assert answer.text == f"{TEXT} failed: 503 injected: fault_rate is 1"
    assert not upstream.requests


@pytest.mark.usefixtures("clock")
def test_an_answer_is_late_on_purpose_and_tells_its_time() -> None:
    client = client_of(ME, Fault(delay=(1234.56, 1234.56)))
    tree = client.get("/", headers={"Accept": "application/json"}).json
    assert tree is not None
    assert (tree["duration_ms"], tree["status"], tree["error"]) == (1234.6, 200, None)


@pytest.mark.parametrize(
    ("statuses", "found"), [((200, 404), 404), ((400, 503), 400), ((200, 503), 503)]
)
def test_the_first_upstream_that_fails_decides(
    statuses: tuple[int, ...], found: int, serve: Serve
) -> None:
    urls = tuple(serve(reply(status, "hello")).url for status in statuses)
    assert client_of(replace(ME, upstream_urls=urls)).get("/").status_code == found


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("waits", "took"),
    [
        ("4321", 4321),
        ("7000", 5000),
        ("", 5000),
        ("soon", 5000),
    ],
)
def test_nobody_is_kept_longer_than_they_wait(waits: str, took: float) -> None:
    client = client_of(ME, Fault(delay=(60_000, 60_000)))
    tree = client.get("/", headers={"Request-Timeout-Ms": waits, "Accept": "application/json"}).json
    assert tree is not None
    assert tree["duration_ms"] == took


def test_an_answer_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    client = client_of(ME)
    for path in ("/", "/any"):
        client.get(path)
    access = [record for record in caplog.records if record.name == "services.app"]
    access = [record for record in access if record.levelno == logging.INFO]
    assert [record.message for record in access] == ["GET /", "GET /any"]
    data: dict[str, Any] = access[0].__dict__["data"]
    assert data.pop("duration_ms") >= 0
    assert data == {
        "app": "mocka",
        "version": "v2",
        "lane": "",
        "status": 200,
    }
