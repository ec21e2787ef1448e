"""The routes, in this process and without instrumentation."""

import json
import logging
from typing import Any

import pytest
from flask.testing import FlaskClient
from opentelemetry import baggage, context

from services.app import LANES_LOST, create_app
from services.settings import Settings

from .conftest import LOOPBACK, Serve, free_port, reply

ME = Settings(app="mocka", version="v2", ip="192.168.1.28", namespace="shop")
TEXT = "-> mocka(version: v2, ip: 192.168.1.28)"


@pytest.fixture
def client() -> FlaskClient:
    return create_app(ME).test_client()


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
        "lane": None,
        "status": 200,
        "error": None,
        "upstreams": [],
    }


def test_the_lane_is_the_baggage_member_of_the_configured_name() -> None:
    app = create_app(Settings(lane_header="x-lane"))
    members = baggage.set_baggage("x-lane", "v3", baggage.set_baggage("version", "v9"))
    token = context.attach(members)
    try:
        answer = app.test_client().get("/", headers={"Accept": "application/json"})
    finally:
        context.detach(token)
    assert json.loads(answer.text)["lane"] == "v3"


def test_a_failing_upstream_fails_the_answer_which_says_where() -> None:
    url = f"http://{LOOPBACK}:{free_port()}/"
    settings = Settings(app="mocka", version="v2", ip="192.168.1.28", upstream_urls=(url,))
    client = create_app(settings).test_client()
    answer = client.get("/")
    assert answer.status_code == 502
    assert answer.text == f"{TEXT}-> {url} failed: 502 connection refused"
    tree = client.get("/", headers={"Accept": "application/json"}).json
    assert tree is not None
    assert (tree["status"], tree["upstreams"][0]["error"]) == (502, "connection refused")


def test_an_upstreams_time_is_reported(serve: Serve) -> None:
    app = create_app(Settings(upstream_urls=(serve(reply(200, "hello")).url,)))
    tree = app.test_client().get("/", headers={"Accept": "application/json"}).json
    assert tree is not None
    assert 0 < tree["upstreams"][0]["duration_ms"] <= tree["duration_ms"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/", 200),
        ("POST", "/", 405),
        ("GET", "/any", 404),
        ("GET", "/?q=1", 200),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
    ],
)
def test_statuses(method: str, path: str, status: int, client: FlaskClient) -> None:
    assert client.open(path, method=method).status_code == status


def test_there_are_no_other_routes() -> None:
    rules = {rule.rule for rule in create_app(ME).url_map.iter_rules()}
    assert rules == {"/", "/healthz", "/readyz", "/metrics"}


def test_draining_is_unready_but_alive_and_still_answers() -> None:
    client = create_app(ME, is_draining=lambda: True).test_client()
    ready = client.get("/readyz")
    assert (ready.status_code, ready.text.splitlines()[0]) == (503, "draining")
    assert client.get("/healthz").status_code == 200
    assert client.get("/").status_code == 200


def test_without_instrumentation_it_says_that_lanes_are_lost(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ready = create_app(ME).test_client().get("/readyz")
    assert (ready.status_code, ready.text) == (200, f"ready\nwarning: {LANES_LOST}\n")
    assert [(r.levelname, r.message) for r in caplog.records] == [("ERROR", LANES_LOST)]


def test_answers_are_counted_and_probes_are_not(client: FlaskClient) -> None:
    client.get("/")
    client.get("/readyz")
    exposition = client.get("/metrics")
    assert exposition.content_type == "text/plain; version=0.0.4; charset=utf-8"
    counts = [line for line in exposition.text.splitlines() if "_duration_seconds_count" in line]
    assert counts == ['http_request_duration_seconds_count{lane="",status="200"} 1.0']


def test_an_answer_is_logged_and_a_probe_is_not(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for path in ("/healthz", "/readyz", "/metrics", "/", "/any"):
        client.get(path)
    access = [record for record in caplog.records if record.name == "services.app"]
    access = [record for record in access if record.levelno == logging.INFO]
    assert [record.message for record in access] == ["GET /", "GET /any"]
    data: dict[str, Any] = access[0].__dict__["data"]
    assert data.pop("duration_ms") >= 0
    assert data == {
        "app": "mocka",
        "version": "v2",
        "lane": None,
        "status": 200,
    }
