"""Rules for some callers alone: by their labels, their namespace, and who exports rules to them."""

import pytest

from lanes.evidence.workloads import Workloads
from lanes.mesh.model import Mesh, pods_behind
from lanes.planning.messages import Problem
from lanes.planning.request import Request
from tests.kube import (
    Document,
    api_gateway,
    backend,
    deployment,
    destination_rule,
    exported,
    gateway,
    header_is,
    http_route,
    put,
    route_rule,
    rule,
    service,
    to,
    to_gateway,
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
            versions = {one.version for one in pods_behind([route] if route else [])}
            found[pod.key] = "|".join(sorted(versions)) or ("503" if route else "404")
    return found


def a_of(*documents: Document) -> dict[str, str]:
    return met(mesh_of(*A, SUBSETS, *CALLERS, *documents))


@pytest.mark.parametrize(
    ("match", "found"),
    [
        ({"sourceLabels": {"app": "b"}}, {HERE: "v2", SAME: "v1", OTHER: "v1"}),
        ({"sourceLabels": {"app": "c"}}, {HERE: "v1", SAME: "v2", OTHER: "v2"}),
        (
            {"sourceLabels": {"app": "b", "version": "v1"}},  # all that it has
            {HERE: "v2", SAME: "v1", OTHER: "v1"},
        ),
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


@pytest.mark.parametrize(
    ("match", "field"),
    [
        ({"sourceLabels": {"app": "b"}}, "sourceLabels"),
        ({"sourceNamespace": "other"}, "sourceNamespace"),
        ({"sourceLabels": {"app": "b"}, "sourceNamespace": "other"}, "sourceLabels"),
    ],
)
def test_a_match_for_some_callers_at_a_gateway(match: Document, field: str) -> None:
    rules = virtual_service("*", rule(to("a"), match=[match]), gateways=["demo-gateway"])
    assert f": spec.http[0].match[0].{field}: " in refusal(*A, SUBSETS, gateway(), rules)


def test_callers_that_no_rule_is_for_meet_every_pod_and_others_404() -> None:
    match = {**header_is("x-lane", "v2"), "sourceLabels": {"app": "b"}}
    rules = virtual_service("a", rule(to("a", "v2"), match=[match]))
    assert a_of(rules) == {HERE: "404", SAME: "v1|v2", OTHER: "v1|v2"}


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


@pytest.mark.parametrize("own", [["."], ["default"], [".", "default"]])
def test_destination_rules_for_some_namespaces(own: list[str]) -> None:
    rules = virtual_service(FQDN, rule(to(FQDN, "v2")))
    blue = exported(destination_rule("a", "v1", name="blue"), *own)
    green = exported(destination_rule("a", "v2", name="green"), "other")
    mesh = mesh_of(*A, *CALLERS, rules, blue, green)
    assert met(mesh) == {HERE: "503", SAME: "503", OTHER: "v2"}


@pytest.mark.parametrize("own", [".", "default"])
def test_a_private_destination_rule_takes_none_along_that_others_see(own: str) -> None:
    rules = virtual_service(FQDN, rule(to(FQDN, "v2")))
    blue = exported(destination_rule("a", "v1", name="blue"), own)
    green = exported(destination_rule("a", "v2", name="green"), own, "other")
    assert met(mesh_of(*A, *CALLERS, rules, blue, green)) == dict.fromkeys(
        (HERE, SAME, OTHER), "v2"
    )


def test_a_private_wildcard_of_other_hosts_makes_no_difference() -> None:
    for_others = exported(destination_rule("*.example.com", "v1", name="others"), ".")
    mesh = mesh_of(*A, *CALLERS, for_others)
    assert {one.variants for one in mesh.ports} == {()}


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


def known_in(document: Document, namespaces: str) -> Document:
    """A Service that the proxies of some namespaces know."""
    return put(document, "metadata.annotations", {"networking.istio.io/exportTo": namespaces})


PLAIN = "v1|v2"  # as DNS finds it, past all rules


@pytest.mark.parametrize(
    ("namespaces", "found"),
    [
        ("*", {HERE: "v2", SAME: "v2", OTHER: "v2"}),
        (".", {HERE: "v2", SAME: "v2", OTHER: PLAIN}),
        ("other", {HERE: PLAIN, SAME: PLAIN, OTHER: "v2"}),
        (".,other", {HERE: "v2", SAME: "v2", OTHER: "v2"}),
        ("nobody, default", {HERE: "v2", SAME: "v2", OTHER: PLAIN}),
        ("~", {HERE: PLAIN, SAME: PLAIN, OTHER: PLAIN}),
        ("~,.", {HERE: PLAIN, SAME: PLAIN, OTHER: PLAIN}),
        ("~,*", {HERE: "v2", SAME: "v2", OTHER: "v2"}),
    ],
)
def test_a_service_for_some_namespaces(namespaces: str, found: dict[str, str]) -> None:
    a = [known_in(A[0], namespaces), *A[1:], SUBSETS, *CALLERS]
    assert met(mesh_of(*a, virtual_service("a", rule(to("a", "v2"))))) == found


def test_a_rule_that_leads_to_a_service_which_its_callers_do_not_know() -> None:
    hidden = [known_in(service("rest"), "."), deployment("rest", "v9")]
    mesh = mesh_of(*A, *CALLERS, *hidden, virtual_service("a", rule(to("rest"))))
    assert met(mesh) == {HERE: "v9", SAME: "v9", OTHER: "503"}
    (told,) = mesh.warnings
    assert told.message == "rest is not exported to namespace other: requests from there get 503"
    route = http_route("r", to_service("a"), route_rule(backend("rest")))
    assert met(mesh_of(*A, *CALLERS, *hidden, route)) == {HERE: "v9", SAME: "v9", OTHER: "503"}


def test_destination_rules_that_are_exported_otherwise_are_not_merged() -> None:
    """The last one counts, and one that is exported to more is merged into those before it."""
    rules = virtual_service("a", rule(to("a", "v2")))
    first = exported(destination_rule("a", "v2", name="a"), "default", "other")
    second = exported(destination_rule("a", "v1", name="b"), "*")
    mesh = mesh_of(*A, *CALLERS, rules, first, second)
    assert met(mesh) == {HERE: "503", SAME: "503", OTHER: "503"}
    assert [one.rule for one in mesh.warnings] == ["rules-not-merged"] * 2
    more = exported(destination_rule("a", "v1", name="b"), "default", "other", "third")
    mesh = mesh_of(*A, *CALLERS, rules, first, more)
    assert met(mesh) == {HERE: "v2", SAME: "v2", OTHER: "v2"}
    assert mesh.warnings == ()


def test_a_rule_for_the_host_hides_a_wildcard_of_its_namespace_from_all() -> None:
    rules = virtual_service(FQDN, rule(to(FQDN, "v2")))
    wild = destination_rule("*.default.svc.cluster.local", "v2", name="wild")
    own = exported(destination_rule("a", "v1", name="own"), "nobody")
    assert met(mesh_of(*A, *CALLERS, rules, wild, own)) == {HERE: "v2", SAME: "v2", OTHER: "503"}


def test_what_a_namespace_exports_by_name_is_its_own_all_the_same() -> None:
    own = virtual_service("a", rule(to("a", "v2")), name="own")
    given = virtual_service(FQDN, rule(to(FQDN, "v1")), name="given", namespace="other")
    given = put(given, "metadata.creationTimestamp", "2026-11-30T08:00:00Z")
    both = [exported(own, ".", "other"), exported(given, "default", ".")]
    assert a_of(*both) == {HERE: "v2", SAME: "v2", OTHER: "v1"}


def gateway_of(*documents: Document) -> list[str]:
    """What the first rule of the gateway leads to: versions, 503, or "" where it has none."""
    mesh = mesh_of(*documents)
    routes = [host.routes[0] for host in mesh.gateway]
    found = [
        "|".join(sorted({pod.version for pod in pods_behind([one])})) or "503" for one in routes
    ]
    return [*(one.unknown for one in routes if one.unknown), *found]


PODS = deployment("ingress", namespace="edge", labels={"istio": "ingressgateway"})
WEB = virtual_service("*", rule(to("a", "v1")), gateways=["demo-gateway"], name="web")


@pytest.mark.parametrize(
    ("export_to", "here", "edge"),
    [
        (["*"], ["v1"], ["v1"]),
        (["."], ["v1"], []),
        (["default"], ["v1"], []),
        (["edge"], [], ["v1"]),
        ([".", "edge"], ["v1"], ["v1"]),
        (["~"], [], []),
    ],
)
def test_rules_for_some_namespaces_at_a_gateway(
    export_to: list[str], here: list[str], edge: list[str]
) -> None:
    """Where no pods of the gateway are here, it counts as one of its own namespace."""
    web = exported(WEB, *export_to)
    assert gateway_of(*A, SUBSETS, gateway(), web) == here
    assert gateway_of(*A, SUBSETS, gateway(), web, PODS) == edge
    subsets = exported(SUBSETS, *export_to)
    assert gateway_of(*A, subsets, gateway(), WEB) == (here or ["503"])
    assert gateway_of(*A, subsets, gateway(), WEB, PODS) == (edge or ["503"])
    a = [known_in(A[0], ",".join(export_to)), *A[1:], SUBSETS, gateway(), WEB]
    assert gateway_of(*a) == (here or ["503"])
    assert gateway_of(*a, PODS) == (edge or ["503"])


def test_what_is_assumed_of_a_gateways_pods_is_told_where_it_decides() -> None:
    web = exported(WEB, "other")
    mesh = mesh_of(*A, SUBSETS, gateway(), web)
    assert [str(one) for one in mesh.warnings if one.rule != "no-gateway"] == [
        f"{mesh.warnings[0].file}: Gateway demo-gateway: spec.selector: no pods here have these"
        " labels: planned as if the gateway's pods ran in namespace default; exportTo has to name"
        " the namespace where they run",
        f"{mesh.warnings[0].file}: VirtualService web: spec.exportTo: gateway demo-gateway runs in"
        " namespace default, which these rules are not exported to: they apply to no request there",
    ]
    assert mesh_of(*A, SUBSETS, gateway(), WEB).warnings == ()
    given = mesh_of(*A, SUBSETS, exported(WEB, "."), PODS).warnings
    assert [(one.rule, one.field) for one in given] == [
        ("gateway-given", "spec.gateways[0]"),
        ("gateway-home", "spec.gateways[0]"),
    ]
    assert {one.rule for one in mesh_of(*A, SUBSETS, gateway(), web, PODS).warnings} == {
        "not-exported"
    }


def test_pods_of_a_gateway_in_several_namespaces_may_differ() -> None:
    also = put(PODS, "metadata.namespace", "other")
    sentence = "counts in some namespaces, and the gateway's pods may run in several"
    given = [*A, gateway(), PODS, also]
    web = exported(WEB, ".", "edge")
    assert refusal(*given, SUBSETS, web) == f"VirtualService web: spec.exportTo: {sentence}"
    assert gateway_of(*given, SUBSETS, exported(WEB, "edge", "other")) == ["v1"]
    (why, _) = gateway_of(*given, exported(SUBSETS, "edge"), WEB)
    assert why == f"a DestinationRule or a Service of its routes {sentence}"


def test_a_gateway_orders_rules_by_whom_they_are_for() -> None:
    ways = [
        exported(virtual_service("*", rule(to("a", "v2")), gateways=["gw"], name="zz"), "."),
        virtual_service("*", rule(to("a", "v1")), gateways=["gw"], name="a"),
    ]
    assert gateway_of(*A, SUBSETS, gateway(name="gw"), *ways) == ["v2"]


def test_the_backend_of_a_route_at_a_gateway_that_does_not_know_it() -> None:
    route = http_route("r", to_gateway(), route_rule(backend("a")))
    away = [put(api_gateway(), "metadata.namespace", "edge"), *A[1:]]
    away[0] = put(away[0], "spec.listeners[0].allowedRoutes", {"namespaces": {"from": "All"}})
    bound = put(route, "spec.parentRefs[0].namespace", "edge")
    assert gateway_of(*away, known_in(A[0], "."), bound) == ["503"]
    assert gateway_of(*away, known_in(A[0], "edge"), bound) == ["v1|v2"]


def test_pods_of_one_hop_whose_calls_meet_other_rules_have_no_one_path() -> None:
    web = virtual_service("*", rule(to("b")), gateways=["gw"])
    callers = [deployment("b", "v1", "a"), deployment("b", "v2", "a"), service("b")]
    match = {"sourceLabels": {"version": "v2"}}
    rules = virtual_service("a", rule(to("a", "v2"), match=[match]), rule(to("a", "v1")))
    assert problem_of(*A, SUBSETS, *callers, web, rules)[0] == Problem.SIDECARS_DIFFER
    one = [callers[0], callers[2]]
    assert lanes_of(*A, SUBSETS, *one, web, rules) == {"untagged": "b v1, a v1"}


def test_pods_of_one_hop_whose_calls_name_other_services_have_no_one_path() -> None:
    """`a` is the Service of the caller's own namespace."""
    other = [service("a", namespace="other"), deployment("a", "v2", namespace="other")]
    callers = [service("b"), deployment("b", "v1", "a"), service("b", namespace="other")]
    callers.append(deployment("b", "v1", "a", namespace="other"))
    both = rule(to("b", weight=50), to("b.other.svc.cluster.local", weight=50))
    web = virtual_service("*", both, gateways=["gw"])
    documents = [gateway(name="gw"), *A[:2], *other, *callers, web]
    assert problem_of(*documents)[0] == Problem.SIDECARS_DIFFER


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


@pytest.mark.parametrize(
    ("callers", "own", "found"),
    [
        (CALLERS[:1], [], {HERE: "v2"}),
        (CALLERS, [], {HERE: "v2", SAME: "v2", OTHER: "503"}),
        (CALLERS, [SUBSETS], {HERE: "v2", SAME: "v2", OTHER: "v2"}),
    ],
)
def test_a_wildcards_private_rule_is_for_callers_beside_it(
    callers: tuple[Document, ...], own: list[Document], found: dict[str, str]
) -> None:
    wild = exported(destination_rule("*.default.svc.cluster.local", "v1", "v2", name="all"), ".")
    led = virtual_service("a", rule(to("a", "v2")))
    assert met(mesh_of(*A, *callers, wild, *own, led)) == found
