"""Where two things that are right alone meet: ports, shares, faults, variables, names of hosts."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from lanes.report.plan import one_line
from tests.kube import (
    Document,
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
from tests.kube import backend as leads
from tests.unit.lanes.reading import config_of, lanes_of, mesh_of, plan_of, refusal

B = [service("b"), deployment("b", "v1"), deployment("b", "v2"), destination_rule("b", "v1", "v2")]


def entering(*rules: Document, hosts: str = "*") -> list[Document]:
    return [gateway(), virtual_service(hosts, *rules, gateways=["demo-gateway"])]


# Ports


def listening(version: str, **ports: int) -> Document:
    """A pod of b whose ports have these names."""
    named = [{"name": name, "containerPort": number} for name, number in ports.items()]
    path = "spec.template.spec.containers[0].ports"
    return put(deployment("b", version), path, named)


def endpoints(documents: Sequence[Document], name: str) -> list[tuple[str, int]]:
    """The pods, by version, and the ports that Envoy's cluster of this name leads to.

    The pods run their own code: a stand-in listens at one port, whichever is asked for.
    """
    mesh = mesh_of(*documents, commands=("b=./b",))
    addresses = {f"127.0.9.{n}": pod for n, pod in enumerate(mesh.pods, start=1)}
    made = config_of(mesh)["static_resources"]["clusters"]
    (cluster,) = [c for c in made if c["name"] == f"outbound|{name}.default.svc.cluster.local"]
    at = [
        host["endpoint"]["address"]["socket_address"]
        for tier in cluster["load_assignment"]["endpoints"]
        for host in tier["lb_endpoints"]
    ]
    return [(addresses[one["address"]].version, one["port_value"]) for one in at]


@pytest.mark.parametrize(
    ("ports", "cluster", "found"),
    [
        ([{"port": 80}], "80||b", [("v1", 80), ("v2", 80)]),
        ([{"port": 80, "targetPort": 8000}], "80||b", [("v1", 8000), ("v2", 8000)]),
        ([{"port": 8000, "targetPort": 0}], "8000||b", [("v1", 8000), ("v2", 8000)]),
        ([{"port": 80, "targetPort": "http"}], "80||b", [("v1", 8000), ("v2", 9000)]),
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
def test_a_services_port_leads_to_its_target_by_number_or_by_each_pods_name(
    ports: list[Document], cluster: str, found: list[tuple[str, int]]
) -> None:
    numbers = dict.fromkeys(port["port"] for port in ports)
    rules = [
        rule(to("b", port=n), to("b", "v2", port=n), match=[{"port": n}]) | {"name": str(n)}
        for n in numbers
    ]
    for one in rules:
        one["route"][0]["weight"] = one["route"][1]["weight"] = 1
    documents = [
        put(service("b"), "spec.ports", ports),
        listening("v1", http=8000, web=8080),
        listening("v2", http=9000, web=8080),
        destination_rule("b", "v1", "v2"),
        virtual_service("b", *rules),
    ]
    assert endpoints(documents, cluster) == found


TWO = put(service("b"), "spec.ports", [{"port": 80, "targetPort": 8000}, {"port": 8000}])


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://b/", "v1"),
        ("http://b:80/", "v1"),
        ("http://b:8000/", "v2"),
        ("http://b.default:8000/", "v2"),
        ("http://b.default.svc.cluster.local/", "v1"),
    ],
)
def test_a_call_meets_the_rules_of_the_port_that_it_names(url: str, found: str) -> None:
    rules = [
        rule(to("b", "v1"), match=[{"port": 80}]),
        rule(to("b", "v2"), match=[{"port": 8000}]),
    ]
    caller = [service("web"), deployment("web", "v1", url)]
    documents = [*entering(rule(to("web"))), *caller, TWO, *B[1:], virtual_service("b", *rules)]
    assert lanes_of(*documents) == {"untagged": f"web v1, b {found}"}


@pytest.mark.parametrize(
    ("target", "port", "found"),
    [
        (to("b"), 80, 80),  # the port of the gateway, where b has it
        (to("b"), 8000, 8000),
        (to("b", port=8000), 80, 8000),
        (to("b", port=80), 8000, 80),
    ],
)
def test_a_destination_has_the_port_that_it_names_or_that_was_asked(
    target: Document, port: int, found: int
) -> None:
    entered = virtual_service("*", rule(target), gateways=["demo-gateway"])
    mesh = mesh_of(gateway(port=port), entered, TWO, *B[1:])
    (way,) = mesh.gateway[0].routes[0].destinations
    assert way.destination.name == f"outbound|{found}||b.default.svc.cluster.local"


# Shares and faults


def aborts(status: int, percent: float | None) -> Document:
    share = {} if percent is None else {"percentage": {"value": percent}}
    return {"fault": {"abort": {"httpStatus": status, **share}}}


V1, V2, NONE = to("b", "v1", weight=3), to("b", "v2", weight=1), to("b", "v9", weight=1)
GONE = to("gone", weight=1)


@pytest.mark.parametrize(
    ("asked", "path", "failing"),
    [
        (rule(V1), "b v1", []),
        (rule(V1, V2), "b v1 75% v2 25%", []),
        (rule(V1, NONE), "b v1", [(503, 0.25)]),
        (rule(V1, GONE), "b v1", [(503, 0.25)]),
        (rule(V1, NONE, GONE), "b v1", [(503, 0.4)]),
        (rule(V1, NONE, NONE), "b v1", [(503, 0.4)]),
        (rule(V1, to("b", "v9", weight=0)), "b v1", []),
        (rule(V1, **aborts(503, 20)), "b v1", [(503, 0.2)]),
        (rule(V1, **aborts(418, 50)), "b v1", [(418, 0.5)]),
        (rule(V1, NONE, **aborts(418, 20)), "b v1", [(418, 0.2), (503, 0.2)]),
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
def test_what_becomes_of_a_rules_shares(
    asked: Document, path: str, failing: list[tuple[int, float]]
) -> None:
    (lane,) = plan_of(*entering(asked), *B).lanes
    failed = ", ".join(f"{status} {share:.0%}" for status, share in failing)
    assert one_line(lane) == (f"{path} ({failed})" if failed else path)
    assert [one.status for one in lane.entry.failing] == [status for status, _ in failing]
    shares = [share for _, share in failing]
    assert [one.share for one in lane.entry.failing] == pytest.approx(shares)


@pytest.mark.parametrize(
    ("asked", "service", "failing"),
    [
        (rule(NONE), "b", []),
        (rule(NONE, **aborts(418, 20)), "b", [418]),
        (rule(GONE), "gone", []),
        (rule(NONE, GONE), "b", []),
        (rule(to("b", weight=0), NONE), "b", []),
        (rule(to("b", "v9", fallback="v8")), "b", []),
    ],
)
def test_a_rule_of_which_no_part_leads_anywhere_is_answered_with_an_error(
    asked: Document, service: str, failing: list[int]
) -> None:
    (lane,) = plan_of(*entering(asked), *B).lanes
    assert (lane.entry.service, lane.entry.versions, lane.entry.status) == (service, (), 503)
    assert [one.status for one in lane.entry.failing] == failing


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
def test_the_shares_of_backends(weights: tuple[int | None, int | None], path: str) -> None:
    backends = [
        leads(f"b-{v}", **({} if weight is None else {"weight": weight}))
        for v, weight in zip(("v1", "v2"), weights, strict=True)
    ]
    versions = [service(f"b-{v}", selector={"app": "b", "version": v}) for v in ("v1", "v2")]
    route = http_route("b", to_gateway(), route_rule(*backends))
    assert lanes_of(*B[:3], *versions, route) == {"untagged": path}


# Lanes and what acts beside them


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({}, "v2"),
        ({"labels": {"app": "web"}}, "v2"),
        ({"labels": {"app": "web", "version": "v1"}}, "v2"),
        ({"labels": {"app": "b"}}, "v1"),
        # It takes nobody: services are assumed to hand the header on by themselves.
        ({"labels": {"app": "web", "version": "v2"}}, "v2"),
        ({"namespace": "other"}, "v2"),
        ({"labels": {"app": "web"}, "namespace": "other"}, "v2"),
    ],
)
def test_a_header_goes_on_at_the_workloads_that_a_propagation_takes(where: Any, found: str) -> None:
    """The gateway sets it; web hands it on in baggage, where its sidecar writes it there."""
    tagged = rule(to("web", headers={"request": {"set": {"x-lane": "v2"}}}))
    chosen = rule(to("b", "v2"), match=[{"headers": {"x-lane": {"exact": "v2"}}}])
    documents = [
        *entering(tagged),
        service("web"),
        deployment("web", "v1", "b"),
        header_propagation("x-lane", **where),
        virtual_service("b", chosen, rule(to("b", "v1"))),
    ]
    planned = plan_of(*documents, *B, headers={})
    assert one_line(planned.lanes[0]) == f"web v1, b {found}"


@pytest.mark.parametrize(
    ("of_rule", "of_destination", "found"),
    [
        ({"set": {"version": "v2"}}, {}, "v2"),
        ({}, {"set": {"version": "v2"}}, "v2"),
        ({"set": {"version": "v2"}}, {"set": {"version": "v1"}}, "v2"),  # the rule's comes last
        ({"remove": ["version"]}, {"set": {"version": "v2"}}, "untagged"),
        ({"set": {"version": "v2"}}, {"remove": ["version"]}, "v2"),
        ({"add": {"version": "v2"}}, {}, "v2"),
    ],
)
def test_the_lane_header_is_what_the_destination_and_then_the_rule_make_of_it(
    of_rule: Document, of_destination: Document, found: str
) -> None:
    asked = rule(to("b", headers={"request": of_destination}), headers={"request": of_rule})
    (lane,) = plan_of(*entering(asked), header_propagation("version"), *B).lanes
    assert lane.name == found


# Names of hosts


@pytest.mark.parametrize(
    ("asked", "found"),
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
@pytest.mark.parametrize("turned", [False, True])
def test_a_request_meets_the_virtual_host_that_names_most_of_its_host(
    asked: str, found: str, turned: bool
) -> None:
    domains = ["shop.org", "*.shop.org", "*.a.shop.org", "*.org", "*"]
    rules = [
        virtual_service(domain, rule(to("b", f"v{n}")), gateways=["demo-gateway"], name=f"r{n}")
        for n, domain in enumerate(domains, start=1)
    ]
    pods = [deployment("b", f"v{n}") for n in range(1, 6)]
    subsets = destination_rule("b", *(f"v{n}" for n in range(1, 6)))
    if turned:
        rules.reverse()
    documents = [gateway(), *rules, service("b"), *pods, subsets]
    assert one_line(plan_of(*documents, domain=asked).lanes[0]) == f"b {found}"


@pytest.mark.parametrize(
    ("server", "wanted", "domains"),
    [
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
def test_a_gateway_serves_what_its_server_and_a_virtual_service_have_in_common(
    server: str, wanted: str, domains: list[str]
) -> None:
    documents = [gateway(server), virtual_service(wanted, rule(to("b")), gateways=["demo-gateway"])]
    if not domains:
        assert "spec.hosts: none is served by gateway demo-gateway" in refusal(*documents, *B)
        return
    assert [host.domain for host in mesh_of(*documents, *B).gateway] == domains


# Variables


def config_map(name: str, **data: str) -> Document:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def namespace(**annotations: str) -> Document:
    metadata = {"name": "default", "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def container(env: Mapping[str, str] | None = None, *maps: str, key: str = "") -> Document:
    """A pod whose container takes variables from these ConfigMaps, and sets some itself."""
    variables: list[Document] = [{"name": n, "value": v} for n, v in (env or {}).items()]
    if key:
        source = {"configMapKeyRef": {"name": key, "key": "X"}}
        variables.append({"name": "X", "valueFrom": source})
    taken = [{"configMapRef": {"name": name}} for name in maps]
    path = "spec.template.spec.containers[0]"
    return put(put(foreign("b"), f"{path}.env", variables), f"{path}.envFrom", taken)


MAPS = [config_map("one", X="1"), config_map("two", X="2"), config_map("ref", X="$(Y)")]
INJECT = "instrumentation.opentelemetry.io/inject-python"


@pytest.mark.parametrize(
    ("pod", "found"),
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
        (container({"Y": "y"}, "ref"), "$(Y)"),  # what a ConfigMap holds is filled in nowhere
        (container({"X": "$(X)0"}, "one"), "10"),
        (container({}, "gone"), None),
    ],
)
def test_a_variable_is_the_containers_own_or_else_the_last_config_maps(
    pod: Document, found: str | None
) -> None:
    (made,) = mesh_of(*MAPS, pod).pods
    assert made.env.get("X") == found


@pytest.mark.parametrize(
    ("own", "of_language", "general", "found"),
    [
        (None, None, None, "baggage"),
        (None, None, "b3", "b3"),
        (None, "jaeger", "b3", "jaeger"),
        (None, "jaeger", None, "jaeger"),
        ("none", "jaeger", "b3", "none"),
        ("none", None, None, "none"),
    ],
)
def test_a_setting_of_opentelemetry_is_the_pods_the_languages_the_instrumentations(
    own: str | None, of_language: str | None, general: str | None, found: str
) -> None:
    name = "OTEL_PROPAGATORS"
    resource = instrumentation("baggage", env={name: general} if general else {})
    if of_language:
        resource = put(resource, "spec.python.env", [{"name": name, "value": of_language}])
        resource = put(resource, "spec.java.env", [{"name": name, "value": "java"}])
    pod = deployment("b", env={name: own} if own else {}, annotations={INJECT: "true"})
    (made,) = mesh_of(resource, pod).pods
    assert made.env[name] == found


@pytest.mark.parametrize(
    ("of_pod", "of_namespace", "found"),
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
def test_a_pod_is_injected_as_it_says_or_else_as_its_namespace_does(
    of_pod: str | None, of_namespace: str | None, found: tuple[str, ...]
) -> None:
    pod = deployment("b", annotations={} if of_pod is None else {INJECT: of_pod})
    about = namespace(**({} if of_namespace is None else {INJECT: of_namespace}))
    (made,) = mesh_of(instrumentation(), about, pod).pods
    assert made.injected == found


# Who calls whom


@pytest.mark.parametrize(
    ("env", "annotated", "asked", "found"),
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
def test_whom_a_service_calls_is_said_by_the_user_its_urls_its_annotation_its_variables(
    env: Mapping[str, str], annotated: str, asked: Mapping[str, tuple[str, ...]], found: str
) -> None:
    web = service("web")
    if annotated:
        web["metadata"]["annotations"] = {"traffic-lanes/calls": annotated}
    others = [d for name in ("b", "c") for d in (service(name), foreign(name))]
    documents = [*entering(rule(to("web"))), web, foreign("web", **env), *others]
    (lane,) = plan_of(*documents, calls=asked).lanes
    assert one_line(lane) == found
