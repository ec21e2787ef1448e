"""ASM's lane groups and traffic labels, as its documentation describes them."""

from typing import Any

import pytest

from tests.kube import (
    SAMPLE,
    Document,
    asm,
    deployment,
    destination_rule,
    gateway,
    header_is,
    put,
    rule,
    service,
    to,
    virtual_service,
)
from tests.unit.lanes.reading import lanes_of, mesh_of, plan_of, refusal
from tests.unit.lanes.test_not_supported import plan_partly

# The sample's workloads: mockb has no v2, mockc no v3.
PODS = [one for one in asm() if one["kind"] in ("Deployment", "Service")]
INGRESS = gateway(name="ingressgateway", namespace="istio-system")
BASELINE = {"fallbackTarget": "v1", "routeHeader": "x-lane", "traceHeader": "baggage"}


def of_asm(kind: str, name: str, spec: Document, **labels: str) -> Document:
    metadata = {"name": name, "labels": labels}
    return {
        "apiVersion": "istio.alibabacloud.com/v1",
        "kind": kind,
        "metadata": metadata,
        "spec": spec,
    }


def group(
    strategy: str = "", mode: Document | None = None, *services: str, **fields: Any
) -> Document:
    """A group of the sample's services; permissive with the settings of a `mode`."""
    spec: Document = {
        "services": [{"name": n, "namespace": "default"} for n in services or SAMPLE],
        "ingress": {
            "gateway": {"name": "ingressgateway", "namespace": "istio-system", "type": "ASM"}
        },
        **fields,
    }
    if strategy:
        spec["ingress"]["ingressRouting"] = {"ingressRoutingStrategy": strategy}
    if mode is not None:
        spec |= {"isPermissive": True, "permissiveModeConfiguration": mode}
    return of_asm("ASMSwimLaneGroup", "mock", spec)


ENTRY = {"host": "mocka.default.svc.cluster.local"}


def lane(
    name: str, weight: int | None = None, match: Document | None = None, **spec: Any
) -> Document:
    """A lane of the pods of its version, entered by weight or by a match."""
    ingress: Document = {}
    if weight is not None:
        ingress = {"ingressWeight": {"destination": ENTRY, "weight": weight}}
    if match is not None:
        rule = {"online": True, "hosts": ["*"], "match": match, "route": {"destination": ENTRY}}
        ingress = {"ingressRules": [rule]}
    version = spec.pop("version", name)
    whole = {"labelSelector": {"version": version}, **ingress, **spec}
    return of_asm("ASMSwimLane", name, whole, **{"swimlane-group": "mock"})


WEIGHTED = [lane("v1", 60), lane("v2", 20), lane("v3", 20)]


def test_a_permissive_group_by_weight_is_planned_as_what_the_chart_renders() -> None:
    planned = plan_of(*PODS, INGRESS, group("weighted", BASELINE), *WEIGHTED)
    by_hand = plan_of(*asm(header="x-lane"))
    assert {one.name: one.weight for one in planned.lanes} == {"v1": 60, "v2": 20, "v3": 20}
    found, expected = (
        [[(hop.service, hop.version, hop.reason) for hop in one.path] for one in plan.lanes]
        for plan in (planned, by_hand)
    )
    assert found == expected
    assert planned.header == "x-lane"
    assert [list(map(str, one.entry_rules)) for one in planned.lanes] == [
        ["x-lane: v1"],
        ["x-lane: v2"],
        ["x-lane: v3"],
    ]
    assert mesh_of(*PODS, INGRESS, group("weighted", BASELINE), *WEIGHTED).provider == "asm"


@pytest.mark.parametrize(
    ("matches", "named", "split"),
    [
        ([], [["x-lane"]], []),
        ([{"uri": {"prefix": "/mock"}}], [["/mock", "x-lane"]], [["/mock"]]),
        (
            [{"headers": {"x-user": {"exact": "a"}}}, {"uri": {"prefix": "/mock"}}],
            [["x-user", "x-lane"], ["/mock", "x-lane"]],
            [["x-user"], ["/mock"]],
        ),
    ],
)
def test_the_matches_of_a_split(
    matches: list[Document], named: list[list[str]], split: list[list[str]]
) -> None:
    whole = group("weighted", BASELINE)
    rule = {"hosts": ["*"], "requestMatches": matches}
    whole["spec"]["ingress"]["ingressRouting"]["weightedRoutingRule"] = rule
    (host,) = mesh_of(*PODS, INGRESS, whole, *WEIGHTED).gateway
    matched = [
        [[*([one.uri.value] if one.uri else []), *one.headers] for one in route.matches]
        for route in host.routes
    ]
    assert matched == [named, named, named, split]


def gateway_rules(*documents: Document) -> dict[str, list[tuple[str, int]]]:
    """The destinations of the rules of each gateway host, with their weights."""
    return {
        host.domain: [
            (
                weighted.destination.name.partition(".")[0].removeprefix("outbound|8000|"),
                weighted.weight,
            )
            for route in host.routes
            for weighted in route.destinations
        ]
        for host in mesh_of(*PODS, INGRESS, *documents).gateway
    }


MOCK: Document = {"uri": {"prefix": "/mock"}}
V1, V2 = ("v1|mocka", 100), ("v2|mocka", 100)
V1_V2 = [("v1|mocka", 80), ("v2|mocka", 20)]


def of_host(document: Document, *hosts: str) -> Document:
    return put(document, "spec.ingressRules[0].hosts", list(hosts))


@pytest.mark.parametrize(
    ("strategy", "lanes", "found"),
    [
        ("weighted", [lane("v1", 80), lane("v2", 20)], {"*": [V1, V2, *V1_V2]}),
        ("weighted", [lane("v1", 0), lane("v2", 0)], {"*": [V1, V2]}),
        ("weighted", [lane("v1", 80), lane("v2")], {"*": [V1, V1]}),
        ("weighted", [lane("v1", 80), lane("v2", match=MOCK)], {"*": [V1, V1]}),
        ("rule_based", [lane("v1", match=MOCK), lane("v2", 20)], {"*": [V1]}),
        ("", [lane("v1", match=MOCK), lane("v2", match={})], {"*": [V1, V2]}),
        (
            "",
            [of_host(lane("v1", match=MOCK), "a.org"), of_host(lane("v2", match=MOCK), "b.org")],
            {"a.org": [V1], "b.org": [V2]},
        ),
        ("", [of_host(lane("v2", match=MOCK), "a.org", "b.org")], {"a.org": [V2], "b.org": [V2]}),
        ("", [of_host(lane("v2", match=MOCK))], {"*": [V2]}),
        ("", [put(lane("v2", match=MOCK), "metadata.labels.swimlane-group", "x")], {}),
    ],
)
def test_the_gateway_rules_of_a_group(
    strategy: str, lanes: list[Document], found: dict[str, list[tuple[str, int]]]
) -> None:
    assert gateway_rules(group(strategy, {"routeHeader": "x-lane"}), *lanes) == found


def test_a_strict_group_has_a_split_and_no_rule_by_header() -> None:
    assert gateway_rules(group("weighted"), lane("v1", 80), lane("v2", 20)) == {"*": V1_V2}


def test_the_hosts_of_a_split_and_the_port_of_a_lane() -> None:
    whole = group("weighted", BASELINE)
    whole["spec"]["ingress"]["ingressRouting"]["weightedRoutingRule"] = {"hosts": ["a.org"]}
    assert list(gateway_rules(whole, *WEIGHTED)) == ["a.org"]
    at_81 = put(lane("v1", 1), "spec.ingressWeight.destination.portNum", 81)
    assert "destination.port: name one of mocka's ports: 8000" in refusal(
        *PODS, INGRESS, whole, at_81
    )


@pytest.mark.parametrize("host", ["mocka", "mocka.default.svc.cluster.local"])
def test_a_destination_is_a_service_of_the_group_by_either_name(host: str) -> None:
    v2 = put(lane("v2", match=MOCK), "spec.ingressRules[0].route.destination.host", host)
    (gateway_host,) = mesh_of(*PODS, INGRESS, group("", BASELINE), v2, lane("v1")).gateway
    (weighted,) = gateway_host.routes[0].destinations
    assert weighted.destination.name.endswith(" else v1")
    assert weighted.request.set == {"x-lane": "v2"}


@pytest.mark.parametrize(
    ("labels", "version"), [({"version": "v2"}, "v2"), ({"app": "mocka"}, "blue")]
)
def test_in_strict_mode_a_member_of_baggage_names_the_lane(labels: Document, version: str) -> None:
    (gateway_host,) = mesh_of(
        *PODS, INGRESS, group(), lane("blue", match=MOCK, labelSelector=labels)
    ).gateway
    (weighted,) = gateway_host.routes[0].destinations
    assert weighted.request.set == {"baggage": f"version={version}"}


def test_lanes_may_have_other_names_than_versions() -> None:
    lanes = [lane("s1", 80, version="v1"), lane("s2", 20, version="v2")]
    mode = {**BASELINE, "fallbackTarget": "s1"}
    planned = plan_of(*PODS, INGRESS, group("weighted", mode), *lanes)
    assert {one.name: [(h.version, h.reason.value) for h in one.path] for one in planned.lanes} == {
        "s1": [("v1", "match")] * 3,
        "s2": [("v2", "match"), ("v1", "fallback"), ("v2", "match")],
    }


def test_rules_of_lanes_at_the_gateway() -> None:
    by_header = {"headers": {"x-lane": {"exact": "v2"}}, "uri": {"prefix": "/mock"}}
    lanes = [lane("v1", match={"uri": {"exact": "/mock"}}), lane("v2", match=by_header)]
    planned = plan_of(*PODS, INGRESS, group("rule_based", BASELINE), lanes[1], lanes[0])
    assert lanes_of(*PODS, INGRESS, group("rule_based", BASELINE), lanes[1], lanes[0]) == {
        "v1": "mocka v1, mockb v1, mockc v1",
        "v2": "mocka v2, mockb v1 *, mockc v2",
    }
    assert planned.path == "/mock"
    offline = put(lanes[1], "spec.ingressRules[0].online", False)
    assert list(lanes_of(*PODS, INGRESS, group("", BASELINE), offline, lanes[0])) == ["v1"]


def test_the_caller_chooses_the_lane_of_a_strict_group() -> None:
    by_header = {"headers": {"x-asm-prefer-tag": {"exact": "v2"}}}
    mockb = deployment("mockb", "v2", "mockc")
    found = lanes_of(*PODS, INGRESS, group(), lane("v1"), lane("v2", match=by_header), mockb)
    assert found == {"v2": "mocka v2, mockb v2, mockc v2"}
    (path,) = lanes_of(*PODS, INGRESS, group(), lane("v2", match=by_header)).values()
    assert path == "mocka v2, mockb -"


def test_a_service_that_a_lane_does_not_name_is_the_baselines() -> None:
    """Even if the lane's pods are there."""
    for named, path in (("mockb", "mocka v3, mockb v3, mockc v1"), ("mocka", "mocka v3, mockb v1")):
        services = [{"name": named, "namespace": "default"}]
        lanes = [lane("v1", 50), lane("v3", 50, services=services)]
        paths = lanes_of(*PODS, INGRESS, group("weighted", BASELINE), *lanes)
        assert paths["v3"].startswith(path)


def test_a_fallback_for_one_service() -> None:
    mode = {**BASELINE, "serviceLevelFallbackTarget": {"default/mockb": "v3"}}
    paths = lanes_of(*PODS, INGRESS, group("weighted", mode), *WEIGHTED)
    assert paths["v2"].startswith("mocka v2, mockb v3")


def messages(*documents: Document) -> dict[str, str]:
    found = mesh_of(*documents).warnings
    assert {one.rule for one in found} <= {"lane-group", "traffic-label"}
    return {one.field: one.message for one in found}


ASSUMED = "spec.permissiveModeConfiguration.routeHeader"


def test_warnings_of_what_is_not_published() -> None:
    found = messages(*PODS, INGRESS, group("weighted", BASELINE), *WEIGHTED)
    assert found == {
        ASSUMED: "planned as if the gateway set x-lane for each lane, and calls without the header"
        " went to the baseline: neither is published"
    }
    traced = {**BASELINE, "traceHeader": "my-trace-id"}
    found = messages(*PODS, INGRESS, group("weighted", traced), *WEIGHTED)
    assert found.pop("spec.permissiveModeConfiguration.traceHeader") == (
        "sidecars find the lane of a call by my-trace-id: planned as if each service propagated"
        " my-trace-id"
    )
    assert list(found) == [ASSUMED]
    own = {**BASELINE, "traceHeader": "X-Lane"}
    assert list(messages(*PODS, INGRESS, group("weighted", own), *WEIGHTED)) == [ASSUMED]
    assert messages(*PODS, INGRESS, group(), lane("v1"))["spec.isPermissive"] == (
        "what calls from pods of no lane get is not published: planned as without the group"
    )


@pytest.mark.parametrize(
    ("documents", "field", "message"),
    [
        ([group("", BASELINE)], "metadata.name", "no ASMSwimLane here names this group"),
        (
            [group("", {**BASELINE, "fallbackTarget": "v9"}), lane("v1")],
            "spec.permissiveModeConfiguration.fallbackTarget",
            '"v9" is no lane of the group: nothing falls back',
        ),
        (
            [group(), lane("v9")],
            "spec.labelSelector",
            "selects no pods here",
        ),
        (
            [lane("v1")],
            "metadata.labels[swimlane-group]",
            "names no ASMSwimLaneGroup here: the lane is left out",
        ),
        (
            [put(group(), "spec.ingress.gateway.type", "ingress"), lane("v1")],
            "spec.ingress.gateway.type",
            "what an Ingress does with lanes is not published",
        ),
    ],
)
def test_warnings_of_what_has_no_effect(
    documents: list[Document], field: str, message: str
) -> None:
    assert messages(*PODS, *documents)[field].startswith(message)


def test_only_a_permissive_group_with_baggage_has_header_propagation() -> None:
    def carried(trace: str) -> list[tuple[str, ...]]:
        mode = {**BASELINE, "traceHeader": trace}
        mesh = mesh_of(*PODS, INGRESS, group("weighted", mode), *WEIGHTED)
        return list({pod.propagation.headers for pod in mesh.pods})

    assert carried("baggage") == [("x-lane",)]
    assert carried("Baggage") == [("x-lane",)]
    assert carried("x-lane") == carried("my-trace-id") == [()]
    strict = put(group(), "spec.permissiveModeConfiguration", {"traceHeader": "baggage"})
    assert {pod.propagation.headers for pod in mesh_of(*PODS, strict, lane("v1")).pods} == {()}


def test_a_patch_is_not_supported_and_marks_its_service(tmp_path: Any) -> None:
    patched = put(group("weighted", BASELINE), "spec.services[1].httpRoutePatch", {"timeout": "1s"})
    planned = plan_partly(tmp_path, *PODS, INGRESS, patched, *WEIGHTED)
    hops = {hop.service: hop.unsupported for hop in planned.lanes[0].path}
    assert hops == {
        "mocka": "",
        "mockb": "VirtualService mockb of ASMSwimLaneGroup mock: spec.services[1].httpRoutePatch is"
        " not supported",
    }


def test_pods_are_inferred_for_a_group_alone() -> None:
    paths = lanes_of(INGRESS, group("weighted", BASELINE), *WEIGHTED)
    assert paths == {"v1": "mocka v1", "v2": "mocka v2", "v3": "mocka v3"}


def test_a_traffic_label_is_planned_as_propagated() -> None:
    label = {"name": "x-lane", "valueFrom": ["$getInboundRequestHeader(x-lane)", "$getLabel(tag)"]}
    labels = of_asm("TrafficLabel", "t", {"rules": [{"labels": [label]}]})
    ruled = virtual_service(
        "b", rule(to("b", "v2"), match=[header_is("x-lane", "v2")]), rule(to("b", "v1"))
    )
    pods = [service("b"), deployment("b"), deployment("b", "v2"), service("a")]
    documents = [
        *pods,
        deployment("a", "v1", "b"),
        destination_rule("b", "v1", "v2"),
        ruled,
        gateway(),
        virtual_service("*", rule(to("a")), gateways=["demo-gateway"]),
        labels,
    ]
    assert lanes_of(*documents)["v2"] == "a v1 *, b v2"
    assert messages(*documents) == {
        "spec.rules": "sidecars set the header x-lane from $getInboundRequestHeader(x-lane), else"
        " $getLabel(tag): planned as if each service propagated the header; a value from anywhere"
        " else is not planned"
    }
