"""Features in combination: ports, shares, faults, lane headers, host names, variables, calls."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from lanes.report.plan import one_line
from tests.kube import (
    Document,
    backend,
    deployment,
    destination_rule,
    foreign,
    gateway,
    header_propagation,
    http_route,
    instrumentation,
    put,
    route_rule,
    rule,
    service,
    to,
    to_gateway,
    virtual_service,
)
from tests.unit.lanes.reading import config_of, lanes_of, mesh_of, plan_of, refusal

B = [service("b"), deployment("b", "v1"), deployment("b", "v2"), destination_rule("b", "v1", "v2")]


def at_gateway(*rules: Document) -> list[Document]:
    """Return a gateway with these rules."""
    return [gateway(), virtual_service("*", *rules, gateways=["demo-gateway"])]


# Ports


def with_ports(version: str, **ports: int) -> Document:
    """Return pods of b with these named container ports."""
    container_ports = [{"name": name, "containerPort": number} for name, number in ports.items()]
    path = "spec.template.spec.containers[0].ports"
    return put(deployment("b", version), path, container_ports)


def endpoints(documents: Sequence[Document], name: str) -> list[tuple[str, int]]:
    """Return the version and port of each endpoint of an Envoy cluster, such as "80|v2|b".

    The pods run a command, because a stand-in has the same port for every cluster.
    """
    mesh = mesh_of(*documents, commands=("b=./b",))
    addresses = {f"127.0.9.{n}": pod for n, pod in enumerate(mesh.pods, start=1)}
    clusters = config_of(mesh)["static_resources"]["clusters"]
    (cluster,) = [c for c in clusters if c["name"] == f"outbound|{name}.default.svc.cluster.local"]
    sockets = [
        host["endpoint"]["address"]["socket_address"]
        for tier in cluster["load_assignment"]["endpoints"]
        for host in tier["lb_endpoints"]
    ]
    return [(addresses[at["address"]].version, at["port_value"]) for at in sockets]


@pytest.mark.parametrize(
    ("ports", "cluster", "expected"),
    [
        ([{"port": 80}], "80||b", [("v1", 80), ("v2", 80)]),
        ([{"port": 80, "targetPort": 8000}], "80||b", [("v1", 8000), ("v2", 8000)]),
        ([{"port": 8000, "targetPort": 0}], "8000||b", [("v1", 8000), ("v2", 8000)]),
        ([{"port": 80, "targetPort": "http"}], "80||b", [("v1", 8000), ("v2", 9000)]),
        (
            [{"port": 80, "targetPort": "http", "name": "web"}],
            "80||b",
            [("v1", 8000), ("v2", 9000)],
        ),
        ([{"port": 80, "targetPort": "web"}], "80||b", [("v1", 8080), ("v2", 8080)]),
        (
            [{"port": 80, "targetPort": "http"}, {"port": 81, "targetPort": "web"}],
            "81||b",
            [("v1", 8080), ("v2", 8080)],
        ),
        (
            [{"port": 80, "targetPort": "http"}, {"port": 81, "targetPort": 7000}],
            "80|v2|b",
            [("v2", 9000)],
        ),
        ([{"port": 81, "targetPort": 7000}, {"port": 80}], "81|v2|b", [("v2", 7000)]),
        (
            [{"port": 80}, {"port": 80, "protocol": "UDP", "targetPort": 53}],
            "80||b",
            [("v1", 80), ("v2", 80)],
        ),
    ],
)
def test_a_service_port_reaches_the_target_port_by_number_or_by_the_pods_port_name(
    ports: list[Document], cluster: str, expected: list[tuple[str, int]]
) -> None:
    numbers = dict.fromkeys(port["port"] for port in ports)
    rules = [
        rule(to("b", port=n), to("b", "v2", port=n), match=[{"port": n}]) | {"name": str(n)}
        for n in numbers
    ]
    for each in rules:
        each["route"][0]["weight"] = each["route"][1]["weight"] = 1
    documents = [
        put(service("b"), "spec.ports", ports),
        with_ports("v1", http=8000, web=8080),
        with_ports("v2", http=9000, web=8080),
        destination_rule("b", "v1", "v2"),
        virtual_service("b", *rules),
    ]
    assert endpoints(documents, cluster) == expected


TWO_PORTS = put(service("b"), "spec.ports", [{"port": 80, "targetPort": 8000}, {"port": 8000}])


@pytest.mark.parametrize(
    ("url", "version"),
    [
        ("http://b/", "v1"),
        ("http://b:80/", "v1"),
        ("http://b:8000/", "v2"),
        ("http://b.default:8000/", "v2"),
        ("http://b.default.svc.cluster.local/", "v1"),
    ],
)
def test_the_port_of_a_call_decides_which_rules_match(url: str, version: str) -> None:
    rules = [
        rule(to("b", "v1"), match=[{"port": 80}]),
        rule(to("b", "v2"), match=[{"port": 8000}]),
    ]
    caller = [service("web"), deployment("web", "v1", url)]
    documents = [
        *at_gateway(rule(to("web"))),
        *caller,
        TWO_PORTS,
        *B[1:],
        virtual_service("b", *rules),
    ]
    assert lanes_of(*documents) == {"untagged": f"web v1, b {version}"}


@pytest.mark.parametrize(
    ("destination", "gateway_port", "expected"),
    [
        (to("b"), 80, 80),  # the gateway's port, because b has it
        (to("b"), 8000, 8000),
        (to("b", port=8000), 80, 8000),
        (to("b", port=80), 8000, 80),
    ],
)
def test_a_destination_without_a_port_has_the_port_of_the_request(
    destination: Document, gateway_port: int, expected: int
) -> None:
    entered = virtual_service("*", rule(destination), gateways=["demo-gateway"])
    mesh = mesh_of(gateway(port=gateway_port), entered, TWO_PORTS, *B[1:])
    (part,) = mesh.gateway[0].routes[0].destinations
    assert part.destination.name == f"outbound|{expected}||b.default.svc.cluster.local"


# Shares and faults


def aborts(status: int, percent: float | None) -> Document:
    """Return the fields of a rule that answers a share of requests with a status."""
    share = {} if percent is None else {"percentage": {"value": percent}}
    return {"fault": {"abort": {"httpStatus": status, **share}}}


V1, V2, NO_SUBSET = to("b", "v1", weight=3), to("b", "v2", weight=1), to("b", "v9", weight=1)
NO_SERVICE = to("gone", weight=1)


@pytest.mark.parametrize(
    ("route", "path", "failing"),
    [
        (rule(V1), "b v1", []),
        (rule(V1, V2), "b v1 75% v2 25%", []),
        (rule(V1, NO_SUBSET), "b v1", [(503, 0.25)]),
        (rule(V1, NO_SERVICE), "b v1", [(503, 0.25)]),
        (rule(V1, NO_SUBSET, NO_SERVICE), "b v1", [(503, 0.4)]),
        (rule(V1, NO_SUBSET, NO_SUBSET), "b v1", [(503, 0.4)]),
        (rule(V1, to("b", "v9", weight=0)), "b v1", []),
        (rule(V1, **aborts(503, 20)), "b v1", [(503, 0.2)]),
        (rule(V1, **aborts(418, 50)), "b v1", [(418, 0.5)]),
        (rule(V1, NO_SUBSET, **aborts(418, 20)), "b v1", [(418, 0.2), (503, 0.2)]),
        (rule(V1, V2, **aborts(418, 20)), "b v1 75% v2 25%", [(418, 0.2)]),
        (rule(V1, **aborts(418, 0)), "b v1", []),
        (rule(V1, **aborts(418, None)), "b v1", []),
        (rule(V1, fault={"delay": {"fixedDelay": "1s"}}), "b v1", []),
        (rule(to("b", weight=1), V2), "b v1|v2", []),
        (rule(to("b", "v9", fallback="v2")), "b v2", []),
        (rule(to("b", "v9", fallback="v2", weight=1), V1), "b v1 75% v2 25%", []),
        (rule(to("b", "v9", fallback="v8", weight=1), V1), "b v1", [(503, 0.25)]),
    ],
)
def test_shares_of_a_rule_by_version_and_by_error(
    route: Document, path: str, failing: list[tuple[int, float]]
) -> None:
    (lane,) = plan_of(*at_gateway(route), *B).lanes
    failed = ", ".join(f"{status} {share:.0%}" for status, share in failing)
    assert one_line(lane) == (f"{path} ({failed})" if failed else path)
    assert [error.status for error in lane.entry.failing] == [status for status, _ in failing]
    shares = [share for _, share in failing]
    assert [error.share for error in lane.entry.failing] == pytest.approx(shares)


@pytest.mark.parametrize(
    ("route", "service", "failing"),
    [
        (rule(NO_SUBSET), "b", []),
        (rule(NO_SUBSET, **aborts(418, 20)), "b", [418]),
        (rule(NO_SERVICE), "gone", []),
        (rule(NO_SUBSET, NO_SERVICE), "b", []),
        (rule(to("b", weight=0), NO_SUBSET), "b", []),
        (rule(to("b", "v9", fallback="v8")), "b", []),
    ],
)
def test_a_rule_without_any_endpoint_is_answered_with_503(
    route: Document, service: str, failing: list[int]
) -> None:
    (lane,) = plan_of(*at_gateway(route), *B).lanes
    assert (lane.entry.service, lane.entry.versions, lane.entry.status) == (service, (), 503)
    assert [error.status for error in lane.entry.failing] == failing


@pytest.mark.parametrize(
    ("weights", "path"),
    [
        ((1, 1), "b v1 50% v2 50%"),
        ((1, 0), "b v1"),
        ((0, 1), "b v2"),
        ((None, 3), "b v1 25% v2 75%"),  # the API's default is 1
        ((3, None), "b v1 75% v2 25%"),
    ],
)
def test_backends_of_an_http_route_split_by_weight(
    weights: tuple[int | None, int | None], path: str
) -> None:
    backends = [
        backend(f"b-{v}", **({} if weight is None else {"weight": weight}))
        for v, weight in zip(("v1", "v2"), weights, strict=True)
    ]
    versions = [service(f"b-{v}", selector={"app": "b", "version": v}) for v in ("v1", "v2")]
    route = http_route("b", to_gateway(), route_rule(*backends))
    assert lanes_of(*B[:3], *versions, route) == {"untagged": path}


# Lane headers


@pytest.mark.parametrize(
    ("selection", "version"),
    [
        ({}, "v2"),
        ({"labels": {"app": "web"}}, "v2"),
        ({"labels": {"app": "web", "version": "v1"}}, "v2"),
        ({"labels": {"app": "b"}}, "v1"),
        # It selects no pods: services are assumed to propagate the header themselves.
        ({"labels": {"app": "web", "version": "v2"}}, "v2"),
        ({"namespace": "other"}, "v2"),
        ({"labels": {"app": "web"}, "namespace": "other"}, "v2"),
    ],
)
def test_headers_are_propagated_by_the_workloads_that_a_propagation_selects(
    selection: Any, version: str
) -> None:
    """web propagates baggage; its sidecar copies the header into baggage if it is selected."""
    sets_lane = rule(to("web", headers={"request": {"set": {"x-lane": "v2"}}}))
    lane_rule = rule(to("b", "v2"), match=[{"headers": {"x-lane": {"exact": "v2"}}}])
    documents = [
        *at_gateway(sets_lane),
        service("web"),
        deployment("web", "v1", "b"),
        header_propagation("x-lane", **selection),
        virtual_service("b", lane_rule, rule(to("b", "v1"))),
    ]
    planned = plan_of(*documents, *B, headers={})
    assert one_line(planned.lanes[0]) == f"web v1, b {version}"


@pytest.mark.parametrize(
    ("of_rule", "of_destination", "lane_name"),
    [
        ({"set": {"version": "v2"}}, {}, "v2"),
        ({}, {"set": {"version": "v2"}}, "v2"),
        (
            {"set": {"version": "v2"}},
            {"set": {"version": "v1"}},
            "v2",
        ),  # the rule's change is applied last
        ({"remove": ["version"]}, {"set": {"version": "v2"}}, "untagged"),
        ({"set": {"version": "v2"}}, {"remove": ["version"]}, "v2"),
        ({"add": {"version": "v2"}}, {}, "v2"),
    ],
)
def test_header_changes_of_a_destination_apply_before_those_of_its_rule(
    of_rule: Document, of_destination: Document, lane_name: str
) -> None:
    changes = rule(to("b", headers={"request": of_destination}), headers={"request": of_rule})
    (lane,) = plan_of(*at_gateway(changes), header_propagation("version"), *B).lanes
    assert lane.name == lane_name


# Host names


@pytest.mark.parametrize(
    ("host", "version"),
    [
        ("shop.org", "v1"),
        ("SHOP.org", "v1"),
        ("a.shop.org", "v2"),
        ("b.a.shop.org", "v3"),
        ("a.b.a.shop.org", "v3"),
        ("a.org", "v4"),
        ("shop.net", "v5"),
    ],
)
@pytest.mark.parametrize("reverse", [False, True])
def test_the_virtual_host_with_the_longest_matching_domain_has_the_request(
    host: str, version: str, reverse: bool
) -> None:
    domains = ["shop.org", "*.shop.org", "*.a.shop.org", "*.org", "*"]
    rules = [
        virtual_service(domain, rule(to("b", f"v{n}")), gateways=["demo-gateway"], name=f"r{n}")
        for n, domain in enumerate(domains, start=1)
    ]
    pods = [deployment("b", f"v{n}") for n in range(1, 6)]
    subsets = destination_rule("b", *(f"v{n}" for n in range(1, 6)))
    if reverse:
        rules.reverse()
    documents = [gateway(), *rules, service("b"), *pods, subsets]
    assert one_line(plan_of(*documents, domain=host).lanes[0]) == f"b {version}"


@pytest.mark.parametrize(
    ("server", "host", "domains"),
    [
        ("*", "*", ["*"]),
        ("*", "shop.org", ["shop.org"]),
        ("shop.org", "*", ["shop.org"]),
        ("*.shop.org", "a.shop.org", ["a.shop.org"]),
        ("a.shop.org", "*.shop.org", ["a.shop.org"]),
        ("*.shop.org", "*.a.shop.org", ["*.a.shop.org"]),
        ("*.shop.org", "shop.org", []),
        ("shop.org", "shop.net", []),
        ("Shop.org", "sHop.org", ["shop.org"]),
        ("./shop.org", "shop.org", ["shop.org"]),
        ("default/shop.org", "shop.org", ["shop.org"]),
        ("*/shop.org", "shop.org", ["shop.org"]),
        ("other/shop.org", "shop.org", []),
        ("*", "b", ["b.default.svc.cluster.local"]),
    ],
)
def test_a_gateway_serves_the_hosts_that_its_server_and_a_virtual_service_share(
    server: str, host: str, domains: list[str]
) -> None:
    documents = [gateway(server), virtual_service(host, rule(to("b")), gateways=["demo-gateway"])]
    if not domains:
        assert "spec.hosts: none is served by gateway demo-gateway" in refusal(*documents, *B)
        return
    assert [served.domain for served in mesh_of(*documents, *B).gateway] == domains


# Variables


def config_map(name: str, **data: str) -> Document:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def namespace(**annotations: str) -> Document:
    metadata = {"name": "default", "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def container(env: Mapping[str, str] | None = None, *maps: str, key: str = "") -> Document:
    """Return a pod with variables of its own, from ConfigMaps, and X from the ConfigMap `key`."""
    variables: list[Document] = [{"name": n, "value": v} for n, v in (env or {}).items()]
    if key:
        source = {"configMapKeyRef": {"name": key, "key": "X"}}
        variables.append({"name": "X", "valueFrom": source})
    sources = [{"configMapRef": {"name": name}} for name in maps]
    path = "spec.template.spec.containers[0]"
    return put(put(foreign("b"), f"{path}.env", variables), f"{path}.envFrom", sources)


MAPS = [config_map("one", X="1"), config_map("two", X="2"), config_map("ref", X="$(Y)")]
INJECT = "instrumentation.opentelemetry.io/inject-python"


@pytest.mark.parametrize(
    ("pod", "value"),
    [
        (container({"X": "own"}), "own"),
        (container({}, "one"), "1"),
        (container({}, "one", "two"), "2"),
        (container({}, "two", "one"), "1"),
        (container({"X": "own"}, "one", "two"), "own"),
        (container({}, key="two"), "2"),
        (container({"X": "own"}, "one", key="two"), "2"),
        (container({"Y": "y", "X": "$(Y)"}), "y"),
        (container({"X": "$(Y)", "Y": "y"}), "$(Y)"),
        (container({"Y": "y", "X": "$$(Y)"}), "$(Y)"),
        (container({"Y": "y"}, "ref"), "$(Y)"),  # values from a ConfigMap are not expanded
        (container({"X": "$(X)0"}, "one"), "10"),
        (container({}, "gone"), None),
    ],
)
def test_a_containers_own_variable_wins_over_its_last_config_map(
    pod: Document, value: str | None
) -> None:
    (read,) = mesh_of(*MAPS, pod).pods
    assert read.env.get("X") == value


@pytest.mark.parametrize(
    ("of_pod", "of_language", "general", "expected"),
    [
        (None, None, None, "baggage"),
        (None, None, "b3", "b3"),
        (None, "jaeger", "b3", "jaeger"),
        (None, "jaeger", None, "jaeger"),
        ("none", "jaeger", "b3", "none"),
        ("none", None, None, "none"),
    ],
)
def test_otel_variables_of_the_pod_win_over_the_languages_and_the_instrumentations(
    of_pod: str | None, of_language: str | None, general: str | None, expected: str
) -> None:
    name = "OTEL_PROPAGATORS"
    resource = instrumentation("baggage", env={name: general} if general else {})
    if of_language:
        resource = put(resource, "spec.python.env", [{"name": name, "value": of_language}])
        resource = put(resource, "spec.java.env", [{"name": name, "value": "java"}])
    pod = deployment("b", env={name: of_pod} if of_pod else {}, annotations={INJECT: "true"})
    (read,) = mesh_of(resource, pod).pods
    assert read.env[name] == expected


@pytest.mark.parametrize(
    ("of_pod", "of_namespace", "languages"),
    [
        (None, None, ()),
        ("true", None, ("python",)),
        (None, "true", ("python",)),
        ("false", "true", ()),
        ("False", "true", ()),
        ("true", "false", ("python",)),
        ("instrumentation", "gone", ("python",)),
        ("", "true", ("python",)),
    ],
)
def test_the_injection_annotation_of_a_pod_wins_over_its_namespaces(
    of_pod: str | None, of_namespace: str | None, languages: tuple[str, ...]
) -> None:
    pod = deployment("b", annotations={} if of_pod is None else {INJECT: of_pod})
    annotated = namespace(**({} if of_namespace is None else {INJECT: of_namespace}))
    (read,) = mesh_of(instrumentation(), annotated, pod).pods
    assert read.injected == languages


# The call graph


@pytest.mark.parametrize(
    ("env", "annotation", "option", "path"),
    [
        ({}, "", {}, "web v1"),
        ({"TO": "b:8000"}, "", {}, "web v1, b v1"),
        ({"TO": "b:8000"}, "c", {}, "web v1, c v1"),
        ({"TO": "b:8000", "upstream_url": "http://c:8000/"}, "", {}, "web v1, c v1"),
        ({"upstream_url": "http://b:8000/"}, "c", {}, "web v1, b v1"),
        ({"upstream_url": "http://b:8000/"}, "c", {"web": ("c",)}, "web v1, c v1"),
        ({"TO": "b:8000"}, "b", {"web": ("c",)}, "web v1, c v1"),
        ({"TO": "b:8000"}, "b", {"web": ()}, "web v1"),
        ({"TO": "b:8000"}, "", {"web.default": ("c",)}, "web v1, c v1"),
        ({"TO": "b"}, "", {}, "web v1"),
        ({"TO": "b:8000,c:8000"}, "", {}, "web v1, b v1, c v1"),
        ({"TO": "c:8000", "AND": "b:8000"}, "", {}, "web v1, c v1, b v1"),
        ({"OTEL_TO": "b:8000"}, "", {}, "web v1"),
        ({"TO": "web:8000"}, "", {}, "web v1"),
        ({"TO": "b:8001"}, "", {}, "web v1"),
        ({"TO": "https://b:8000"}, "", {}, "web v1"),
    ],
)
def test_calls_come_from_the_option_then_upstream_url_then_the_annotation_then_variables(
    env: Mapping[str, str], annotation: str, option: Mapping[str, tuple[str, ...]], path: str
) -> None:
    web = service("web")
    if annotation:
        web["metadata"]["annotations"] = {"traffic-lanes/calls": annotation}
    others = [d for name in ("b", "c") for d in (service(name), foreign(name))]
    documents = [*at_gateway(rule(to("web"))), web, foreign("web", **env), *others]
    (lane,) = plan_of(*documents, calls=option).lanes
    assert one_line(lane) == path
