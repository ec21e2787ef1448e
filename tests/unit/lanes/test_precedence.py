"""Which wins of the places where the same can be said, in both orders of documents.

Each order below is Istio's or the Gateway API's, from what wins to what loses; istiod and the
conformance tables decide the same in tests/istio.
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
# The gateway leads to web, which calls b, in two versions.
WEB = [
    gateway(),
    virtual_service("*", rule(to("web")), gateways=["demo-gateway"]),
    service("web"),
    deployment("web", "v1", "b"),
]
B = [service("b"), deployment("b", "v1"), deployment("b", "v2")]


def answering(*documents: Document) -> str:
    """The version of b that answers requests without a lane; a status where none does."""
    path = one_line(plan_of(*WEB, *documents).lanes[0])
    return path.partition(", ")[2].removeprefix("b ")


def ladder(levels: Sequence[Any]) -> Iterator[tuple[Any, list[Any], bool]]:
    """Each level beside all that it wins against, in this order of documents and turned round."""
    for number, winner in enumerate(levels[:-1]):
        for turned in (False, True):
            yield winner, list(levels[number + 1 :]), turned


def ordered(documents: Sequence[Document], turned: bool) -> list[Document]:
    return list(reversed(documents)) if turned else list(documents)


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
    """A rule in a namespace, for a host, whose subset `next` is this version."""
    namespace, host = place
    labels = {"name": "next", "labels": {"version": version}}
    return destination_rule(host, labels, namespace=namespace, name=host.replace("*", "any"))


def test_the_destination_rule_of_the_services_own_namespace_and_the_longest_host_wins(
    subtests: pytest.Subtests,
) -> None:
    routed = virtual_service("b", rule(to("b", "next")))
    for winner, losers, turned in ladder(RULE_PLACES):
        with subtests.test(winner=winner, turned=turned):
            rules = [subset_rule(winner, "v2"), *(subset_rule(place, "v1") for place in losers)]
            assert answering(*B, routed, *ordered(rules, turned)) == "v2"


@pytest.mark.parametrize("turned", [False, True])
def test_two_destination_rules_of_one_host_add_up(turned: bool) -> None:
    """Subsets of both hold, and the policy of the one that has one."""
    random = {"loadBalancer": {"simple": "RANDOM"}}
    one = destination_rule("b", "v1", name="one")
    other = destination_rule(FQDN, "v2", policy=random, name="other")
    split = virtual_service("b", rule(to("b", "v1", weight=1), to("b", "v2", weight=1)))
    documents = [*WEB, *B, split, *ordered([one, other], turned)]
    assert answering(*documents[len(WEB) :]) == "v1 50% v2 50%"
    assert {name: c["lb_policy"] for name, c in clusters(*documents).items() if "|v" in name} == {
        f"outbound|8000|v1|{FQDN}": "RANDOM",
        f"outbound|8000|v2|{FQDN}": "RANDOM",
    }


def clusters(*documents: Document) -> dict[str, Any]:
    """Envoy's clusters by their names."""
    found = config_of(mesh_of(*documents))["static_resources"]["clusters"]
    return {cluster["name"]: cluster for cluster in found}


def balanced(how: str) -> Document:
    return {"loadBalancer": {"simple": how}}


def at_port(policy: Document, number: int = 8000) -> Document:
    return {"portLevelSettings": [{"port": {"number": number}, **policy}]}


EJECTS = {"outlierDetection": {"consecutive5xxErrors": 9}}


@pytest.mark.parametrize(
    ("of_rule", "of_subset", "balancer", "ejects"),
    [
        # A subset's setting wins over its rule's, each by itself.
        (balanced("RANDOM"), None, "RANDOM", False),
        (balanced("RANDOM"), balanced("ROUND_ROBIN"), "ROUND_ROBIN", False),
        (balanced("RANDOM"), EJECTS, "RANDOM", True),
        (EJECTS, balanced("RANDOM"), "RANDOM", True),
        (None, EJECTS, "LEAST_REQUEST", True),
        (None, None, "LEAST_REQUEST", False),
        # A port's own policy takes the place of all that is said beside it.
        ({**EJECTS, **at_port(balanced("RANDOM"))}, None, "RANDOM", False),
        ({**balanced("RANDOM"), **at_port(EJECTS)}, None, "LEAST_REQUEST", True),
        ({**balanced("RANDOM"), **at_port(EJECTS, 8001)}, None, "RANDOM", False),
        # A rule's port gives way to the subset's policy, setting by setting.
        (at_port(balanced("RANDOM")), balanced("ROUND_ROBIN"), "ROUND_ROBIN", False),
        (at_port(balanced("RANDOM")), EJECTS, "RANDOM", True),
        # A subset's port gives way to nothing, and takes nothing over.
        (balanced("RANDOM"), {**EJECTS, **at_port(balanced("ROUND_ROBIN"))}, "ROUND_ROBIN", False),
        ({**balanced("RANDOM"), **EJECTS}, at_port(EJECTS), "LEAST_REQUEST", True),
        (at_port(balanced("RANDOM")), at_port(EJECTS), "LEAST_REQUEST", True),
        (balanced("RANDOM"), at_port(EJECTS, 8001), "RANDOM", False),
    ],
)
def test_which_policy_holds_for_a_subset(
    of_rule: Document | None, of_subset: Document | None, balancer: str, ejects: bool
) -> None:
    subset: Document = {"name": "v2", "labels": {"version": "v2"}}
    if of_subset is not None:
        subset["trafficPolicy"] = of_subset
    rules = [
        virtual_service("b", rule(to("b", "v2"))),
        destination_rule("b", subset, policy=of_rule),
    ]
    cluster = clusters(*WEB, *B, *rules)[f"outbound|8000|v2|{FQDN}"]
    assert cluster["lb_policy"] == balancer
    ejection = cluster.get("outlier_detection", {})
    assert (ejection.get("enforcing_consecutive_5xx") == 100) is ejects


def prefers(version: str, **more: object) -> Document:
    setting = {"failoverPriority": [f"version={version}"], **more}
    return {"loadBalancer": {"localityLbSetting": setting}, "outlierDetection": {}}


@pytest.mark.parametrize(
    ("of_rule", "of_subset", "found"),
    [
        (prefers("v2"), None, "v2"),
        (prefers("v1"), prefers("v2"), "v2"),
        (prefers("v2"), balanced("RANDOM"), "v1|v2"),  # the whole balancer is the subset's
        (prefers("v2"), prefers("v2", enabled=False), "v1|v2"),
        (prefers("v2"), {"outlierDetection": {}}, "v2"),
        ({"loadBalancer": prefers("v2")["loadBalancer"]}, None, "v1|v2"),  # nobody is ejected
        ({"loadBalancer": prefers("v2")["loadBalancer"]}, {"outlierDetection": {}}, "v2"),
        (at_port(prefers("v2")), None, "v2"),
        ({**prefers("v2"), **at_port({"outlierDetection": {}})}, None, "v1|v2"),
        (prefers("v1"), at_port(prefers("v2")), "v2"),
        (prefers("v2"), at_port(prefers("v1"), 8001), "v2"),
    ],
)
def test_which_failover_holds_for_a_subset(
    of_rule: Document, of_subset: Document | None, found: str
) -> None:
    subset: Document = {"name": "all"}
    if of_subset is not None:
        subset["trafficPolicy"] = of_subset
    rules = destination_rule("b", subset, policy=of_rule)
    assert answering(*B, virtual_service("b", rule(to("b", "all"))), rules) == found


# Sidecars


SIDECARS: list[tuple[str, Mapping[str, str] | None]] = [
    ("default", {"app": "web"}),
    ("default", None),
    ("istio-system", None),
]
# These are for nobody here.
OF_OTHERS: list[tuple[str, Mapping[str, str] | None]] = [
    ("default", {"app": "b"}),
    ("other", None),
    ("other", {"app": "web"}),
    ("istio-system", {"app": "web"}),
]


@pytest.mark.parametrize("hides", [False, True])
def test_the_sidecar_that_selects_the_caller_wins(hides: bool, subtests: pytest.Subtests) -> None:
    """Where the winner hides b, no rule counts for calls, and every version answers."""
    hosts = ("none/*", "*/*") if hides else ("*/*", "none/*")
    rules = [virtual_service("b", rule(to("b", "v2"))), destination_rule("b", "v2")]
    for winner, others, turned in ladder([*SIDECARS, *OF_OTHERS]):
        if winner in OF_OTHERS:
            break
        with subtests.test(winner=winner, turned=turned):
            first, *losers = [
                sidecar(hosts[number > 0], namespace=at, selects=labels, name=f"sidecar-{number}")
                for number, (at, labels) in enumerate([winner, *others])
            ]
            all_of_them = ordered([first, *losers], turned)
            assert answering(*B, *rules, *all_of_them) == ("v1|v2" if hides else "v2")


@pytest.mark.parametrize(("namespace", "labels"), OF_OTHERS)
def test_a_sidecar_of_others_hides_nothing(
    namespace: str, labels: Mapping[str, str] | None
) -> None:
    rules = [virtual_service("b", rule(to("b", "v2"))), destination_rule("b", "v2")]
    hides = sidecar("none/*", namespace=namespace, selects=labels)
    assert answering(*B, *rules, hides) == "v2"


B_V2 = service("b-v2", selector={"app": "b", "version": "v2"})


def test_a_sidecar_hides_no_rules_by_a_wildcard_where_routes_name_the_service() -> None:
    """The wildcard's do not count there at all."""
    elsewhere = virtual_service("*.local", rule(to(FQDN, "v1")), namespace="other", name="wide")
    route = http_route("b", to_service("b"), route_rule(backend("b-v2")))
    ruled = [*B, B_V2, destination_rule("b", "v1", "v2"), elsewhere]
    hides = sidecar("*/*", "~other/*")
    assert answering(*ruled, hides) == "v1|v2"
    assert answering(*ruled, route, hides) == "v2"
    away = http_route("b", to_service("b", namespace="default"), *route["spec"]["rules"])
    consumers = {**away, "metadata": {"name": "b", "namespace": "other"}}
    assert answering(*ruled, consumers, hides) == "v1|v2"


# VirtualServices


def test_the_virtual_service_of_the_longest_host_wins(subtests: pytest.Subtests) -> None:
    hosts = ["b", "*.default.svc.cluster.local", "*.svc.cluster.local", "*.local"]
    for winner, losers, turned in ladder(hosts):
        with subtests.test(winner=winner, turned=turned):
            won = virtual_service(winner, rule(to(FQDN, "v2")), name="winner")
            lost = [
                virtual_service(loser, rule(to(FQDN, "v1")), name=f"loser-{number}")
                for number, loser in enumerate(losers)
            ]
            both = [destination_rule("b", "v1", "v2"), *ordered([won, *lost], turned)]
            assert answering(*B, *both) == "v2"


@pytest.mark.parametrize("gateways", [None, ["mesh"], ["mesh", "demo-gateway"]])
def test_a_rule_of_the_gateway_alone_is_none_for_callers(gateways: list[str] | None) -> None:
    """One for callers in the mesh counts, wherever else it counts; another names the same host."""
    rules = [
        virtual_service("b", rule(to("b", "v1")), gateways=["demo-gateway"], name="at-gateway"),
        virtual_service("b", rule(to("b", "v2")), gateways=gateways, name="in-mesh"),
    ]
    assert answering(*B, destination_rule("b", "v1", "v2"), *rules) == "v2"


ROUTED = [*B, destination_rule("b", "v1", "v2")]


@pytest.mark.parametrize(
    ("first", "found"),
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
def test_the_first_rule_that_takes_a_call_has_it(first: Document, found: str) -> None:
    rules = virtual_service("b", {**first, **rule(to("b", "v1"))}, rule(to("b", "v2")))
    callers = [*WEB[:-1], deployment("web", "v1", "b"), *ROUTED]
    path, *_ = lanes_of(*callers, rules).values()
    assert path == f"web v1, b {found}"


@pytest.mark.parametrize(
    ("asked", "path", "taken"),
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
        ({"uri": {"regex": "/Cart"}, "ignoreUriCase": True}, "/cart", False),  # Envoy looks at it
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
def test_what_a_match_takes_of_a_call(asked: Document, path: str, taken: bool) -> None:
    first = {"match": [asked], **rule(to("b", "v2"))}
    caller = deployment("web", "v1", f"http://b:8000{path}")
    documents = [*WEB[:-1], caller, *ROUTED, virtual_service("b", first, rule(to("b", "v1")))]
    (found,) = lanes_of(*documents).values()
    assert found == f"web v1, b {'v2' if taken else 'v1'}"


# HTTPRoutes: https://gateway-api.sigs.k8s.io/reference/api-types/httproute/
