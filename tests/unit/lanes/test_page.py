"""The live map: calls from Envoy's log, weights, drawn lanes, and requests to the page."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lanes.envoy import bootstrap
from lanes.errors import LanesError
from lanes.mesh.model import Mesh
from lanes.mesh.without_pods import without_pods
from lanes.page import server
from lanes.page.calls import Call, Reader
from lanes.page.counts import FRESH_SECONDS, Counts
from lanes.page.curl import curl
from lanes.page.picture import Lanes, nodes, numbers, services
from lanes.page.tap import Split, lines, tapped
from lanes.planning.entry_rule import EntryRule
from lanes.planning.plan import plan
from lanes.reading.reader import read
from lanes.reading.resolve import resolve
from lanes.verification.gateway import Gateway
from tests import kube
from tests.unit.lanes.reading import mesh_of

ROOT = Path(__file__).parents[3]


def load(folder: str) -> Mesh:
    return resolve(read((str(ROOT / folder),)))


ASM, ISTIO = load("k8s/asm"), load("k8s/istio")
OURS = "http://127.0.0.1:8081"
BOUTIQUE = "examples/online-boutique/rendered/base.yaml"  # one lane
PULL_REQUESTS = load("examples/pull-requests/rendered")


def addresses(mesh: Mesh) -> dict[str, str]:
    return {pod.key: f"127.0.9.{i}" for i, pod in enumerate(mesh.pods, start=1)}


def line(**fields: object) -> dict[str, object]:
    """A line of the log: mockb v1 calls mockc. `fields` override its fields."""
    at = {pod.name: address for pod in ASM.pods for address in [addresses(ASM)[pod.key]]}
    usual = {
        "listener": "sidecars-0",
        "route": None,
        "at": at["mockb-v1"],
        "to": f"{at['mockc-v2']}:8000",
        "cluster": "outbound|8000|v2|mockc.default.svc.cluster.local else v1",
        "authority": "mockc:8000",
        "tags": {"version": "v2"},
        "baggage": "a=b,version=v3",
        "agent": None,
        "status": 200,
        "began": "0.000000",
        "microseconds": 1500,
    }
    return usual | fields


HOP = Call("mockb/v1", "mockc/v2", "mockc", "v2", 200, 0.0015)
BY_WEIGHT = {"listener": "gateway", "at": "127.0.0.1", "route": "by weight"}


@pytest.mark.parametrize(
    ("mesh", "told", "call"),
    [
        (ASM, {}, HOP),
        # Elsewhere the header is whatever a client sent, and baggage tells.
        (ISTIO, {}, Call("mockb/v1", "mockc/v2", "mockc", "v3", 200, 0.0015)),
        (ASM, BY_WEIGHT, Call("gateway", "mockc/v2", "mockc", "v2", 200, 0.0015, drawn=True)),
        (
            ASM,
            {**BY_WEIGHT, "route": "way in", "agent": "curl/8"},
            Call("gateway", "mockc/v2", "mockc", "v2", 200, 0.0015, agent="curl/8"),
        ),
        # No pod answered: the service is the cluster's, or else the authority's.
        (
            ASM,
            {
                "to": None,
                "status": 503,
                "tags": {"version": None},
                "baggage": None,
                "microseconds": None,
            },
            Call("mockb/v1", None, "mockc", None, 503, 0),
        ),
        (
            ASM,
            {"to": None, "cluster": None, "authority": "nowhere.default:80", "status": 502},
            Call("mockb/v1", None, "nowhere", "v2", 502, 0.0015),
        ),
        (ASM, {"at": "127.0.9.99"}, None),
    ],
)
def test_a_line_is_a_call(mesh: Mesh, told: Mapping[str, object], call: Call | None) -> None:
    assert Reader(mesh, plan(mesh), addresses(mesh)).call(line(**told)) == call


def test_an_incomplete_line_is_ignored() -> None:
    assert list(lines([b'{"a": 1}\n', b'{"b": '])) == [{"a": 1}]


def drawn(counts: Counts, now: float, mesh: Mesh = ASM) -> dict[str, Any]:
    found = Lanes(plan(ASM), Gateway(OURS)).draw(
        plan(mesh), {"v1": 40, "v2": 30, "v3": 30}, counts, now
    )
    return {lane["name"]: lane for lane in found}


def links(lane: Mapping[str, Any]) -> list[tuple[str | None, str, bool, bool]]:
    return [(link["to"], link["why"], link["seen"], link["failing"]) for link in lane["links"]]


def test_a_lane_without_recent_requests_is_drawn_as_planned() -> None:
    counts = Counts()
    planned = [
        ("mocka/v2", "match", False, False),
        ("mockb/v1", "fallback", False, False),
        ("mockc/v2", "match", False, False),
    ]
    assert links(drawn(counts, 0)["v2"]) == planned
    counts.add(Call("mockb/v1", "mockc/v1", "mockc", "v2", 200, 0.001), 10)
    counts.add(Call("gateway", "mocka/v2", "mocka", "v2", 503, 0.009, drawn=True), 10)
    now = drawn(counts, 10 + FRESH_SECONDS / 2)["v2"]
    assert links(now) == [("mocka/v2", "match", True, True), ("mockc/v1", "fallback", True, False)]
    assert (now["requests"], now["failed"], now["drawn"], now["median"]) == (1, 1, 1, 9.0)
    assert links(drawn(counts, 10 + 2 * FRESH_SECONDS)["v2"]) == planned


def test_a_hop_is_failing_where_requests_fail_and_not_at_its_callers() -> None:
    counts = Counts()
    # In the order of the log: the gateway's proxy writes its own.
    counts.add(Call("gateway", "mocka/v3", "mocka", "v3", 503, 0.010, began=5.000), 10)
    counts.add(Call("mockb/v3", "mockc/v1", "mockc", "v3", 503, 0.001, began=5.004), 10)
    counts.add(Call("mocka/v3", "mockb/v3", "mockb", "v3", 503, 0.005, began=5.002), 10)
    # Another request fails at mockb, which calls nobody meanwhile.
    counts.add(Call("mocka/v2", "mockb/v1", "mockb", "v2", 500, 0.005, began=5.002), 10)
    counts.add(Call("gateway", "mocka/v2", "mocka", "v2", 500, 0.010, began=5.000), 10)
    at = 10 + FRESH_SECONDS / 2
    lanes = drawn(counts, at)
    assert [link["to"] for link in lanes["v3"]["links"] if link["failing"]] == ["mockc/v1"]
    assert [link["to"] for link in lanes["v2"]["links"] if link["failing"]] == ["mockb/v1"]
    failing = {name for name, figures in nodes(ASM, counts, at).items() if figures["failing"]}
    assert failing == {"mockc/v1", "mockb/v1"}
    assert counts.failing(10) == frozenset()  # what is behind may still come
    assert counts.failing(10 + 2 * FRESH_SECONDS) == frozenset()


def test_a_lane_is_drawn_as_planned_for_the_pods_that_are_ready() -> None:
    gone = [pod for pod in ASM.pods if pod.name == "mockc-v2"]
    assert links(drawn(Counts(), 0, without_pods(ASM, gone))["v2"])[-1] == (
        "mockc/v1",
        "fallback",
        False,
        False,
    )
    gone = [pod for pod in ASM.pods if pod.app == "mockc"]
    assert links(drawn(Counts(), 0, without_pods(ASM, gone))["v2"])[-1] == (
        None,
        "none",
        False,
        False,
    )


def test_the_split_has_an_interval_once_it_has_requests() -> None:
    counts = Counts()
    assert drawn(counts, 0)["v1"]["interval"] is None
    for _ in range(100):
        counts.add(Call("gateway", "mocka/v1", "mocka", "v1", 200, 0.001, drawn=True), 0)
    counts.add(Call("gateway", "mocka/v2", "mocka", "v2", 200, 0.001), 0)
    lanes = drawn(counts, 0)
    assert lanes["v1"]["interval"][0] > lanes["v1"]["share"] == 0.4
    assert (lanes["v2"]["requests"], lanes["v2"]["drawn"]) == (1, 0)


def test_figures_of_the_latest_calls() -> None:
    counts = Counts()
    for milliseconds in range(1, 102):
        counts.add(Call("gateway", "mocka/v1", "mocka", "v1", 200, milliseconds / 1000), 0)
    figures = numbers(counts.nodes["mocka/v1"])
    assert figures == {"requests": 101, "failed": 0, "median": 51.0, "p99": 100.0}
    assert numbers(None) == {"requests": 0, "failed": 0, "median": None, "p99": None}


def test_services_have_their_depth_in_the_call_graph() -> None:
    found = services(PULL_REQUESTS, plan(PULL_REQUESTS))
    assert {service["name"]: service["depth"] for service in found} == {
        "shop": 0,
        "cart": 1,
        "stock": 2,
        "users": 1,
    }


def test_services_that_no_lane_changes_fold() -> None:
    mesh = load("examples/online-boutique/rendered")
    found = services(mesh, plan(mesh))
    shown = [service["name"] for service in found if not service["folds"]]
    assert shown == ["frontend", "productcatalogservice"]
    assert len(found) == 10


@pytest.mark.parametrize("folder", ["examples/pull-requests/rendered", "k8s/asm", BOUTIQUE])
def test_few_services_do_not_fold(folder: str) -> None:
    mesh = load(folder)
    assert not any(service["folds"] for service in services(mesh, plan(mesh)))


@pytest.mark.parametrize("folder", ["k8s/asm", "k8s/istio", "examples/fan-out/rendered.yaml"])
def test_weights_change_in_the_default_route_alone(folder: str) -> None:
    mesh = load(folder)
    split = Split(mesh, plan(mesh))
    weights = {lane: number for number, lane in enumerate(split.weights, start=1)}
    (host,) = split.routes(weights)["virtual_hosts"]
    (rule,) = [route for route in host["routes"] if route["name"] == "by weight"]
    clusters = rule["route"]["weighted_clusters"]["clusters"]
    assert [cluster["weight"] for cluster in clusters] == list(weights.values())
    unchanged = split.routes(split.weights)["virtual_hosts"]
    assert [route for route in host["routes"] if route is not rule] == [
        route for route in unchanged[0]["routes"] if route["name"] != "by weight"
    ]


def test_all_listeners_log_and_the_gateway_reads_routes_from_a_file() -> None:
    config = bootstrap(ASM, addresses(ASM), 8080, "/a/socket")
    for listener in tapped(config, ["version"], "/dev/fd/7", Path("/x"))["static_resources"][
        "listeners"
    ]:
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        (log,) = manager["access_log"]
        assert log["typed_config"]["path"] == "/dev/fd/7"
        assert ("rds" in manager, "route_config" in manager) in ((True, False), (False, True))
        assert ("rds" in manager) == (listener["name"] == "gateway")


def test_routes_of_the_file_name_the_headers_that_stand_ins_propagate() -> None:
    lane = kube.rule(kube.to("cart", "v2"), match=[kube.header_is("x-lane", "v2")])
    mesh = mesh_of(
        kube.gateway(),
        kube.virtual_service("*", kube.rule(kube.to("shop")), gateways=["demo-gateway"]),
        kube.virtual_service("cart", lane, kube.rule(kube.to("cart", "v1"))),
        kube.destination_rule("cart", "v1", "v2"),
        *map(kube.service, ("shop", "cart")),
        kube.foreign("shop", CART="cart:8000"),
        *(kube.foreign("cart", version) for version in ("v1", "v2")),
    )
    split = Split(mesh, plan(mesh))
    told = split.routes(split.weights)["typed_per_filter_config"]["keep-headers"]
    assert told["filter_context"] == {"headers": ["x-lane"], "prefixes": []}


@pytest.mark.parametrize(
    ("rule", "command"),
    [
        (EntryRule({"x-lane": "pr-7"}), "curl -H 'x-lane: pr-7' http://127.0.0.1:8081/"),
        (EntryRule({"x-empty": ""}), "curl -H 'x-empty;' http://127.0.0.1:8081/"),
        (
            EntryRule({"cookie": "lane=pr 7; it's"}, host="shop.example", path="/a b?c=d"),
            "curl -H 'Host: shop.example' -H 'cookie: lane=pr 7; it'\"'\"'s'"
            " 'http://127.0.0.1:8081/a%20b?c=d'",
        ),
        (EntryRule(method="POST"), "curl -X POST http://127.0.0.1:8081/"),
        (EntryRule(method="HEAD"), "curl --head http://127.0.0.1:8081/"),
        (EntryRule({"x-lane": "a\nb"}), ""),
    ],
)
def test_an_entry_rule_has_a_command_to_copy(rule: EntryRule, command: str) -> None:
    assert curl(Gateway(OURS), rule) == command


class Recorder:
    """Records calls in place of `Live`."""

    def __init__(self) -> None:
        self.done: list[object] = []

    def stop_pod(self, pod: str) -> None:
        self.done.append(("stop", pod))

    kill_pod = start_pod = stop_pod

    def set_fault(self, pod: str, delay: str, rate: float) -> None:
        self.done.append((pod, delay, rate))

    def set_weights(self, _: object) -> None:
        raise LanesError("one weight has to be above 0")

    def switch_load(self, on: bool, rate: int) -> None:
        self.done.append((on, rate))


STOP = {"pod": "default/mockc-v2", "do": "stop"}


def post(
    path: str, body: object, origin: str | None = OURS, host: str = "127.0.0.1:8081", kind: str = ""
) -> tuple[int, str, list[object]]:
    mesh: Any = Recorder()
    client = server.create_app(mesh, 8081).test_client()
    answer = client.post(
        path,
        data=json.dumps(body),
        headers={"Host": host, **({"Origin": origin} if origin else {})},
        content_type=kind or "application/json",
    )
    return answer.status_code, answer.text, mesh.done


def test_the_page_itself_can_change_the_mesh() -> None:
    assert post("/pods", STOP) == (204, "", [("stop", "default/mockc-v2")])
    assert post("/pods", STOP, "http://localhost:8081", "localhost:8081")[0] == 204
    assert post("/fault", {"pod": "p", "delay": "20/200", "rate": 1}) == (
        204,
        "",
        [("p", "20/200", 1.0)],
    )
    assert post("/load", {"on": True, "rate": 10})[2] == [(True, 10)]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"origin": None}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:8080"}, 403),
        ({"origin": "https://127.0.0.1:8081"}, 403),
        ({"origin": "http://evil.test:8081", "host": "evil.test:8081"}, 400),
        ({"host": "evil.test:8081"}, 400),
        ({"host": "127.0.0.1.evil.test:8081"}, 400),
        ({"kind": "text/plain"}, 415),
        ({"kind": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_another_page_cannot_change_the_mesh(asked: dict[str, Any], status: int) -> None:
    assert post("/pods", STOP, **asked)[::2] == (status, [])


def test_other_hosts_and_pages_cannot_read_the_page() -> None:
    mesh: Any = Recorder()
    client = server.create_app(mesh, 8081).test_client()
    assert client.get("/events", headers={"Host": "evil.test:8081"}).status_code == 400
    here = {"Host": "127.0.0.1:8081"}
    fetched = {**here, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert client.get("/", headers=fetched).status_code == 403
    followed = {**fetched, "Sec-Fetch-Mode": "navigate"}
    with client.get("/", headers=followed) as page:
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/pods", {"pod": "p", "do": "sing"}, 400, "do is one of stop, kill, start"),
        ("/pods", {"pod": "p"}, 400, "the body has to be an object with pod, do"),
        ("/pods", [], 400, "the body has to be an object with pod, do"),
        ("/fault", {"pod": "p", "delay": 5, "rate": 0}, 400, "delay is not a str"),
        ("/load", {"on": 1, "rate": 5}, 400, "on is not a bool"),
        ("/weights", {"weights": {"v1": 0.5}}, 400, "a weight is a whole number"),
        ("/weights", {"weights": {"v1": 0}}, 409, "one weight has to be above 0"),
    ],
)
def test_a_wrong_request_is_answered_with_a_sentence(
    path: str, body: object, status: int, said: str
) -> None:
    assert post(path, body) == (status, f"{said}\n", [])


def test_commands_without_the_page_do_not_import_it() -> None:
    code = (
        "import sys, lanes.cli, lanes.demo, lanes.running.runtime, lanes.running.watch\n"
        "print([m for m in sys.modules if m.startswith(('lanes.page', 'flask', 'werkzeug'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "[]\n"


def test_the_page_refers_to_no_other_server() -> None:
    for file in (ROOT / "lanes/page/static").iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http" not in text, file.name
