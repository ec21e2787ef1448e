"""Rules for some callers alone: by their labels, their namespace, and who exports rules to them."""

import pytest

from lanes.evidence.workloads import Workloads
from lanes.mesh.model import Mesh, led_to
from lanes.planning.messages import Problem
from lanes.planning.request import Request
from tests.kube import (
    Document,
    backend,
    deployment,
    destination_rule,
    header_is,
    http_route,
    put,
    route_rule,
    rule,
    service,
    to,
    to_service,
    virtual_service,
)
from tests.unit.lanes.reading import lanes_of, mesh_of, plan_of, problem_of, refusal

A = (service("a"), deployment("a"), deployment("a", "v2"))
SUBSETS = destination_rule("a", "v1", "v2")
CALLERS = (deployment("b"), deployment("c"), deployment("c", namespace="other"))
HERE, SAME, OTHER = "default/b-v1", "default/c-v1", "other/c-v1"
FQDN = "a.default.svc.cluster.local"


def met(mesh: Mesh) -> dict[str, str]:
    """What a call of each caller meets at a: the versions that answer, or the status."""
    (port,) = [one for one in mesh.ports if one.host.name == "a"]
    found = {}
    for pod in mesh.pods:
        route = Request({}, "/").rule(port.seen_by(pod).routes)
        if pod.key in (HERE, SAME, OTHER):
            versions = {one.version for one in led_to([route] if route else [])}
            found[pod.key] = "|".join(sorted(versions)) or ("503" if route else "404")
    return found


def a_of(*documents: Document) -> dict[str, str]:
    return met(mesh_of(*A, SUBSETS, *CALLERS, *documents))


@pytest.mark.parametrize(
    ("match", "found"),
    [
        ({"sourceLabels": {"app": "b"}}, {HERE: "v2", SAME: "v1", OTHER: "v1"}),
        ({"sourceLabels": {"app": "c"}}, {HERE: "v1", SAME: "v2", OTHER: "v2"}),
        ({"sourceNamespace": "other"}, {HERE: "v1", SAME: "v1", OTHER: "v2"}),
        (
            {"sourceNamespace": "other", "sourceLabels": {"app": "b"}},
            {HERE: "v1", SAME: "v1", OTHER: "v1"},
        ),
    ],
)
def test_a_match_for_some_callers(match: Document, found: dict[str, str]) -> None:
    rules = virtual_service("a", rule(to("a", "v2"), match=[match]), rule(to("a", "v1")))
    assert a_of(rules) == found


def test_callers_that_no_rule_is_for_meet_every_pod_and_others_404() -> None:
    match = {**header_is("x-lane", "v2"), "sourceLabels": {"app": "b"}}
    rules = virtual_service("a", rule(to("a", "v2"), match=[match]))
    assert a_of(rules) == {HERE: "404", SAME: "v1|v2", OTHER: "v1|v2"}


def exported(document: Document, *namespaces: str) -> Document:
    return put(document, "spec.exportTo", list(namespaces))


@pytest.mark.parametrize(
    ("namespaces", "found"),
    [
        (["*"], {HERE: "v2", SAME: "v2", OTHER: "v2"}),
        (["."], {HERE: "v2", SAME: "v2", OTHER: "v1|v2"}),
        (["other"], {HERE: "v1|v2", SAME: "v1|v2", OTHER: "v2"}),
        ([".", "other"], {HERE: "v2", SAME: "v2", OTHER: "v2"}),
        (["~"], {HERE: "v1|v2", SAME: "v1|v2", OTHER: "v1|v2"}),
    ],
)
def test_a_virtual_service_for_some_namespaces(
    namespaces: list[str], found: dict[str, str]
) -> None:
    assert a_of(exported(virtual_service("a", rule(to("a", "v2"))), *namespaces)) == found


def test_a_namespaces_own_virtual_service_comes_before_one_for_all() -> None:
    own = virtual_service(FQDN, rule(to(FQDN, "v2")), namespace="other", name="own")
    for_all = virtual_service("a", rule(to("a", "v1")))
    assert a_of(exported(own, "."), for_all) == {HERE: "v1", SAME: "v1", OTHER: "v2"}


def test_destination_rules_for_some_namespaces() -> None:
    rules = virtual_service(FQDN, rule(to(FQDN, "v2")))
    blue = exported(destination_rule("a", "v1", name="blue"), ".")
    green = exported(destination_rule("a", "v2", name="green"), "other")
    mesh = mesh_of(*A, *CALLERS, rules, blue, green)
    assert met(mesh) == {HERE: "503", SAME: "503", OTHER: "v2"}


def test_a_callers_own_destination_rule_comes_first() -> None:
    rules = virtual_service(FQDN, rule(to(FQDN, "v2")))
    own = destination_rule(FQDN, "v1", name="own", namespace="other")
    assert a_of(rules, own) == {HERE: "v2", SAME: "v2", OTHER: "503"}


def test_an_http_route_of_the_callers_namespace() -> None:
    services = [put(service("a-v2"), "spec.selector", {"app": "a", "version": "v2"})]
    own = http_route("own", to_service("a", namespace="default"), route_rule(backend("a-v2")))
    own = put(own, "metadata.namespace", "other")
    own = put(own, "spec.rules[0].backendRefs[0].namespace", "default")
    found = met(mesh_of(*A, *CALLERS, *services, own))
    assert found == {HERE: "v1|v2", SAME: "v1|v2", OTHER: "v2"}


def test_what_counts_in_some_namespaces_is_not_supported_at_a_gateway() -> None:
    web = exported(virtual_service("*", rule(to("a")), gateways=["gw"]), ".")
    assert "VirtualService any: spec.exportTo: counts in some namespaces" in refusal(*A, web)
    led = exported(destination_rule("a", "v1"), "other")
    web = virtual_service("*", rule(to("a", "v1")), gateways=["gw"])
    problem, values = problem_of(*A, led, web)
    assert problem == Problem.NOT_SUPPORTED
    assert "a DestinationRule of its Services counts in some namespaces" in str(values["why"])


def test_pods_of_one_hop_whose_calls_meet_other_rules_have_no_one_path() -> None:
    web = virtual_service("*", rule(to("b")), gateways=["gw"])
    callers = [deployment("b", "v1", "a"), deployment("b", "v2", "a"), service("b")]
    match = {"sourceLabels": {"version": "v2"}}
    rules = virtual_service("a", rule(to("a", "v2"), match=[match]), rule(to("a", "v1")))
    assert problem_of(*A, SUBSETS, *callers, web, rules)[0] == Problem.SIDECARS_DIFFER
    one = [callers[0], callers[2]]
    assert lanes_of(*A, SUBSETS, *one, web, rules) == {"untagged": "b v1, a v1"}


def of_b(*destinations: Document, **asked: object) -> Document:
    """A rule for calls of b."""
    return rule(*destinations, match=[{"sourceLabels": {"app": "b"}, **asked}])


def test_evidence_knows_the_destinations_of_rules_for_some_callers() -> None:
    rules = virtual_service("a", of_b(to("a", "v2")), rule(to("a", "v1")))
    known = Workloads.of(mesh_of(*A, SUBSETS, *CALLERS, rules))
    assert known.chosen[f"outbound|8000|v2|{FQDN}"] == {"v2"}
    assert known.reachable[f"outbound|8000|v2|{FQDN}"] == {"v2"}


def test_a_rule_for_some_callers_is_told_where_no_planned_call_meets_it() -> None:
    web = virtual_service("*", rule(to("b")), gateways=["gw"])
    called = [deployment("b", "v1", "a"), service("b"), web]
    rules = virtual_service("a", of_b(to("a", "v2"), uri={"exact": "/own"}), rule(to("a", "v1")))
    told = plan_of(*A, SUBSETS, *called, rules).other_rules
    assert [str(one) for one in told] == ["a, path /own"]


def test_a_hash_over_a_split_for_some_callers() -> None:
    hashed = put(
        SUBSETS, "spec.trafficPolicy.loadBalancer", {"consistentHash": {"useSourceIp": True}}
    )
    split = of_b(to("a", "v1", weight=1), to("a", "v2", weight=1))
    mesh = mesh_of(*A, hashed, *CALLERS, virtual_service("a", split, rule(to("a", "v1"))))
    assert [w.rule for w in mesh.warnings] == ["hash-split"]
