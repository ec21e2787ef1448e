"""HTTPRoutes: their parents, how they merge, and the destinations of their rules."""

from itertools import permutations

import pytest

from lanes.mesh.matching import StringMatch
from lanes.mesh.model import Mesh, Route
from lanes.mesh.rewriting import Rewrite
from lanes.mesh.traffic import Retry
from tests.kube import (
    Document,
    api_gateway,
    backend,
    deployment,
    destination_rule,
    gateway,
    http_route,
    listener,
    put,
    reference_grant,
    route_rule,
    rule,
    service,
    sets,
    takes,
    to,
    to_gateway,
    to_service,
    virtual_service,
    without,
)
from tests.unit.lanes.reading import mesh_of, refusal
from tests.unit.lanes.test_resolve import port_of

A = (service("a"), deployment("a"))


def marked(name: str, *matches: Document) -> Document:
    """A rule that sets a header to its name."""
    return route_rule(backend("a"), matches=matches, filters=[sets("x-rule", name)])


def marks(routes: tuple[Route, ...]) -> list[str]:
    return [route.request.set["x-rule"] for route in routes]


def at_gateway(*documents: Document) -> dict[str, list[str]]:
    """The rules of each of the gateway's hosts, in their order."""
    return {host.domain: marks(host.routes) for host in mesh_of(*A, *documents).gateway}


# Precedence


SPECIFIC_FIRST = [
    takes("/abc", {"one": "1"}, how="Exact"),
    takes("/abc", how="Exact"),
    takes("/a", how="Exact"),
    takes("/abc", {"one": "1", "two": "2"}, method="GET"),
    takes("/abc", method="GET"),
    takes("/abc", {"one": "1", "two": "2"}),
    takes("/abc/", {"one": "1"}),
    takes("/abc"),
    takes("/a", {"one": "1", "two": "2"}),
    takes(headers={"one": "~1|2"}),
    takes(queryParams=[{"name": "q", "value": "1"}, {"name": "r", "value": "1"}]),
    takes(queryParams=[{"name": "q", "value": "2", "type": "RegularExpression"}]),
    takes(),
    takes("/[a-z]+.*", how="RegularExpression"),
    takes("/[a-z]", {"one": "1"}, how="RegularExpression"),
]


@pytest.mark.parametrize("turn", range(len(SPECIFIC_FIRST)))
def test_the_most_specific_match_of_one_or_many_routes_comes_first(turn: int) -> None:
    names = [f"{number:02}" for number in range(len(SPECIFIC_FIRST))]
    turned = [*names[turn:], *names[:turn]]
    rules = [marked(name, SPECIFIC_FIRST[int(name)]) for name in reversed(turned)]
    of_one = http_route("web", to_gateway(), *rules)
    assert at_gateway(of_one) == {"*": names}
    of_many = [http_route(f"r{i}", to_gateway(), one) for i, one in enumerate(rules)]
    assert at_gateway(*of_many) == {"*": names}


def test_equal_matches_are_in_the_order_of_namespace_name_and_place() -> None:
    def two(name: str, namespace: str) -> Document:
        rules = [marked(f"{namespace} {name} {place}", takes("/x")) for place in "12"]
        parent = to_gateway(namespace="default")
        moved = [put(r, "backendRefs[0].namespace", "default") for r in rules]
        return http_route(name, parent, *moved, namespace=namespace)

    routes = [two("b", "one"), two("a", "two"), two("a", "one")]
    for order in permutations(routes):
        assert at_gateway(*order)["*"] == [
            *("one a 1", "one a 2", "one b 1", "one b 2", "two a 1", "two a 2"),
        ]


def test_a_prefix_of_slashes_matches_every_path() -> None:
    web = http_route("web", to_gateway(), marked("x", takes("//")))
    assert mesh_of(*A, web).gateway[0].routes[0].matches[0].uri is None


def test_each_match_of_a_rule_has_its_own_precedence() -> None:
    both = marked("both", takes("/x", how="Exact"), takes())
    web = http_route("web", to_gateway(), both, marked("between", takes("/x")))
    assert at_gateway(web) == {"*": ["both", "between", "both"]}


# Parents: a Gateway


@pytest.mark.parametrize(
    ("listeners", "hostnames", "domains"),
    [
        ([listener()], [], ["*"]),
        ([listener()], ["a.org", "*.b.org"], ["a.org", "*.b.org"]),
        ([listener(hostname="*.org")], ["a.org", "a.com"], ["a.org"]),
        ([listener(hostname="a.org")], [], ["a.org"]),
        ([listener(name="1", hostname="a.org"), listener(name="2")], ["a.org"], ["a.org"]),
        ([listener(name="1", hostname="a.org"), listener(name="2")], [], ["a.org", "*"]),
        ([listener(allowedRoutes={"kinds": [{"kind": "HTTPRoute"}]})], [], ["*"]),
    ],
)
def test_the_domains_that_a_listener_and_a_route_share(
    listeners: list[Document], hostnames: list[str], domains: list[str]
) -> None:
    web = http_route("web", to_gateway(), marked("x"), hostnames=hostnames)
    assert list(at_gateway(api_gateway(*listeners), web)) == domains


def test_only_routes_of_one_host_merge() -> None:
    one = http_route("one", to_gateway(), marked("default"))
    two = http_route("two", to_gateway(), marked("lane", takes(headers={"x": "1"})))
    shop = http_route("shop", to_gateway(), marked("shop"), hostnames=["Shop.org"])
    assert at_gateway(one, two, shop) == {"*": ["lane", "default"], "shop.org": ["shop"]}


@pytest.mark.parametrize(
    ("one", "other", "merge"),
    [
        ({}, {}, True),
        ({"port": 80}, {}, True),
        ({}, {"sectionName": "x"}, True),
        ({"port": 80}, {"port": 80}, True),
        ({"port": 80}, {"port": 81}, False),
        ({"sectionName": "x"}, {"sectionName": "y"}, False),
        ({"sectionName": "x"}, {"port": 80}, False),
        ({"name": "more"}, {}, False),
    ],
)
def test_routes_at_a_gateway_outside_the_manifests_merge_by_listener(
    one: Document, other: Document, merge: bool
) -> None:
    routes = [
        http_route("a", {**to_gateway(), **one}, marked("x", takes("/a"))),
        http_route("b", {**to_gateway(), **other}, marked("y")),
    ]
    mesh = mesh_of(*A, *routes)
    assert [one.rule for one in mesh.warnings] == ["another-gateway"] * (not merge)
    assert len(mesh.gateway[0].routes) == 1 + merge


def test_only_the_first_of_gateways_with_different_rules_is_planned() -> None:
    one = put(
        http_route("one", to_gateway(), marked("1")),
        "spec.parentRefs",
        [to_gateway("public"), to_gateway("internal")],
    )
    two = put(one, "metadata.name", "two")
    assert at_gateway(one, two) == {"*": ["1", "1"]}
    mesh = mesh_of(*A, one, put(two, "spec.parentRefs", [to_gateway("public")]))
    assert [marks(host.routes) for host in mesh.gateway] == [["1", "1"]]
    assert [(w.resource, w.field, w.message) for w in mesh.warnings] == [
        (
            "HTTPRoute one",
            "spec.parentRefs",
            "not planned: for * another Gateway, with another selector or port, has other"
            " rules; plan them one at a time",
        )
    ]


def web(parent: Document, *hostnames: str) -> Document:
    return http_route("web", parent, marked("x"), hostnames=list(hostnames))


def not_attached(*documents: Document) -> str:
    """The field and the message of the warning that the only route is attached to no Gateway."""
    mesh = mesh_of(*A, *documents)
    assert mesh.gateway == ()
    return next(f"{w.field}: {w.message}" for w in mesh.warnings if w.rule == "not-attached")


ALL = {"namespaces": {"from": "All"}}
HBONE = listener(15008, name="mesh", protocol="HBONE", allowedRoutes=ALL)
TAKES_NONE = "spec.parentRefs[0]: Gateway web takes no HTTPRoutes from namespace default"


@pytest.mark.parametrize(
    ("listeners", "route", "sentence"),
    [
        (
            [listener(port=81)],
            web(to_gateway(port=80)),
            "spec.parentRefs[0]: Gateway web has no such listener, only http at 81",
        ),
        (
            [listener()],
            web(to_gateway(sectionName="https")),
            "spec.parentRefs[0]: Gateway web has no such listener, only http at 80",
        ),
        (
            [listener(allowedRoutes={"kinds": [{"kind": "GRPCRoute"}]})],
            web(to_gateway()),
            TAKES_NONE,
        ),
        ([HBONE], web(to_gateway()), TAKES_NONE),
        (
            [listener(hostname="*.com")],
            web(to_gateway(), "a.org"),
            "spec.hostnames: none is served by Gateway web (*.com)",
        ),
        (
            [listener(name="1", hostname="a.org"), listener(name="2")],
            web(to_gateway(sectionName="2"), "a.org"),
            "spec.hostnames: none is served by Gateway web (*)",
        ),
        (
            [listener(hostname="a/b")],
            web(to_gateway()),
            "spec.hostnames: none is served by Gateway web (a/b)",
        ),
    ],
)
def test_routes_that_a_gateway_does_not_take(
    listeners: list[Document], route: Document, sentence: str
) -> None:
    assert not_attached(api_gateway(*listeners), route) == f"{sentence}: it applies to none"


def test_a_route_without_a_parent_applies_to_nothing() -> None:
    sentence = "spec.parentRefs: none is named: the route applies to nothing"
    assert not_attached(api_gateway(), without(web(to_gateway()), "spec.parentRefs")) == sentence


def test_a_gateway_takes_routes_of_its_own_namespace_and_of_those_it_allows() -> None:
    there, route = api_gateway(namespace="edge"), web(to_gateway(namespace="edge"))
    assert not_attached(there, route) == f"{TAKES_NONE}: it applies to none"

    def allowing(**namespaces: object) -> Document:
        return put(there, "spec.listeners[0].allowedRoutes.namespaces", namespaces)

    selected: Document = {"from": "Selector"}
    by_name = {"matchLabels": {"kubernetes.io/metadata.name": "default"}}
    by_label = {"matchLabels": {"team": "shop"}}
    namespace: Document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
    of_shop = put(namespace, "metadata.labels", {"team": "shop"})
    for documents in (
        [allowing(**{"from": "All"})],
        [allowing(**selected, selector=by_name)],
        [allowing(**selected, selector=by_label), of_shop],
    ):
        assert at_gateway(*documents, route) == {"*": ["x"]}
    assert not_attached(allowing(**selected, selector=by_label), namespace, route) == (
        f"{TAKES_NONE}, as far as its labels are known here: it applies to none"
    )


HTTPS = listener(443, name="https", protocol="HTTPS", tls={"certificateRefs": [{"name": "c"}]})
TO_HTTPS: Document = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}


@pytest.mark.parametrize("here", [True, False])
@pytest.mark.parametrize("turned", [True, False])
def test_a_listener_that_redirects_to_https_is_not_planned_beside_another(
    here: bool, turned: bool
) -> None:
    http = http_route("to-https", to_gateway(sectionName="http"), route_rule(filters=[TO_HTTPS]))
    https = web(to_gateway(sectionName="https"))
    gateways = [api_gateway(listener(), HTTPS)] if here else []
    mesh = mesh_of(*A, *gateways, *([https, http] if turned else [http, https]))
    assert [marks(host.routes) for host in mesh.gateway] == [["x"]]
    assert mesh.warnings == ()


def test_a_route_is_planned_once_for_several_ports() -> None:
    ports = [listener(), HTTPS, listener(8080, name="other")]
    mesh = mesh_of(*A, api_gateway(*ports), web(to_gateway()))
    assert [marks(host.routes) for host in mesh.gateway] == [["x"]]
    assert mesh.warnings == ()
    assert mesh.not_run == (
        f"{mesh.sources[0]}: Gateway web: spec.listeners[1].tls: not simulated: left out",
    )


def test_a_listener_of_another_protocol_is_left_out() -> None:
    mesh = mesh_of(*A, api_gateway(HBONE, listener()), web(to_gateway()))
    assert [marks(host.routes) for host in mesh.gateway] == [["x"]]
    assert [(w.field, w.message) for w in mesh.warnings] == [
        ("spec.listeners[0].protocol", "HBONE takes no HTTPRoutes: listener mesh is left out")
    ]


def test_of_gateways_of_both_apis_with_one_name_one_is_planned() -> None:
    both = [gateway(name="web"), api_gateway()]
    assert at_gateway(*both, web(to_gateway())) == {"*": ["x"]}
    other = virtual_service("*", rule(to("a")), gateways=["web"])
    mesh = mesh_of(*A, *both, web(to_gateway()), other)
    assert [(w.rule, w.resource) for w in mesh.warnings] == [("another-gateway", "HTTPRoute web")]


# Parents: Services


def test_routes_of_a_service_apply_to_callers_in_the_mesh_alone() -> None:
    lane = http_route("lane", to_service("a"), marked("lane", takes(headers={"baggage": "~x"})))
    base = http_route("base", to_service("a"), marked("base"))
    web = http_route("web", to_gateway(), marked("web"))
    mesh = mesh_of(*A, lane, web, base, service("b"))
    assert marks(port_of(mesh, "a").routes) == ["lane", "base"]
    assert [marks(host.routes) for host in mesh.gateway] == [["web"]]
    (plain,) = port_of(mesh, "b").routes
    assert plain.matches == ()


def test_a_route_is_bound_to_one_port_or_to_all() -> None:
    ports = service("a", 8000, 8001)

    def bound(port: int | None) -> list[bool]:
        mesh = mesh_of(ports, deployment("a"), http_route("r", to_service("a", port), marked("x")))
        return [bool(port_of(mesh, "a", number).routes[0].request.set) for number in (8000, 8001)]

    assert bound(8001) == [False, True]
    assert bound(None) == [True, True]


def test_a_route_may_be_bound_to_a_gateway_and_to_services() -> None:
    parents = [to_gateway(), to_service("a"), to_service("b"), to_service("a")]
    mesh = mesh_of(
        *A, service("b"), put(http_route("r", {}, marked("x")), "spec.parentRefs", parents)
    )
    found = [port_of(mesh, name).routes for name in ("a", "b")] + [mesh.gateway[0].routes]
    assert [marks(routes) for routes in found] == [["x"]] * 3


FROM_CLIENTS = takes(headers={"User-Agent": "curl"})


@pytest.mark.parametrize(
    ("documents", "sentence"),
    [
        (
            [http_route("r", to_service("a", 81), marked("x"))],
            "HTTPRoute r: spec.parentRefs[0].port: name one of a's ports: 8000",
        ),
        (
            [http_route("r", to_gateway(), route_rule(backend("a", port=80)))],
            "HTTPRoute r: spec.rules[0].backendRefs[0].port: name one of a's ports: 8000",
        ),
        (
            [http_route(f"r{p}", to_service("a", p), marked("x")) for p in (8000, None)],
            "HTTPRoute rNone: spec.parentRefs[0].port: some HTTPRoutes of a name its port and some"
            " don't, and Istio merges only those that do alike; name it in all",
        ),
        (
            [http_route("r", to_service("a"), marked("x")), virtual_service("a", rule(to("a")))],
            "VirtualService a: spec.hosts[0]: a already has HTTPRoute r; keep one kind",
        ),
        (
            [http_route("r", to_service("a"), marked("x", takes(), FROM_CLIENTS))],
            "HTTPRoute r: spec.rules[0].matches[1].headers.User-Agent:"
            " manifests do not say which value clients send; match the lane's header",
        ),
    ],
)
def test_routes_that_are_not_supported(documents: list[Document], sentence: str) -> None:
    assert refusal(*A, *documents) == sentence


def test_a_route_at_a_gateway_may_match_what_clients_send() -> None:
    assert at_gateway(http_route("r", to_gateway(), marked("x", FROM_CLIENTS))) == {"*": ["x"]}


# Destinations


def first_rule(*documents: Document) -> Route:
    return mesh_of(*documents).gateway[0].routes[0]


def test_backends_have_weights_and_header_changes() -> None:
    web = http_route(
        "web",
        to_gateway(),
        route_rule(
            backend("a", sets("X-Lane", "v1"), sets("x-by", "a", of="response"), weight=3),
            backend("a", namespace="other"),
            backend("gone", weight=0),
            filters=[
                {
                    "type": "RequestHeaderModifier",
                    "requestHeaderModifier": {
                        "add": [{"name": "X-Add", "value": "1"}],
                        "remove": ["X-Gone"],
                    },
                }
            ],
        ),
    )
    there = [service("a", namespace="other"), deployment("a", "v2", namespace="other")]
    there.append(reference_grant("other"))
    found = first_rule(*A, *there, web)
    assert [(w.destination.name, w.weight) for w in found.destinations] == [
        ("outbound|8000||a.default.svc.cluster.local", 3),
        ("outbound|8000||a.other.svc.cluster.local", 1),
        ("outbound|8000||gone.default.svc.cluster.local", 0),
    ]
    assert found.destinations[0].request.set == {"x-lane": "v1"}
    assert found.destinations[0].response.set == {"x-by": "a"}
    assert (found.request.add, found.request.remove) == ({"x-add": "1"}, ("x-gone",))
    assert [len(w.destination.tiers) for w in found.destinations] == [1, 1, 0]


def test_a_destination_rule_applies_to_a_backend() -> None:
    failover = {"localityLbSetting": {"failoverPriority": ["version=v2"]}}
    policy = {"loadBalancer": failover, "outlierDetection": {}}
    (way,) = first_rule(
        service("a"),
        *(deployment("a", version) for version in ("v1", "v2")),
        destination_rule("a", policy=policy),
        http_route("web", to_gateway(), marked("x")),
    ).destinations
    assert [[e.pod.version for e in tier] for tier in way.destination.tiers] == [["v2"], ["v1"]]


@pytest.mark.parametrize(
    ("grants", "granted"),
    [
        ([], False),
        ([reference_grant("other")], True),
        ([reference_grant("other", "b")], True),
        ([reference_grant("other", "a")], False),
        ([reference_grant("other", of="third")], False),
        ([reference_grant("default")], False),
    ],
)
def test_a_backend_of_another_namespace_needs_a_grant_at_a_gateway(
    grants: list[Document], granted: bool
) -> None:
    """Istio checks none for callers in the mesh."""
    there = [service("b", namespace="other"), deployment("b", namespace="other"), *grants]
    led = route_rule(backend("a", weight=3), backend("b", namespace="other"))
    routes = [http_route("web", to_gateway(), led), http_route("hop", to_service("a"), led)]
    mesh = mesh_of(*A, *there, *routes)
    (gateway_rule,), (hop,) = mesh.gateway[0].routes, port_of(mesh, "a").routes
    assert [len(w.destination.tiers) for w in gateway_rule.destinations] == [1, granted]
    assert [len(w.destination.tiers) for w in hop.destinations] == [1, 1]
    assert [str(w).partition(": ")[2] for w in mesh.warnings] == [
        "HTTPRoute web: spec.rules[0].backendRefs[1].namespace: no ReferenceGrant in other lets"
        " it route to b: its share gets 500"
    ] * (not granted)


def test_a_redirect_has_no_destination() -> None:
    to_there = {"type": "RequestRedirect", "requestRedirect": {"hostname": "x.org"}}
    moved = {"type": "RequestRedirect", "requestRedirect": {"statusCode": 301}}
    rules = [
        route_rule(filters=[f], matches=[takes(p)]) for p, f in (("/1", to_there), ("/2", moved))
    ]
    mesh = mesh_of(*A, http_route("web", to_gateway(), *rules))
    found = [(route.status, route.destinations) for route in mesh.gateway[0].routes]
    assert found == [(302, ()), (301, ())]


def test_a_query_is_matched_and_a_host_rewritten() -> None:
    filters = [
        {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x-a"]}},
        {"type": "URLRewrite", "urlRewrite": {"hostname": "x.org"}},
    ]
    asked = takes(queryParams=[{"name": "q", "value": "a+", "type": "RegularExpression"}])
    web = http_route(
        "web", to_gateway(), route_rule(backend("a"), matches=[asked], filters=filters)
    )
    mesh = mesh_of(*A, web)
    (route,) = mesh.gateway[0].routes
    assert route.matches[0].query == {"q": StringMatch("regex", "a+")}
    assert len(route.destinations) == 1
    assert route.rewrite == Rewrite("x.org")
    assert mesh.not_run == ()


RETRIED = "connect-failure,refused-stream,unavailable,cancelled"


@pytest.mark.parametrize(
    ("asked", "timeouts", "found"),
    [
        ({}, {}, Retry(2, None, RETRIED)),
        ({"attempts": 3}, {}, Retry(3, None, RETRIED)),
        ({"attempts": 1, "codes": [500, 503]}, {}, Retry(1, None, f"{RETRIED},500,503")),
        ({"attempts": 1, "backoff": "50ms"}, {}, Retry(1, None, RETRIED, backoff=0.05)),
        ({"attempts": 1}, {"backendRequest": "2s"}, Retry(1, 2, RETRIED)),
    ],
)
def test_retries(asked: Document, timeouts: Document, found: Retry) -> None:
    own = route_rule(backend("a"), retry=asked, timeouts=timeouts)
    assert first_rule(*A, http_route("web", to_gateway(), own)).retry == found


@pytest.mark.parametrize("backends", [[], [backend("a", weight=0)]])
def test_a_rule_without_a_backend_of_some_weight_has_no_destination(
    backends: list[Document],
) -> None:
    web = http_route("web", to_gateway(), route_rule(*backends))
    assert first_rule(*A, web).destinations == ()


@pytest.mark.parametrize(
    ("timeouts", "seconds"),
    [
        ({}, None),
        ({"request": "2s"}, 2),
        ({"request": "2s", "backendRequest": "1s"}, 1),
        ({"request": "0s"}, 0),
    ],
)
def test_a_rules_timeouts(timeouts: Document, seconds: float | None) -> None:
    web = http_route("web", to_gateway(), route_rule(backend("a"), timeouts=timeouts))
    assert first_rule(*A, web).timeout == seconds


@pytest.mark.parametrize(
    ("more", "provider"),
    [
        ([], "gateway-api"),
        ([destination_rule("a")], "istio"),
        ([virtual_service("b", rule(to("a")))], "istio"),
    ],
)
def test_which_mesh_routes_are_for(more: list[Document], provider: str) -> None:
    route = http_route("r", to_service("a"), marked("x"))
    mesh: Mesh = mesh_of(*A, service("b"), route, *more)
    assert mesh.provider == provider
