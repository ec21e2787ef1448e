"""HTTPRoutes: what they are bound to, how they merge, where their rules lead."""

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
    """A rule that one can tell by the header that it sets."""
    return route_rule(backend("a"), matches=matches, filters=[sets("x-rule", name)])


def marks(routes: tuple[Route, ...]) -> list[str]:
    return [route.request.set["x-rule"] for route in routes]


def at_gateway(*documents: Document) -> dict[str, list[str]]:
    """The rules of each of the gateway's hosts, in their order."""
    return {host.domain: marks(host.routes) for host in mesh_of(*A, *documents).gateway}


# Precedence


SPECIFIC_FIRST = [
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
def test_the_most_specific_match_goes_first_whatever_route_it_is_of(turn: int) -> None:
    names = [f"{number:02}" for number in range(len(SPECIFIC_FIRST))]
    turned = [*names[turn:], *names[:turn]]
    rules = [marked(name, SPECIFIC_FIRST[int(name)]) for name in reversed(turned)]
    of_one = http_route("web", to_gateway(), *rules)
    assert at_gateway(of_one) == {"*": names}
    of_many = [http_route(f"r{i}", to_gateway(), one) for i, one in enumerate(rules)]
    assert at_gateway(*of_many) == {"*": names}


def test_among_equals_the_order_is_by_namespace_name_and_place() -> None:
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


def test_a_prefix_of_nothing_takes_every_path() -> None:
    web = http_route("web", to_gateway(), marked("x", takes("//")))
    assert mesh_of(*A, web).gateway[0].routes[0].matches[0].uri is None


def test_each_match_of_a_rule_takes_its_own_place() -> None:
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
def test_a_gateway_serves_what_both_sides_name(
    listeners: list[Document], hostnames: list[str], domains: list[str]
) -> None:
    web = http_route("web", to_gateway(), marked("x"), hostnames=hostnames)
    assert list(at_gateway(api_gateway(*listeners), web)) == domains


def test_routes_of_one_host_merge_and_those_of_another_stay_apart() -> None:
    one = http_route("one", to_gateway(), marked("default"))
    two = http_route("two", to_gateway(), marked("lane", takes(headers={"x": "1"})))
    shop = http_route("shop", to_gateway(), marked("shop"), hostnames=["Shop.org"])
    assert at_gateway(one, two, shop) == {"*": ["lane", "default"], "shop.org": ["shop"]}


def test_a_gateway_that_stands_elsewhere_serves_any_host() -> None:
    parent = to_gateway("main", namespace="edge", sectionName="https", port=443)
    assert at_gateway(http_route("web", parent, marked("x"))) == {"*": ["x"]}


@pytest.mark.parametrize(
    ("one", "other", "together"),
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
def test_routes_of_a_gateway_that_stands_elsewhere_meet_at_its_listeners(
    one: Document, other: Document, together: bool
) -> None:
    routes = [
        http_route("a", {**to_gateway(), **one}, marked("x", takes("/a"))),
        http_route("b", {**to_gateway(), **other}, marked("y")),
    ]
    mesh = mesh_of(*A, *routes)
    assert [one.rule for one in mesh.warnings] == ["another-gateway"] * (not together)
    assert len(mesh.gateway[0].routes) == 1 + together


def test_of_gateways_with_other_rules_each_the_first_is_planned() -> None:
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


@pytest.mark.parametrize(
    ("listeners", "parent", "sentence"),
    [
        (
            [listener(port=81)],
            to_gateway(port=80),
            "spec.parentRefs[0]: Gateway web has no such listener, only http at 81",
        ),
        (
            [listener()],
            to_gateway(sectionName="https"),
            "spec.parentRefs[0]: Gateway web has no such listener, only http at 80",
        ),
        (
            [listener(allowedRoutes={"kinds": [{"kind": "GRPCRoute"}]})],
            to_gateway(),
            "spec.parentRefs[0]: Gateway web takes no HTTPRoutes from namespace default",
        ),
        (
            [listener(hostname="*.com")],
            to_gateway(),
            "spec.hostnames: none is served by Gateway web (*.com)",
        ),
        (
            [listener(name="1", hostname="a.org"), listener(name="2")],
            to_gateway(sectionName="2"),
            "spec.hostnames: none is served by Gateway web (*)",
        ),
    ],
)
def test_a_gateway_that_would_not_take_the_route(
    listeners: list[Document], parent: Document, sentence: str
) -> None:
    web = http_route("web", parent, marked("x"), hostnames=["a.org"])
    assert not_attached(api_gateway(*listeners), web) == f"{sentence}: it applies to none"


def not_attached(*documents: Document) -> str:
    """Why the only route is attached to no Gateway, with the field that says so."""
    mesh = mesh_of(*A, *documents)
    assert mesh.gateway == ()
    return next(f"{w.field}: {w.message}" for w in mesh.warnings if w.rule == "not-attached")


def test_a_route_that_names_no_parent_applies_to_nothing() -> None:
    alone = without(http_route("web", to_gateway(), marked("x")), "spec.parentRefs")
    sentence = "spec.parentRefs: none is named: the route applies to nothing"
    assert not_attached(api_gateway(), alone) == sentence


def test_a_gateway_takes_routes_of_its_own_namespace_unless_told() -> None:
    there = api_gateway(namespace="edge")
    web = http_route("web", to_gateway(namespace="edge"), marked("x"))
    assert not_attached(there, web) == (
        "spec.parentRefs[0]: Gateway web takes no HTTPRoutes from namespace default: it applies to"
        " none"
    )

    def open_to(**asked: object) -> Document:
        return put(there, "spec.listeners[0].allowedRoutes.namespaces", asked)

    named = {"matchLabels": {"kubernetes.io/metadata.name": "default"}}
    labeled = {"matchLabels": {"team": "shop"}}
    namespace: Document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
    of_shop = put(namespace, "metadata.labels", {"team": "shop"})
    for opened in (
        [open_to(**{"from": "All"})],
        [open_to(**{"from": "Selector"}, selector=named)],
        [open_to(**{"from": "Selector"}, selector=labeled), of_shop],
    ):
        assert at_gateway(*opened, web) == {"*": ["x"]}
    selecting = open_to(**{"from": "Selector"}, selector=labeled)
    assert not_attached(selecting, namespace, web) == (
        "spec.parentRefs[0]: Gateway web takes no HTTPRoutes from namespace default,"
        " as far as its labels are known here: it applies to none"
    )


HTTPS = listener(443, name="https", protocol="HTTPS", tls={"certificateRefs": [{"name": "c"}]})
TO_HTTPS: Document = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}


@pytest.mark.parametrize("here", [True, False])
@pytest.mark.parametrize("turned", [True, False])
def test_what_redirects_to_https_is_no_entry_rule_beside_it(here: bool, turned: bool) -> None:
    http = http_route("to-https", to_gateway(sectionName="http"), route_rule(filters=[TO_HTTPS]))
    web = http_route("web", to_gateway(sectionName="https"), marked("x"))
    gateways = [api_gateway(listener(), HTTPS)] if here else []
    mesh = mesh_of(*A, *gateways, *([web, http] if turned else [http, web]))
    assert [marks(host.routes) for host in mesh.gateway] == [["x"]]
    assert mesh.warnings == ()


def test_a_gateways_ports_serve_one_route_alike() -> None:
    web = http_route("web", to_gateway(), marked("x"))
    mesh = mesh_of(*A, api_gateway(listener(), HTTPS, listener(8080, name="other")), web)
    assert [marks(host.routes) for host in mesh.gateway] == [["x"]]
    assert mesh.warnings == ()
    assert mesh.not_run == (
        f"{mesh.sources[0]}: Gateway web: spec.listeners[1].tls: not simulated: left out",
    )


def test_a_listener_of_another_protocol_is_left_aside() -> None:
    hbone = listener(
        15008, name="mesh", protocol="HBONE", allowedRoutes={"namespaces": {"from": "All"}}
    )
    web = http_route("web", to_gateway(), marked("x"))
    mesh = mesh_of(*A, api_gateway(hbone, listener()), web)
    assert [marks(host.routes) for host in mesh.gateway] == [["x"]]
    assert [(w.field, w.message) for w in mesh.warnings] == [
        ("spec.listeners[0].protocol", "HBONE takes no HTTPRoutes: listener mesh is left out")
    ]
    assert not_attached(api_gateway(hbone), web) == (
        "spec.parentRefs[0]: Gateway web takes no HTTPRoutes from namespace default: it applies to"
        " none"
    )


def test_a_gateway_of_either_api_may_have_one_name_but_one_alone_is_the_entrance() -> None:
    both = [gateway(name="web"), api_gateway()]
    web = http_route("web", to_gateway(), marked("x"))
    assert at_gateway(*both, web) == {"*": ["x"]}
    other = virtual_service("*", rule(to("a")), gateways=["web"])
    mesh = mesh_of(*A, *both, web, other)
    assert [(w.rule, w.resource) for w in mesh.warnings] == [("another-gateway", "HTTPRoute web")]


# Parents: Services


def test_routes_of_a_service_count_in_the_mesh_alone() -> None:
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


def test_a_service_that_has_no_such_port() -> None:
    route = http_route("r", to_service("a", 81), marked("x"))
    sentence = "HTTPRoute r: spec.parentRefs[0].port: name one of a's ports: 8000"
    assert refusal(*A, route) == sentence


def test_routes_of_a_service_that_istio_does_not_merge() -> None:
    routes = [http_route(f"r{p}", to_service("a", p), marked("x")) for p in (8000, None)]
    assert refusal(*A, *routes) == (
        "HTTPRoute rNone: spec.parentRefs[0].port: some HTTPRoutes of a name its port and some"
        " don't, and Istio merges only those that do alike; name it in all"
    )


def test_a_service_has_routes_of_one_kind() -> None:
    assert refusal(
        *A, http_route("r", to_service("a"), marked("x")), virtual_service("a", rule(to("a")))
    ) == ("VirtualService a: spec.hosts[0]: a already has HTTPRoute r; keep one kind")


def test_a_hop_that_matches_what_callers_set_is_refused() -> None:
    match = takes(headers={"User-Agent": "curl"})
    assert refusal(*A, http_route("r", to_service("a"), marked("x", takes(), match))) == (
        "HTTPRoute r: spec.rules[0].matches[1].headers.User-Agent:"
        " calls have it with values that no plan can know; match the lane's header"
    )
    assert at_gateway(http_route("r", to_gateway(), marked("x", match))) == {"*": ["x"]}


# Where rules lead


def first_rule(*documents: Document) -> Route:
    return mesh_of(*documents).gateway[0].routes[0]


def test_backends_are_services_each_with_its_share_and_its_changes() -> None:
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


def test_a_backend_has_what_a_destination_rule_says_of_its_service() -> None:
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
def test_a_backend_of_another_namespace_takes_a_grant_at_a_gateway(
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


def test_a_rule_that_redirects_answers_by_itself() -> None:
    to_there = {"type": "RequestRedirect", "requestRedirect": {"hostname": "x.org"}}
    moved = {"type": "RequestRedirect", "requestRedirect": {"statusCode": 301}}
    rules = [
        route_rule(filters=[f], matches=[takes(p)]) for p, f in (("/1", to_there), ("/2", moved))
    ]
    mesh = mesh_of(*A, http_route("web", to_gateway(), *rules))
    found = [(route.status, route.destinations) for route in mesh.gateway[0].routes]
    assert found == [(302, ()), (301, ())]


def test_a_rewrite_chooses_no_route_and_a_query_does() -> None:
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
def test_without_a_backend_of_some_weight_nothing_answers(backends: list[Document]) -> None:
    web = http_route("web", to_gateway(), route_rule(*backends))
    assert first_rule(*A, web).destinations == ()


def test_a_backends_port_is_one_of_its_service() -> None:
    web = http_route("web", to_gateway(), route_rule(backend("a", port=80)))
    assert refusal(*A, web) == (
        "HTTPRoute web: spec.rules[0].backendRefs[0].port: name one of a's ports: 8000"
    )


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


def test_a_listener_for_what_no_host_is_called_serves_no_route() -> None:
    odd = api_gateway(listener(hostname="a/b"))
    told = not_attached(odd, http_route("r", to_gateway(), route_rule(backend("a"))))
    assert told == "spec.hostnames: none is served by Gateway web (a/b): it applies to none"
