"""The lanes that values describe, in the resources of each provider."""

import re
from typing import Any

import pytest

from tests import kube
from tests.chart.rendering import ISTIO, Resource, Values, of_kind, render, without_tests
from tests.unit.lanes.reading import plan_of

SAMPLE = {"mocka": ["v1", "v2", "v3"], "mockb": ["v1", "v3"], "mockc": ["v1", "v2"]}


def http(resources: list[Resource], name: str) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = of_kind(resources, "VirtualService")[name]["spec"]["http"]
    return rules


def subsets(resources: list[Resource], name: str) -> dict[str, dict[str, Any]]:
    rule = of_kind(resources, "DestinationRule")[name]
    return {subset["name"]: subset for subset in rule["spec"]["subsets"]}


@pytest.mark.parametrize("provider", ["asm", "istio"])
def test_one_deployment_for_each_version(provider: str) -> None:
    resources = render({"mesh": {"provider": provider}})
    assert list(of_kind(resources, "Service")) == list(SAMPLE)
    deployments = of_kind(resources, "Deployment")
    assert list(deployments) == [f"{name}-{v}" for name, vs in SAMPLE.items() for v in vs]
    for name, deployment in deployments.items():
        service, version = name.split("-")
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert (labels["app"], labels["version"]) == (service, version)
        assert labels.get("ASM_TRAFFIC_TAG") == (version if provider == "asm" else None)
        assert deployment["spec"]["selector"] == {
            "matchLabels": {"app": service, "version": version}
        }


def test_the_chain_is_in_the_environment() -> None:
    deployments = of_kind(render(), "Deployment")
    urls = {}
    for name, deployment in deployments.items():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert container["name"] == "default"
        assert not {"command", "args"} & container.keys()
        env = {item["name"]: item.get("value", item.get("valueFrom")) for item in container["env"]}
        assert f"{env['app']}-{env['version']}" == name
        assert env["POD_IP"] == {"fieldRef": {"fieldPath": "status.podIP"}}
        assert env["POD_NAMESPACE"] == {"fieldRef": {"fieldPath": "metadata.namespace"}}
        urls[env["app"]] = env.get("upstream_url")
    assert urls == {"mocka": "http://mockb:8000/", "mockb": "http://mockc:8000/", "mockc": None}


def test_upstreams_stay_in_the_order_given() -> None:
    values: Values = {
        "lanes": {"header": "x-lane"},
        "services": {
            "mocka": {"upstreams": ["mockz", "mockb"], "port": 8080},
            "mockz": {"versions": {"v1": {}}, "port": 81},
        },
    }
    resources = render(values)
    (container,) = of_kind(resources, "Deployment")["mocka-v1"]["spec"]["template"]["spec"][
        "containers"
    ]
    env = {item["name"]: item.get("value") for item in container["env"]}
    assert env["upstream_url"] == "http://mockz:81/,http://mockb:8000/"
    assert env["lane_header"] == "x-lane"
    assert env["port"] == "8080"
    assert container["ports"][0] == {"name": "http", "containerPort": 8080}


def test_asm_matches_the_header_and_falls_back() -> None:
    resources = render()
    for name, versions in SAMPLE.items():
        host = f"{name}.default.svc.cluster.local"
        assert list(subsets(resources, name)) == versions
        *lanes, last = http(resources, name)
        assert [rule["match"] for rule in lanes] == [
            [{"headers": {"version": {"exact": lane}}}] for lane in versions[1:]
        ]
        for rule in lanes:
            assert rule["route"] == [
                {
                    "destination": {"host": host, "subset": rule["name"]},
                    "fallback": {"target": {"host": host, "subset": "v1"}},
                }
            ]
        assert last == {"name": "v1", "route": [{"destination": {"host": host, "subset": "v1"}}]}


def test_asm_gateway_splits_and_stamps() -> None:
    for rule in http(render(), "demo-gateway"):
        assert [(route["destination"]["subset"], route["weight"]) for route in rule["route"]] == [
            ("v1", 40),
            ("v2", 30),
            ("v3", 30),
        ]
        for route in rule["route"]:
            lane = route["destination"]["subset"]
            assert route["headers"] == {"request": {"set": {"version": lane}}}
            assert route.get("fallback", {}).get("target", {}).get("subset") == (
                None if lane == "v1" else "v1"
            )


def test_asm_gateway_falls_back_to_the_port_that_it_asks() -> None:
    resources = render({"services": {"mocka": {"port": 8080}}})
    for rule in http(resources, "demo-gateway"):
        for route in rule["route"]:
            targets = [route["destination"], *(f["target"] for f in [route.get("fallback")] if f)]
            assert [target["port"] for target in targets] == [{"number": 8080}] * len(targets)


def test_asm_gateway_may_lead_to_a_service_of_several_ports() -> None:
    resources = without_tests(render({"services": {"mocka": {"port": 8080}}}))
    ports = of_kind(resources, "Service")["mocka"]["spec"]["ports"]
    two = [*ports, {"name": "admin", "port": 9000, "targetPort": "http"}]
    of_kind(resources, "Service")["mocka"]["spec"]["ports"] = two
    assert [lane.name for lane in plan_of(*resources).lanes] == ["v1", "v2", "v3"]


def test_asm_propagates_the_header() -> None:
    resources = render({"lanes": {"header": "x-lane"}})
    (propagation,) = of_kind(resources, "ASMHeaderPropagation").values()
    assert propagation["spec"] == {"headers": ["x-lane"]}
    assert propagation["metadata"]["name"] == "demo-x-lane-propagation"


@pytest.mark.parametrize("rules", ["changed", "all"])
@pytest.mark.parametrize("provider", ["asm", "istio"])
def test_strict_has_a_rule_and_a_subset_for_every_lane_and_no_fallback(
    provider: str, rules: str
) -> None:
    """A lane's version that is deployed later is found at once."""
    strict = {"mesh": {"provider": provider}, "lanes": {"mode": "strict", "rules": rules}}
    resources = render(strict)
    routing = [*of_kind(resources, "VirtualService").values()]
    assert "fallback" not in str(routing)
    for name in SAMPLE:
        assert subsets(resources, name) == {
            lane: {"name": lane, "labels": {"version": lane}} for lane in ("v1", "v2", "v3")
        }
        assert [rule["name"] for rule in http(resources, name)] == ["v2", "v3", "v1"]


@pytest.mark.parametrize("provider", ["asm", "istio"])
def test_rules_of_all_lanes_at_all_services(provider: str) -> None:
    resources = render({"mesh": {"provider": provider}, "lanes": {"rules": "all"}})
    for name in SAMPLE:
        assert [rule["name"] for rule in http(resources, name)] == ["v2", "v3", "v1"]


def test_the_gateway_sends_a_lane_that_the_first_service_lacks_to_the_baseline() -> None:
    """With the lane's own header, so that it returns to its lane at a later hop."""
    values: Values = {"services": {"mocka": {"versions": {"v3": None}}}}
    for form in ({}, ISTIO):
        for rule in http(render(form | values), "demo-gateway"):
            sent = {str(r["headers"]["request"]): r for r in rule["route"]}
            (v3,) = (route for tag, route in sent.items() if "v3" in tag)
            assert (v3["destination"]["subset"], v3["weight"]) == ("v1", 30)
            assert "fallback" not in v3
    attached = render(ISTIO | values | {"gateway": {"parentRefs": [{"name": "web"}]}})
    (route,) = of_kind(attached, "HTTPRoute").values()
    backends = [ref["name"] for ref in route["spec"]["rules"][-1]["backendRefs"]]
    assert backends == ["mocka-lane-v1", "mocka-lane-v2", "mocka-lane-v1"]
    assert "mocka-lane-v3" not in of_kind(attached, "Service")


def test_istio_lets_a_lane_end_at_its_own_pods_or_the_baseline() -> None:
    resources = render(ISTIO)
    for name, versions in SAMPLE.items():
        lanes = subsets(resources, name)
        assert list(lanes) == versions
        assert lanes["v1"] == {"name": "v1", "labels": {"version": "v1"}}
        for lane in versions[1:]:
            assert lanes[lane]["labels"] == kube.membership(lane)
            policy = lanes[lane]["trafficPolicy"]
            locality = policy["loadBalancer"]["localityLbSetting"]
            assert locality["failoverPriority"] == [f"version={lane}"]
    for name, labels in pod_labels(resources).items():
        version = name.split("-")[1]
        member = {key: value for key, value in labels.items() if key.startswith("traffic-lanes/")}
        assert member == kube.membership("" if version == "v1" else version)


def pod_labels(resources: list[Resource]) -> dict[str, dict[str, str]]:
    deployments = of_kind(resources, "Deployment").items()
    return {name: one["spec"]["template"]["metadata"]["labels"] for name, one in deployments}


@pytest.mark.parametrize(
    "lanes", [{"rules": "all"}, {"mode": "strict"}, {"weights": {"v4": 0}}], ids=str
)
def test_on_istio_neither_a_mode_nor_a_new_lane_changes_pods_that_are_there(lanes: Values) -> None:
    before = of_kind(render(ISTIO), "Deployment")
    v4: Values = {"versions": {"v4": {}}} if "weights" in lanes else {}
    after = of_kind(render(ISTIO | {"lanes": lanes, "services": {"mockb": v4}}), "Deployment")
    assert before.items() <= after.items()
    assert after.keys() - before.keys() == ({"mockb-v4"} if v4 else set())


def test_on_istio_no_lanes_labels_select_another_lanes_pods() -> None:
    lanes = [f"pr-{number}" for number in range(1, 40)]
    weights: Values = {"v1": 100, "v2": 0, "v3": 0} | dict.fromkeys(lanes, 0)
    versions: Values = {"versions": {lane: {} for lane in lanes}}
    resources = render(ISTIO | {"lanes": {"weights": weights}, "services": {"mockb": versions}})
    pods = {name: labels for name, labels in pod_labels(resources).items() if "mockb" in name}
    for lane, subset in subsets(resources, "mockb").items():
        selected = {name for name, of in pods.items() if subset["labels"].items() <= of.items()}
        assert selected == {"mockb-v1", f"mockb-{lane}"}


def test_istio_tries_again_elsewhere() -> None:
    resources = render(ISTIO)
    for name in of_kind(resources, "VirtualService"):
        for rule in http(resources, name):
            assert rule["retries"] == {
                "attempts": 3,
                "retryOn": "connect-failure,refused-stream,reset,unavailable,503",
                # Else a retry stays with the lane's own pods, be they all dead.
                "retryRemoteLocalities": True,
            }
    careful = render(ISTIO | {"lanes": {"retryOn": ["connect-failure", "refused-stream"]}})
    assert http(careful, "mockb")[0]["retries"]["retryOn"] == "connect-failure,refused-stream"
    assert "retries" not in http(render(ISTIO | {"lanes": {"retryOn": []}}), "mockb")[0]
    assert "retries" not in http(render(), "mockb")[0]


def test_istio_uses_stock_stable_apis_only() -> None:
    versions = {
        (item["apiVersion"], item["kind"])
        for item in render(ISTIO)
        if "istio" in item["apiVersion"]
    }
    assert versions == {
        ("networking.istio.io/v1", kind)
        for kind in ("DestinationRule", "Gateway", "VirtualService")
    }
    assert "fallback" not in str([*of_kind(render(ISTIO), "VirtualService").values()])


@pytest.mark.parametrize(
    ("baggage", "lane"),
    [
        ("version=v2", "v2"),
        ("version=v3", "v3"),
        ("version=v1", None),
        ("userId=alice,version=v2", "v2"),
        ("version=v2,userId=alice", "v2"),
        ("userId=alice, version=v2 , isProduction=false", "v2"),
        ("userId=alice,\tversion = v2", "v2"),
        ("version=v2;ttl=3", "v2"),
        ("version=v2 ; ttl=3;hidden,userId=alice", "v2"),
        ("a=b;p=q,version=v3;x", "v3"),
        ("version=v22", None),
        ("version=v", None),
        ("subversion=v2", None),
        ("version2=v2", None),
        ("x-version=v2", None),
        ("a=version=v2", None),
        ("a=b;version=v2", None),
        ("a=v2", None),
        ("version=", None),
        ("", None),
        (",,version=v2,,", "v2"),
    ],
)
def test_istio_reads_the_lane_from_baggage(baggage: str, lane: str | None) -> None:
    chosen = next(
        rule["name"]
        for rule in http(render(ISTIO), "mocka")
        if all(
            re.fullmatch(match["headers"]["baggage"]["regex"], baggage)
            for match in rule.get("match", [])
        )
    )
    assert chosen == (lane or "v1")


WEIGHTS = {"v1": 40, "v2": 30, "v3": 30}


def test_asm_gateway_removes_client_baggage() -> None:
    (rule,) = http(render(), "demo-gateway")
    assert rule["headers"] == {"request": {"remove": ["baggage"]}}
    assert "match" not in rule


def test_istio_gateway_replaces_client_baggage() -> None:
    (rule,) = http(render(ISTIO), "demo-gateway")
    assert [
        (route["destination"]["subset"], route["weight"], route["headers"])
        for route in rule["route"]
    ] == [
        (lane, weight, {"request": {"set": {"baggage": f"version={lane}"}}})
        for lane, weight in WEIGHTS.items()
    ]


def test_http_route_splits_among_services_of_the_lanes() -> None:
    gateway = {"parentRefs": [{"name": "web", "namespace": "gateways"}], "hosts": ["*", "a.test"]}
    resources = render(ISTIO | {"gateway": gateway})
    assert not of_kind(resources, "Gateway")
    assert "demo-gateway" not in of_kind(resources, "VirtualService")
    (route,) = of_kind(resources, "HTTPRoute").values()
    assert "hostnames" not in route["spec"], "any host will do"
    (clean,) = route["spec"]["rules"]
    assert "matches" not in clean
    services = of_kind(resources, "Service")
    rules = of_kind(resources, "DestinationRule")
    for backend, lane in zip(clean["backendRefs"], ("v1", "v2", "v3"), strict=True):
        name = backend["name"]
        assert name == f"mocka-lane-{lane}"
        selector = services[name]["spec"]["selector"]
        if lane == "v1":
            assert selector == {"app": "mocka", "version": "v1"}
        else:
            assert selector == {"app": "mocka"} | kube.membership(lane)
        assert rules[name]["spec"]["host"] == f"{name}.default.svc.cluster.local"
        # Without it Istio leaves failoverPriority without effect.
        assert rules[name]["spec"]["trafficPolicy"]["outlierDetection"]


@pytest.mark.parametrize("provider", ["asm", "istio"])
def test_hosts_follow_namespace_and_domain(provider: str) -> None:
    values = {"mesh": {"provider": provider}, "clusterDomain": "corp.test"}
    resources = render(values, "--namespace", "shop", release="lanes")
    assert {item["metadata"]["namespace"] for item in resources} == {"shop"}
    assert "default.svc" not in str(resources)
    assert "cluster.local" not in str([*of_kind(resources, "VirtualService").values()])
    rule = of_kind(resources, "DestinationRule")["mockb"]
    assert rule["spec"]["host"] == "mockb.shop.svc.corp.test"
    assert "lanes-gateway" in of_kind(resources, "Gateway")


def test_another_label_can_tell_versions() -> None:
    resources = render(ISTIO | {"lanes": {"label": "app.kubernetes.io/track"}})
    lanes = subsets(resources, "mocka")
    assert lanes["v1"]["labels"] == {"app.kubernetes.io/track": "v1"}
    locality = lanes["v2"]["trafficPolicy"]["loadBalancer"]["localityLbSetting"]
    assert locality["failoverPriority"] == ["app.kubernetes.io/track=v2"]
    deployment = of_kind(resources, "Deployment")["mocka-v2"]
    assert deployment["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/track"] == "v2"


@pytest.mark.parametrize("label", ["ASM_TRAFFIC_TAG", "app.kubernetes.io/version", "track", "on"])
@pytest.mark.parametrize("provider", ["asm", "istio"])
def test_pods_carry_the_label_that_tells_versions(provider: str, label: str) -> None:
    resources = render({"mesh": {"provider": provider}, "lanes": {"label": label}})
    for name, deployment in of_kind(resources, "Deployment").items():
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert labels[label] == name.split("-")[1]
    assert subsets(resources, "mockb")["v1"]["labels"] == {label: "v1"}


def test_a_status_alone_is_tried_again_as_text() -> None:
    for status in ("503", 503):
        resources = render(ISTIO | {"lanes": {"retryOn": [status]}})
        assert http(resources, "mockb")[0]["retries"]["retryOn"] == "503"


def test_a_service_outside_the_chain_has_no_part_in_the_gateway() -> None:
    values: Values = {
        "services": {"extra": {"versions": {"v1": {}}}},
        "gateway": {"services": {"mocka": {}}},
    }
    rules = http(render(values), "demo-gateway")
    hosts = {route["destination"]["host"] for rule in rules for route in rule["route"]}
    assert hosts == {"mocka.default.svc.cluster.local"}


def test_the_halves_come_apart() -> None:
    whole = {(item["kind"], item["metadata"]["name"]) for item in render()}
    workloads = render({"routing": {"enabled": False}})
    routing = render({"workloads": {"enabled": False}})
    names = [
        {(item["kind"], item["metadata"]["name"]) for item in half} for half in (workloads, routing)
    ]
    assert names[0] | names[1] == whole
    assert not names[0] & names[1]
    assert all("istio" not in item["apiVersion"] for item in workloads)
    assert all("istio" in item["apiVersion"] for item in routing)
