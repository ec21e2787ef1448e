"""Calls from Envoy's access logs, and logs that are read while they grow."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from lanes.errors import LanesError
from lanes.evidence.access_logs import calls, line_of
from lanes.evidence.calls import Call
from lanes.evidence.steps import Answer
from lanes.evidence.workloads import Workload, Workloads
from lanes.verification.logged import AccessLogs
from tests.unit.lanes.simulated import World, cluster, draw, walk
from tests.unit.lanes.simulated_sources import IstioLogs

TRACE = "0af7651916cd43dd8448eb211c80319c"

# As Istio 1.2x writes it by `meshConfig.accessLogEncoding: JSON`.
LINE = {
    "authority": "cart:8000",
    "bytes_received": 0,
    "duration": 12,
    "downstream_local_address": "10.96.0.7:8000",
    "downstream_remote_address": "10.244.0.9:41234",
    "method": "GET",
    "request_id": "b7",
    "response_code": 200,
    "response_flags": "-",
    "start_time": "2026-11-30T10:00:00.123Z",
    "upstream_cluster": "outbound|8000|v2|cart.default.svc.cluster.local",
    "upstream_host": "10.244.0.11:8000",
    "upstream_local_address": "10.244.0.9:50000",
    "user_agent": "python-requests/2.32",
    "x_forwarded_for": None,
}


def test_a_line_as_istio_writes_it() -> None:
    line = line_of(f"[pod/shop-v1-7d9f8b6c5d-x2k4q/istio-proxy] {json.dumps(LINE)}")
    assert line is not None
    assert (line.pod, line.address) == ("shop-v1-7d9f8b6c5d-x2k4q", "10.244.0.9")
    assert (line.baggage, line.traceparent, line.secured) == (None, "", None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-30T10:00:00Z info Envoy proxy is ready",
        "{}",
        "[]",
        '{"upstream_cluster": 5}',
        json.dumps(LINE)[:-20],
        json.dumps({**LINE, "start_time": "today"}),
        json.dumps({**LINE, "duration": "long"}),
        json.dumps({**LINE, "response_code": "x"}),
        "{" * 50_000,
    ],
)
def test_any_other_line_is_none(text: str) -> None:
    assert line_of(text) is None


def test_the_workload_of_a_pods_name() -> None:
    known = Workloads({"cart": Workload("cart", "v1"), "cart-v2": Workload("cart", "v2")}, {}, {})
    for pod, version in {
        "cart-7d9f8b6c5d-x2k4q": "v1",
        "cart-v2-7d9f8b6c5d-x2k4q": "v2",
        "cart-v2-0": "v2",
        "cart-v2-x2k4q": "v2",
        "cart-v2": "v2",
    }.items():
        assert known.pod(pod) == ("cart", version)
    for pod in ("shop-7d9f8b6c5d-x2k4q", "cart-v2-db-main", ""):
        assert known.pod(pod) == ("", "")


def test_lines_are_read_as_they_come(tmp_path: Path) -> None:
    mesh = draw("one", broken=False)
    root = World(mesh, "one").request("v2", TRACE)
    lines = list(IstioLogs("one", True, 0.0).lines(root, f"lanes/{TRACE}"))
    file = tmp_path / "log"
    file.write_text("ready\n" + "\n".join(lines) + "\n")
    logs = AccessLogs(str(file), mesh.workloads(), "version", 0.2, 3.0)
    (answer,) = logs.complete([Answer(200, "page", trace=TRACE)])
    found = sorted((step.service, step.version) for step in answer.path)
    assert found == sorted((made.service, made.version) for made in walk(root))
    with pytest.raises(LanesError, match="cannot be read"):
        AccessLogs(str(tmp_path / "none"), mesh.workloads(), "version")


def test_a_proxy_may_write_its_lines_after_the_gateway(tmp_path: Path) -> None:
    mesh = draw("one", broken=False)
    root = World(mesh, "one").request("v2", TRACE)
    first, *others = IstioLogs("one", True, 0.0).lines(root, f"lanes/{TRACE}")
    file = tmp_path / "log"
    file.write_text(f"{first}\n")

    def write() -> None:
        with file.open("a") as grown:
            grown.write("".join(f"{line}\n" for line in others))

    late = threading.Timer(0.5, write)
    late.start()
    logs = AccessLogs(str(file), mesh.workloads(), "version", 1.5, 3.0)
    (answer,) = logs.complete([Answer(200, "page", trace=TRACE)])
    late.join()
    assert len(answer.path) == len(list(walk(root)))


def test_a_half_written_line_counts_when_it_is_whole(tmp_path: Path) -> None:
    names = Workloads(
        {"cart-v2": Workload("cart", "v2")},
        {"cart": "cart"},
        {cluster("cart", "v2"): frozenset({"v2"})},
        {cluster("cart", "v2"): frozenset({"v2"})},
    )
    text = json.dumps({**LINE, "user_agent": f"lanes/{TRACE}"})
    file = tmp_path / "log"
    file.write_text(text[:100])
    logs = AccessLogs(str(file), names, "version", 0.2, 0.5)
    answer = Answer(200, "page", trace=TRACE)
    assert logs.complete([answer]) == [answer]
    with file.open("a") as grown:
        grown.write(text[100:])
    (answer,) = logs.complete([answer])
    assert [(step.service, step.version) for step in answer.path] == [("cart", "v2")]


def test_a_program_ends_while_standard_input_stays_open() -> None:
    """As `kubectl logs -f` keeps it."""
    program = (
        "from lanes.evidence.workloads import Workloads\n"
        "from lanes.verification.logged import AccessLogs\n"
        "AccessLogs('-', Workloads(), '')\n"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.wait(30) == 0, process.stderr and process.stderr.read()


NAMES = Workloads(
    {f"{s}-{v}": Workload(s, v) for s in ("shop", "cart") for v in ("v1", "v2")},
    {s: s for s in ("shop", "cart")},
    {cluster(s, v): frozenset({v}) for s in ("shop", "cart") for v in ("v1", "v2")},
)
AT_SHOP, AT_CART = "10.244.0.9:8000", "10.244.0.11:8000"
ENTRY = {
    **LINE,
    "upstream_cluster": cluster("shop", "v1"),
    "upstream_host": AT_SHOP,
    "user_agent": f"lanes/{TRACE}",
    "upstream_local_address": "10.1.1.1:1",
}
# LINE's call as the sidecar of the called pod logs it; LINE is the caller's.
INBOUND = {
    **LINE,
    "upstream_cluster": "inbound|8000||",
    "downstream_local_address": AT_CART,
    "downstream_remote_address": LINE["upstream_local_address"],
}
# shop's sidecar logs calls.
SHOP = {**INBOUND, "downstream_local_address": AT_SHOP, "downstream_remote_address": "10.1.1.1:1"}


def to_cart(*lines: dict[str, Any]) -> Call:
    """Return shop's call to cart, by lines of their sidecars and the gateway's."""
    pods = {AT_SHOP: "shop-v1-6f7d8-x2k4q", AT_CART: "cart-v1-6f7d8-x2k4q"}
    texts = [
        f"[pod/{pods.get(line['downstream_local_address'], 'x')}/istio-proxy] {json.dumps(line)}"
        for line in (ENTRY, *lines)
    ]
    read = [line for text in texts if (line := line_of(text))]
    (call,) = [call for call in calls(read, NAMES, "version") if call.service == "cart"]
    assert call.caller == "shop"
    return call


SERVER = "requested_server_name"
OTHER = {**INBOUND, "request_id": "other", "downstream_remote_address": "10.244.0.99:1"}
SECURE = {SERVER: "outbound_.8000_.v2_.cart.default.svc.cluster.local"}


@pytest.mark.parametrize(
    ("lines", "proxied"),
    [
        ((INBOUND,), True),  # shop's sidecar may not log
        ((INBOUND, {**SHOP, "request_id": "third"}), False),  # it logs another call
        (({**INBOUND, SERVER: None},), True),  # cart's pod may get no TLS at all
        (({**INBOUND, SERVER: None}, {**OTHER, **SECURE}), False),
        (
            ({**INBOUND, **SECURE}, {**SHOP, "request_id": "third"}),
            True,
        ),  # its line is late, or lost
    ],
)
def test_a_call_that_its_caller_did_not_log(lines: tuple[Any, ...], proxied: bool) -> None:
    assert to_cart(*lines).proxied == proxied


def test_the_server_name_shows_what_a_sidecar_chose() -> None:
    assert to_cart({**INBOUND, **SECURE}).chosen == {"v2"}


def test_a_sidecar_passes_calls_to_unknown_services_through() -> None:
    """The call goes to the Service's address. The inbound line shows the pod."""
    through = {**LINE, "upstream_cluster": "PassthroughCluster", "upstream_host": "10.96.0.7:8000"}
    call = to_cart(through, INBOUND, {**SHOP, "request_id": "third"})
    assert (call.version, call.proxied, call.ruled) == ("v1", True, False)


@pytest.mark.parametrize("named", [None, cluster("cart", "v2")])
def test_a_call_that_is_sent_nowhere_has_a_caller(named: str | None) -> None:
    """The cluster has no pod, or the proxy has no cluster."""
    nowhere = {
        **dict.fromkeys(("upstream_host", "upstream_local_address")),
        "upstream_cluster": named,
        "downstream_remote_address": AT_SHOP,
        "response_code": 503,
    }
    call = to_cart({**LINE, **nowhere}, {**SHOP, "request_id": "third"})
    assert (call.version, call.address, call.status) == ("", "", 503)


@pytest.mark.parametrize(
    ("header", "baggage", "lane", "known"),
    [
        ("version", "user=1,version=v2", "v2", True),
        ("version", None, None, True),
        ("", "user=1", None, False),  # another header carries the lane
    ],
)
def test_the_lane_of_a_call(
    header: str, baggage: str | None, lane: str | None, known: bool
) -> None:
    mesh = draw("one", broken=False)
    entry = {"upstream_cluster": cluster("s0", "v2"), "upstream_host": "10.0.0.1:8000"}
    told = {**LINE, **entry, "user_agent": f"lanes/{TRACE}", "baggage": baggage}
    line = line_of(json.dumps(told))
    assert line is not None
    (found,) = calls([line], mesh.workloads(), header)
    assert (found.lane, found.lane_known) == (lane, known)
