"""The running service: real gunicorn, auto-instrumentation and signals."""

import errno
import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote_plus

import pytest

from scripts.proc import is_running
from services.telemetry import LANES_LOST

from .conftest import (
    LOOPBACK,
    START_LIMIT,
    Serve,
    Service,
    Start,
    free_port,
    free_ports,
    get,
    get_json,
    held,
    launch,
    reply,
    stop,
    wait_until,
)

BAGGAGE = "userId=alice, version=v2 ,serverNode=DF%2028"


@pytest.fixture(scope="module")
def last(start: Start) -> Service:
    return start(app="mockc", version="v2", threads="1")


@pytest.fixture(scope="module")
def chain(start: Start, last: Service) -> Service:
    mockb = start(app="mockb", upstream_url=last.url, threads="1")
    return start(app="mocka", version="v2", upstream_url=mockb.url, threads="1")


def wait_gone(pid: int) -> None:
    # Before gunicorn 27 an idle connection lasts as long as the graceful end may take.
    wait_until(lambda: not is_running(pid), 20, f"process {pid} has ended")


def refuses(service: Service) -> bool:
    with socket.socket() as client:
        return client.connect_ex((LOOPBACK, service.port)) == errno.ECONNREFUSED


def test_the_answer_of_a_chain(chain: Service) -> None:
    answer = get(chain.url)
    assert (answer.status, answer.body) == (
        200,
        "-> mocka(version: v2, ip: 127.0.0.1)"
        "-> mockb(version: v1, ip: 127.0.0.1)"
        "-> mockc(version: v2, ip: 127.0.0.1)",
    )


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("", {"baggage": f"much={'x' * 60_000}"}),
        ("x" * 60_000, {}),
        ("", {f"x-{number}": "" for number in range(900)}),
        ("", {"SCRIPT_NAME": "/x", "X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "off"}),
    ],
    ids=["a long header", "a long path", "many headers", "what only a proxy may say"],
)
def test_what_envoy_lets_through_is_no_error(
    path: str, headers: dict[str, str], last: Service
) -> None:
    answer = get(last.url + path, headers)
    assert (answer.status, answer.body) == (200, "-> mockc(version: v2, ip: 127.0.0.1)")


def lanes(chain: Service, **headers: str) -> list[str | None]:
    mocka = get_json(chain.url, headers).tree
    (mockb,) = mocka["upstreams"]
    (mockc,) = mockb["upstreams"]
    return [hop["lane"] for hop in (mocka, mockb, mockc)]


def test_the_lane_reaches_every_hop(chain: Service) -> None:
    assert lanes(chain, baggage=BAGGAGE) == ["v2", "v2", "v2"]


def test_a_lane_does_not_stay_behind_for_the_next_request(chain: Service) -> None:
    lanes(chain, baggage=BAGGAGE)
    assert lanes(chain) == ["", "", ""]


def test_foreign_baggage_members_and_the_trace_cross_two_hops(start: Start, serve: Serve) -> None:
    end = serve(reply(200, "-> end"))
    second = start(app="mockb", upstream_url=end.url)
    first = start(app="mocka", upstream_url=second.url)
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    headers = {"baggage": BAGGAGE, "traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
    assert get(first.url, headers).status == 200
    (arrived,) = end.requests
    members = {unquote_plus(member) for member in arrived["baggage"].split(",")}
    assert members == {"userId=alice", "version=v2", "serverNode=DF 28"}
    version, arrived_trace, _, flags = arrived["traceparent"].split("-")
    assert (version, arrived_trace, flags) == ("00", trace_id, "01")
    for service in (first, second):
        (entry,) = [e for e in service.log if e["logger"] == "services.app"]
        assert (entry["trace_id"], entry["lane"], entry["status"]) == (trace_id, "v2", 200)


def test_baggage_reaches_upstreams_called_at_once(start: Start, serve: Serve) -> None:
    ends = [serve(reply(200, f"-> {name}")) for name in "bcd"]
    service = start(upstream_url=",".join(end.url for end in ends))
    answer = get(service.url, {"baggage": "version=v3"})
    assert answer.body.endswith("-> b-> c-> d")
    assert [end.requests[0]["baggage"] for end in ends] == ["version=v3"] * 3


def test_a_failure_two_hops_away_is_passed_on(start: Start) -> None:
    gone = f"http://{LOOPBACK}:{free_port()}/"
    mockb = start(app="mockb", upstream_url=gone)
    mocka = start(app="mocka", upstream_url=mockb.url)
    answer = get(mocka.url)
    assert (answer.status, answer.body) == (
        502,
        "-> mocka(version: v1, ip: 127.0.0.1)-> mockb(version: v1, ip: 127.0.0.1)"
        f"-> {gone} failed: 502 connection refused",
    )


def test_a_slow_upstream_is_504(start: Start, serve: Serve) -> None:
    slow = serve(lambda _: time.sleep(2))
    service = start(upstream_url=slow.url, upstream_timeout="0.2")
    answer = get(service.url)
    assert answer.status == 504
    assert answer.body.endswith(f"-> {slow.url} failed: 504 no answer within 0.2 s")


def test_logs_are_json_and_probes_are_silent(last: Service) -> None:
    last.manage("healthz")
    last.manage("metrics")
    get(last.url)
    messages = [entry["message"] for entry in last.log]
    assert f"Listening at: http://{LOOPBACK}:{last.port} ({last.process.pid})" in messages
    assert "GET /" in messages
    assert not [message for message in messages if message.startswith(("GET /h", "GET /m"))]


def test_the_instrumentation_in_force_is_told_everywhere(last: Service) -> None:
    own = f"own {version('opentelemetry-instrumentation')}"
    assert last.manage("readyz").body == f"ready\ninstrumentation: {own}\n"
    assert f'instrumentation="{own}"' in last.manage("metrics").body
    assert get_json(last.url).tree["instrumentation"] == own
    assert f"OpenTelemetry's instrumentation: {own}" in [entry["message"] for entry in last.log]


@pytest.mark.parametrize(
    ("broken", "whose"),
    [
        ({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"}, "none"),
        ({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "requests"}, "none"),
        ({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "flask"}, "own"),
        ({"OTEL_PROPAGATORS": "tracecontext"}, "own"),
        ({"OTEL_PROPAGATORS": "bagage"}, "none"),
    ],
    ids=["none", "no client", "no server", "no baggage", "a misspelt baggage"],
)
def test_lost_lanes_are_announced(broken: dict[str, str], whose: str, start: Start) -> None:
    service = start(log_level="error", **broken)
    ready = service.manage("readyz")
    told, whose_told, warning = ready.body.splitlines()
    assert (ready.status, told, warning) == (200, "ready", f"warning: {LANES_LOST}")
    assert whose_told.split()[:2] == ["instrumentation:", whose]
    assert ("error", LANES_LOST) in [(e["level"], e["message"]) for e in service.log]


def test_injected_packages_that_cannot_be_loaded_are_announced(
    start: Start, tmp_path: Path
) -> None:
    # As the Operator's 0.44b0 does on a Python without setuptools.
    injected = tmp_path / "opentelemetry" / "instrumentation"
    automatic = injected / "auto_instrumentation"
    automatic.mkdir(parents=True)
    (injected / "__init__.py").touch()
    (automatic / "__init__.py").write_text("import pkg_resources_of_yore\n")
    (automatic / "sitecustomize.py").write_text(
        "import opentelemetry.instrumentation.auto_instrumentation\n"
    )
    service = start(PYTHONPATH=os.pathsep.join([str(automatic), str(tmp_path)]))
    assert LANES_LOST in service.manage("readyz").body
    assert "auto-instrumentation cannot be loaded" in service.text
    assert LANES_LOST in service.text


def test_instrumentation_from_outside_is_not_repeated(start: Start, serve: Serve) -> None:
    end = serve(reply(200, "-> end"))
    instrument = str(Path(sys.executable).with_name("opentelemetry-instrument"))
    service = start(
        instrument,
        upstream_url=end.url,
        OTEL_TRACES_EXPORTER="none",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        log_level="warning",
    )
    assert get(service.url, {"baggage": BAGGAGE}).status == 200
    assert "version=v2" in end.requests[0]["baggage"]
    assert service.log == []


def test_spans_of_the_worker_reach_a_collector_before_it_ends(start: Start) -> None:
    exported = []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            exported.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            reply(200)(self)

        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer((LOOPBACK, 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, args=(0.02,), daemon=True).start()
        traces = f"http://{LOOPBACK}:{collector.server_port}/v1/traces"
        service = start(app="mocka", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=traces)
        get(service.url, {"baggage": "version=one-lane,userId=alice"})
        service.manage("healthz")
        service.process.terminate()
        assert service.process.wait(15) == 0
        collector.shutdown()
    spans = b"".join(body for path, body in exported if path == "/v1/traces")
    assert b"GET /" in spans
    assert b"mocka" in spans
    assert b"one-lane" in spans
    assert b"alice" not in spans
    assert b"healthz" not in spans
    assert b"localhost" not in spans, "the request at the start is nobody's request"


def test_sigterm_is_unready_first_and_ends_when_requests_have(start: Start, serve: Serve) -> None:
    release, arrived = threading.Event(), threading.Event()
    slow = serve(held(release, arrived))
    service = start(upstream_url=slow.url, upstream_timeout="30", drain="1.5")
    with ThreadPoolExecutor() as pool:
        in_flight = pool.submit(get, service.url)
        assert arrived.wait(15)
        service.process.terminate()
        wait_until(lambda: service.manage("readyz").status == 503, 1.4, "unready")
        assert service.manage("healthz").status == 200
        assert get(service.url, method="POST").headers["Connection"] == "close"
        time.sleep(2)  # beyond the drain
        assert not in_flight.done()
        release.set()
        assert in_flight.result(15).body.endswith("-> mockb")
    assert service.process.wait(15) == 0
    assert refuses(service)


def test_ctrl_c_ends_it_at_once(start: Start) -> None:
    service = start(drain="60")
    (worker,) = service.workers
    service.process.send_signal(signal.SIGINT)
    assert service.process.wait(15) == 0
    wait_gone(worker)
    assert not [entry for entry in service.log if entry["level"] == "error"]


def test_ctrl_c_to_master_and_worker_both_ends_it_at_once(start: Start) -> None:
    """A terminal sends it to the whole group, so the worker is told twice."""
    for _ in range(4):
        service = start(drain="60")
        (worker,) = service.workers
        for _ in range(20):
            get(service.url)
        os.kill(worker, signal.SIGINT)
        service.process.send_signal(signal.SIGINT)
        assert service.process.wait(15) == 0
        wait_gone(worker)


def test_no_process_outlives_a_killed_master(start: Start) -> None:
    service = start()
    # An idle connection, as a proxy keeps them, must not hold the worker back.
    with socket.create_connection((LOOPBACK, service.port)) as idle:
        idle.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(65536).startswith(b"HTTP/1.1 200")
        (worker,) = service.workers
        service.process.kill()
        service.process.wait(15)
        wait_gone(worker)


def test_a_killed_worker_is_replaced(start: Start) -> None:
    service = start(WEB_CONCURRENCY="2")
    (worker,) = service.workers
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: service.workers not in ([], [worker]), 10, "another worker")
    assert get(service.url).status == 200


def test_nothing_is_written_outside_of_the_log(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    service = launch(folder, upstream_timeout="30")
    try:
        wait_until(service.is_ready, START_LIMIT, "the service is ready")
        service.process.terminate()
        assert service.process.wait(15) == 0
    finally:
        stop(service)
    assert list(folder.iterdir()) == []


def refusal(folder: Path, **environ: str) -> list[str]:
    """Start a service that must not start; return the lines of its standard error."""
    ended = subprocess.run(
        [sys.executable, "-m", "services"],
        env={"PATH": os.environ["PATH"], "host": LOOPBACK, **environ},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    return ended.stderr.splitlines()


@pytest.mark.parametrize("variable", ["port", "management_port"])
def test_a_port_that_is_taken_ends_it(variable: str, tmp_path: Path) -> None:
    ports = dict(zip(["port", "management_port"], map(str, free_ports(2)), strict=True))
    with socket.create_server((LOOPBACK, int(ports[variable]))):
        (told,) = refusal(
            tmp_path, log_level="error", OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="*", **ports
        )
    assert told.startswith(f"services: {variable}={ports[variable]}: ")


def test_a_bad_setting_ends_it_before_it_listens(tmp_path: Path) -> None:
    environ = {"upstream_timeout": "-1", "upstream_url": "mockb"}
    environ["REQUESTS_CA_BUNDLE"] = str(tmp_path / "none.pem")
    assert refusal(tmp_path, **environ) == [
        "services: upstream_url='mockb': 'mockb' is not an http URL, such as http://mockb:8000/",
        "services: upstream_timeout='-1': must be a number of seconds above 0, at most 3600",
        f"services: REQUESTS_CA_BUNDLE='{tmp_path}/none.pem': must be a file or folder of CA "
        "certificates in PEM: No such file or directory",
    ]
