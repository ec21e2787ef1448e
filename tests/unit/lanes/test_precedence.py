"""Which of several resources wins, in both orders of the documents.

The lists are in the order of precedence of Istio, the first wins. `tests/istio` compares the same
with istiod.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from lanes.report.plan import one_line
from tests.kube import (
    Document,
    backend,
    deployment,
    destination_rule,
    gateway,
    http_route,
    route_rule,
    rule,
    service,
    sidecar,
    to,
    to_service,
    virtual_service,
)
from tests.unit.lanes.reading import config_of, lanes_of, mesh_of, plan_of

FQDN = "b.default.svc.cluster.local"
# The gateway calls web, and web calls b, which has two versions.
WEB = [
    gateway(),
    virtual_service("*", rule(to("web")), gateways=["demo-gateway"]),
    service("web"),
    deployment("web", "v1", "b"),
]
B = [service("b"), deployment("b", "v1"), deployment("b", "v2")]


def answered_by(*documents: Document) -> str:
    """Return the versions of b that answer requests without a lane, or a status if none does."""
    path = one_line(plan_of(*WEB, *documents).lanes[0])
    return path.partition(", ")[2].removeprefix("b ")


def precedences(levels: Sequence[Any]) -> Iterator[tuple[Any, list[Any], bool]]:
    """Yield each level with all lower ones, and whether to reverse the order of documents."""
    for number, winner in enumerate(levels[:-1]):
        for reverse in (False, True):
            yield winner, list(levels[number + 1 :]), reverse


def ordered(documents: Sequence[Document], reverse: bool) -> list[Document]:
    return list(reversed(documents)) if reverse else list(documents)


# DestinationRules


RULE_PLACES = [
    ("default", "b"),
    ("default", "*.default.svc.cluster.local"),
    ("default", "*.svc.cluster.local"),
    ("default", "*"),
    ("istio-system", FQDN),
    ("istio-system", "*.default.svc.cluster.local"),
    ("istio-system", "*"),
]


def subset_rule(place: tuple[str, str], version: str) -> Document:
    """Return a DestinationRule at a namespace and host, whose subset `next` has this version."""
    namespace, host = place
    subset = {"name": "next", "labels": {"version": version}}
    return destination_rule(host, subset, namespace=namespace, name=host.replace("*", "any"))


def test_the_destination_rule_of_the_services_namespace_with_the_longest_host_wins(
    subtests: pytest.Subtests,
) -> None:
    route = virtual_service("b", rule(to("b", "next")))
    for winner, losers, reverse in precedences(RULE_PLACES):
        with subtests.test(winner=winner, reverse=reverse):
            rules = [subset_rule(winner, "v2"), *(subset_rule(place, "v1") for place in losers)]
            assert answered_by(*B, route, *ordered(rules, reverse)) == "v2"


@pytest.mark.parametrize("reverse", [False, True])
def test_two_destination_rules_for_one_host_are_merged(reverse: bool) -> None:
    """Both have their subsets; the policy of the only rule that has one applies."""
    random = {"loadBalancer": {"simple": "RANDOM"}}
    one = destination_rule("b", "v1", name="one")
    other = destination_rule(FQDN, "v2", policy=random, name="other")
    split = virtual_service("b", rule(to("b", "v1", weight=1), to("b", "v2", weight=1)))
    documents = [*WEB, *B, split, *ordered([one, other], reverse)]
    assert answered_by(*documents[len(WEB) :]) == "v1 50% v2 50%"
    assert {name: c["lb_policy"] for name, c in clusters(*documents).items() if "|v" in name} == {
        f"outbound|8000|v1|{FQDN}": "RANDOM",
        f"outbound|8000|v2|{FQDN}": "RANDOM",
    }


def clusters(*documents: Document) -> dict[str, Any]:
    """Return Envoy's clusters by name."""
    resources = config_of(mesh_of(*documents))["static_resources"]
    return {cluster["name"]: cluster for cluster in resources["clusters"]}


def balancer(algorithm: str) -> Document:
    return {"loadBalancer": {"simple": algorithm}}


def at_port(policy: Document, number: int = 8000) -> Document:
    return {"portLevelSettings": [{"port": {"number": number}, **policy}]}


EJECTS = {"outlierDetection": {"consecutive5xxErrors": 9}}


@pytest.mark.parametrize(
    ("of_rule", "of_subset", "algorithm", "ejects"),
    [
        # Each setting of a subset overrides the rule's.
        (balancer("RANDOM"), None, "RANDOM", False),
        (balancer("RANDOM"), balancer("ROUND_ROBIN"), "ROUND_ROBIN", False),
        (balancer("RANDOM"), EJECTS, "RANDOM", True),
        (EJECTS, balancer("RANDOM"), "RANDOM", True),
        (None, EJECTS, "LEAST_REQUEST", True),
        (None, None, "LEAST_REQUEST", False),
        # The policy of a port replaces the rest of its policy.
        ({**EJECTS, **at_port(balancer("RANDOM"))}, None, "RANDOM", False),
        ({**balancer("RANDOM"), **at_port(EJECTS)}, None, "LEAST_REQUEST", True),
        ({**balancer("RANDOM"), **at_port(EJECTS, 8001)}, None, "RANDOM", False),
        # Each setting of a subset overrides the policy of the rule's port.
        (at_port(balancer("RANDOM")), balancer("ROUND_ROBIN"), "ROUND_ROBIN", False),
        (at_port(balancer("RANDOM")), EJECTS, "RANDOM", True),
        # The policy of a subset's port overrides all others and inherits nothing.
        (balancer("RANDOM"), {**EJECTS, **at_port(balancer("ROUND_ROBIN"))}, "ROUND_ROBIN", False),
        ({**balancer("RANDOM"), **EJECTS}, at_port(EJECTS), "LEAST_REQUEST", True),
        (at_port(balancer("RANDOM")), at_port(EJECTS), "LEAST_REQUEST", True),
        (balancer("RANDOM"), at_port(EJECTS, 8001), "RANDOM", False),
    ],
)
def test_traffic_policy_of_a_subset(
    of_rule: Document | None, of_subset: Document | None, algorithm: str, ejects: bool
) -> None:
    subset: Document = {"name": "v2", "labels": {"version": "v2"}}
    if of_subset is not None:
        subset["trafficPolicy"] = of_subset
    rules = [
        virtual_service("b", rule(to("b", "v2"))),
        destination_rule("b", subset, policy=of_rule),
    ]
    cluster = clusters(*WEB, *B, *rules)[f"outbound|8000|v2|{FQDN}"]
    assert cluster["lb_policy"] == algorithm
    ejection = cluster.get("outlier_detection", {})
    assert (ejection.get("enforcing_consecutive_5xx") == 100) is ejects


def prefers(version: str, **more: object) -> Document:
    """Return a policy with failover to the pods of a version first."""
    setting = {"failoverPriority": [f"version={version}"], **more}
    return {"loadBalancer": {"localityLbSetting": setting}, "outlierDetection": {}}


@pytest.mark.parametrize(
    ("of_rule", "of_subset", "versions"),
    [
        (prefers("v2"), None, "v2"),
        (prefers("v1"), prefers("v2"), "v2"),
        (prefers("v2"), balancer("RANDOM"), "v1|v2"),  # the subset replaces the whole loadBalancer
        (prefers("v2"), prefers("v2", enabled=False), "v1|v2"),
        (prefers("v2"), {"outlierDetection": {}}, "v2"),
        ({"loadBalancer": prefers("v2")["loadBalancer"]}, None, "v1|v2"),  # no outlier detection
        ({"loadBalancer": prefers("v2")["loadBalancer"]}, {"outlierDetection": {}}, "v2"),
        (at_port(prefers("v2")), None, "v2"),
        ({**prefers("v2"), **at_port({"outlierDetection": {}})}, None, "v1|v2"),
        (prefers("v1"), at_port(prefers("v2")), "v2"),
        (prefers("v2"), at_port(prefers("v1"), 8001), "v2"),
    ],
)
def test_failover_of_a_subset(of_rule: Document, of_subset: Document | None, versions: str) -> None:
    subset: Document = {"name": "all"}
    if of_subset is not None:
        subset["trafficPolicy"] = of_subset
    rules = destination_rule("b", subset, policy=of_rule)
    assert answered_by(*B, virtual_service("b", rule(to("b", "all"))), rules) == versions


# Sidecars


SIDECARS: list[tuple[str, Mapping[str, str] | None]] = [
    ("default", {"app": "web"}),
    ("default", None),
    ("istio-system", None),
]
# These select other pods.
OF_OTHERS: list[tuple[str, Mapping[str, str] | None]] = [
    ("default", {"app": "b"}),
    ("other", None),
    ("other", {"app": "web"}),
    ("istio-system", {"app": "web"}),
]


@pytest.mark.parametrize("hides", [False, True])
def test_the_sidecar_that_selects_the_caller_wins(hides: bool, subtests: pytest.Subtests) -> None:
    """If the winner hides b, its rules do not apply to calls, and every version answers."""
    hosts = ("none/*", "*/*") if hides else ("*/*", "none/*")
    rules = [virtual_service("b", rule(to("b", "v2"))), destination_rule("b", "v2")]
    for winner, others, reverse in precedences([*SIDECARS, *OF_OTHERS]):
        if winner in OF_OTHERS:
            break
        with subtests.test(winner=winner, reverse=reverse):
            first, *losers = [
                sidecar(
                    hosts[number > 0], namespace=namespace, selects=labels, name=f"sidecar-{number}"
                )
                for number, (namespace, labels) in enumerate([winner, *others])
            ]
            sidecars = ordered([first, *losers], reverse)
            assert answered_by(*B, *rules, *sidecars) == ("v1|v2" if hides else "v2")


@pytest.mark.parametrize(("namespace", "labels"), OF_OTHERS)
def test_a_sidecar_for_other_pods_hides_nothing(
    namespace: str, labels: Mapping[str, str] | None
) -> None:
    rules = [virtual_service("b", rule(to("b", "v2"))), destination_rule("b", "v2")]
    hides = sidecar("none/*", namespace=namespace, selects=labels)
    assert answered_by(*B, *rules, hides) == "v2"


B_V2 = service("b-v2", selector={"app": "b", "version": "v2"})


def test_wildcard_virtual_services_do_not_apply_to_a_service_with_http_routes() -> None:
    """A Sidecar that hides the namespace of the wildcard does not hide the HTTPRoute."""
    elsewhere = virtual_service("*.local", rule(to(FQDN, "v1")), namespace="other", name="wide")
    route = http_route("b", to_service("b"), route_rule(backend("b-v2")))
    ruled = [*B, B_V2, destination_rule("b", "v1", "v2"), elsewhere]
    hides = sidecar("*/*", "~other/*")
    assert answered_by(*ruled, hides) == "v1|v2"
    assert answered_by(*ruled, route, hides) == "v2"
    consumer = http_route("b", to_service("b", namespace="default"), *route["spec"]["rules"])
    consumers = {**consumer, "metadata": {"name": "b", "namespace": "other"}}
    assert answered_by(*ruled, consumers, hides) == "v1|v2"


# VirtualServices


def test_the_virtual_service_of_the_longest_host_wins(subtests: pytest.Subtests) -> None:
    hosts = ["b", "*.default.svc.cluster.local", "*.svc.cluster.local", "*.local"]
    for winner, losers, reverse in precedences(hosts):
        with subtests.test(winner=winner, reverse=reverse):
            winning = virtual_service(winner, rule(to(FQDN, "v2")), name="winner")
            losing = [
                virtual_service(loser, rule(to(FQDN, "v1")), name=f"loser-{number}")
                for number, loser in enumerate(losers)
            ]
            rules = [destination_rule("b", "v1", "v2"), *ordered([winning, *losing], reverse)]
            assert answered_by(*B, *rules) == "v2"


@pytest.mark.parametrize("gateways", [None, ["mesh"], ["mesh", "demo-gateway"]])
def test_rules_for_a_gateway_only_do_not_apply_to_callers_in_the_mesh(
    gateways: list[str] | None,
) -> None:
    rules = [
        virtual_service("b", rule(to("b", "v1")), gateways=["demo-gateway"], name="at-gateway"),
        virtual_service("b", rule(to("b", "v2")), gateways=gateways, name="in-mesh"),
    ]
    assert answered_by(*B, destination_rule("b", "v1", "v2"), *rules) == "v2"


ROUTED = [*B, destination_rule("b", "v1", "v2")]


@pytest.mark.parametrize(
    ("conditions", "version"),
    [
        ({}, "v1"),
        ({"match": [{"uri": {"prefix": "/"}}]}, "v1"),
        ({"match": [{"uri": {"regex": ".*"}}]}, "v1"),
        ({"match": [{"uri": {"exact": "/"}}]}, "v1"),
        ({"match": [{"uri": {"exact": "/x"}}]}, "v2"),
        ({"match": [{"uri": {"exact": "/x"}}, {"uri": {"exact": "/"}}]}, "v1"),
        ({"match": [{"method": {"exact": "GET"}}]}, "v1"),
        ({"match": [{"method": {"exact": "PUT"}}]}, "v2"),
        ({"match": [{"port": 8000}]}, "v1"),
        ({"match": [{"port": 8001}]}, "v2"),
        ({"match": [{"port": 8001}, {"port": 8000}]}, "v1"),
        ({"match": [{"gateways": ["mesh"]}]}, "v1"),
        ({"match": [{"gateways": ["demo-gateway"]}]}, "v2"),
        ({"match": [{"gateways": ["default/demo-gateway", "mesh"]}]}, "v1"),
        ({"match": [{"sourceNamespace": "default"}]}, "v1"),
        ({"match": [{"sourceNamespace": "other"}]}, "v2"),
        ({"match": [{"gateways": ["mesh"], "sourceNamespace": "other"}]}, "v1"),
        ({"match": [{"scheme": {"exact": "http"}}]}, "v1"),
        ({"match": [{"scheme": {"exact": "https"}}]}, "v2"),
        ({"match": [{"scheme": {"prefix": "htt"}}]}, "v1"),
        ({"match": [{"scheme": {"prefix": "https"}}]}, "v2"),
        ({"match": [{"scheme": {"regex": "https?"}}]}, "v1"),
        ({"match": [{"scheme": {"regex": "https"}}]}, "v2"),
        ({"match": [{"scheme": {"regex": "*"}}]}, "v1"),
        ({"match": [{"withoutHeaders": {"x": {"exact": ""}}}]}, "v2"),
        ({"match": [{"withoutHeaders": {"x": {"exact": "y"}}}]}, "v1"),
        ({"match": [{"withoutHeaders": {"x": {"prefix": "y"}}}]}, "v1"),
        ({"match": [{"withoutHeaders": {"x": {}}}]}, "v1"),
        ({"match": [{"withoutHeaders": {"x": {"regex": ".*"}}}]}, "v2"),
        ({"match": [{"withoutHeaders": {"x": {"regex": ".+"}}}]}, "v1"),
        ({"match": [{"queryParams": {"q": {"exact": "1"}}}]}, "v2"),
    ],
)
def test_the_first_rule_that_matches_a_call_applies(conditions: Document, version: str) -> None:
    rules = virtual_service("b", {**conditions, **rule(to("b", "v1"))}, rule(to("b", "v2")))
    callers = [*WEB[:-1], deployment("web", "v1", "b"), *ROUTED]
    path, *_ = lanes_of(*callers, rules).values()
    assert path == f"web v1, b {version}"


@pytest.mark.parametrize(
    ("match", "path", "matches"),
    [
        ({"uri": {"exact": "/Cart"}}, "/Cart", True),
        ({"uri": {"exact": "/Cart"}}, "/cart", False),
        ({"uri": {"exact": "/Cart"}, "ignoreUriCase": True}, "/cART", True),
        ({"uri": {"exact": "/Cart"}, "ignoreUriCase": True}, "/carts", False),
        ({"uri": {"prefix": "/Cart"}}, "/Carts/1", True),
        ({"uri": {"prefix": "/Cart"}}, "/carts", False),
        ({"uri": {"prefix": "/Cart"}, "ignoreUriCase": True}, "/carts", True),
        ({"uri": {"prefix": "/Cart"}, "ignoreUriCase": True}, "/car", False),
        ({"uri": {"regex": "/Cart.*"}}, "/Carts", True),
        ({"uri": {"regex": "/Cart"}}, "/Carts", False),
        (
            {"uri": {"regex": "/Cart"}, "ignoreUriCase": True},
            "/cart",
            False,
        ),  # case counts in a regex
        ({"queryParams": {"q": {"exact": "1"}}}, "/?q=1", True),
        ({"queryParams": {"q": {"exact": "1"}}}, "/?q=2&q=1", False),
        ({"queryParams": {"q": {"exact": "1"}}}, "/?q=1&q=2", True),
        ({"queryParams": {"q": {"exact": ""}}}, "/?q", True),
        ({"queryParams": {"q": {"prefix": "a"}}}, "/?q=ab", True),
        ({"queryParams": {"q": {"regex": "a"}}}, "/?q=ab", False),
        ({"queryParams": {"q": {}}}, "/?q=", True),
        ({"queryParams": {"q": {}}}, "/?p=", False),
        ({"uri": {"exact": "/x"}, "queryParams": {"q": {"exact": "1"}}}, "/x?q=1", True),
        ({"uri": {"exact": "/x"}, "queryParams": {"q": {"exact": "1"}}}, "/?q=1", False),
    ],
)
def test_matches_on_path_and_query_of_a_call(match: Document, path: str, matches: bool) -> None:
    first = {"match": [match], **rule(to("b", "v2"))}
    caller = deployment("web", "v1", f"http://b:8000{path}")
    documents = [*WEB[:-1], caller, *ROUTED, virtual_service("b", first, rule(to("b", "v1")))]
    (planned,) = lanes_of(*documents).values()
    assert planned == f"web v1, b {'v2' if matches else 'v1'}"
