"""The older of two resources counts: by creationTimestamp, else by name; warnings say so."""

from collections.abc import Callable, Sequence

import pytest

from lanes.planning.request import Request
from tests.kube import (
    Document,
    api_gateway,
    backend,
    deployment,
    destination_rule,
    gateway,
    header_is,
    http_route,
    put,
    route_rule,
    rule,
    service,
    sidecar,
    to,
    to_gateway,
    to_service,
    virtual_service,
)
from tests.unit.lanes.reading import lanes_of, mesh_of, plan_of, refusal

B = [service("b"), deployment("b", "v1"), deployment("b", "v2")]
SUBSETS = destination_rule("b", "v1", "v2")
WEB = [
    gateway(),
    virtual_service("*", rule(to("web")), gateways=["demo-gateway"]),
    service("web"),
    deployment("web", "v1", "b"),
]
NEW, OLD = "2026-11-30T08:00:00Z", "2026-11-29T08:00:00Z"


def made(document: Document, at: str | None) -> Document:
    return put(document, "metadata.creationTimestamp", at)


def answering(*documents: Document) -> str:
    """The version of b that answers a call of web."""
    (path,) = lanes_of(*WEB, *B, *documents).values()
    return path.partition(", b ")[2]


def in_mesh(name: str, version: str) -> Document:
    return virtual_service("b", rule(to("b", version)), name=name)


def for_callers(name: str, version: str) -> list[Document]:
    return [SUBSETS, in_mesh(name, version)]


def by_wildcard(name: str, version: str) -> list[Document]:
    fqdn = "b.default.svc.cluster.local"
    host = "*.default.svc.cluster.local"
    return [SUBSETS, virtual_service(host, rule(to(fqdn, version)), name=name)]


def by_subset(name: str, version: str) -> list[Document]:
    labels = {"name": "next", "labels": {"version": version}}
    return [in_mesh("b", "next"), destination_rule("b", labels, name=name)]


def by_policy(name: str, version: str) -> list[Document]:
    """A DestinationRule that prefers the pods of one version."""
    preferred = {"localityLbSetting": {"failoverPriority": [f"version={version}"]}}
    policy = {"loadBalancer": preferred, "outlierDetection": {}}
    return [destination_rule("b", policy=policy, name=name)]


def by_http_route(name: str, version: str) -> list[Document]:
    selected = put(service(f"b-{version}"), "spec.selector", {"app": "b", "version": version})
    return [selected, http_route(name, to_service("b"), route_rule(backend(f"b-{version}")))]


def by_sidecar(name: str, version: str) -> list[Document]:
    """A Sidecar that hides b, so that its rules do not apply; or one that does not."""
    found = sidecar("none/*" if version == "v1|v2" else "*/*", name=name)
    return [SUBSETS, in_mesh("b", "v1"), found]


Both = Callable[[str, str], list[Document]]
KINDS: list[tuple[Both, Sequence[str]]] = [
    (for_callers, ["v2", "v1"]),
    (by_wildcard, ["v2", "v1"]),
    (by_subset, ["v2", "v1"]),
    (by_policy, ["v2", "v1"]),
    (by_http_route, ["v2", "v1"]),
    (by_sidecar, ["v1|v2", "v1"]),
]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("zz", OLD), ("a", NEW)),
        (("zz", "2026-11-30T09:59:59+02:00"), ("a", NEW)),
        (("zz", "2026-11-30T07:59:59.5Z"), ("a", NEW)),
        (("zz", NEW), ("a", None)),  # which is not in the cluster yet
        (("a", None), ("zz", None)),
        (("a", NEW), ("zz", NEW)),
    ],
)
@pytest.mark.parametrize(("kind", "answers"), KINDS)
def test_the_older_resource_counts(
    kind: Both,
    answers: Sequence[str],
    first: tuple[str, str | None],
    second: tuple[str, str | None],
    turned: bool,
) -> None:
    *others, won = kind(first[0], answers[0])
    *more, lost = kind(second[0], answers[1])
    both = [made(won, first[1]), made(lost, second[1])]
    unlike = [one for one in more if one not in others]
    assert answering(*others, *unlike, *(reversed(both) if turned else both)) == answers[0]


def warnings(*documents: Document) -> list[str]:
    return [f"{one.resource}: {one.field}: {one.message}" for one in mesh_of(*documents).warnings]


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        (OLD, NEW, "which is older"),
        (NEW, None, "which is older"),
        (None, None, "whose name comes first: no creationTimestamp tells which is older"),
        (NEW, NEW, "whose name comes first: both have one creationTimestamp"),
    ],
)
def test_a_warning_says_which_one_counts(first: str | None, second: str | None, why: str) -> None:
    rules = [made(in_mesh("one", "v1"), first), made(in_mesh("two", "v2"), second)]
    assert warnings(*B, SUBSETS, *rules) == [
        "VirtualService two: spec.hosts[0]: sidecars apply one VirtualService to a host, one,"
        f" {why}"
    ]
    both = [
        made(destination_rule("b", "v1", policy={}, name="one"), first),
        made(destination_rule("b", "v1", policy={}, name="two"), second),
    ]
    assert warnings(*B, *both) == [
        "DestinationRule two: spec.trafficPolicy: this host has one of DestinationRule one, too,"
        f" {why}: that one counts",
        "DestinationRule two: spec.subsets[0].name: v1 is a subset of DestinationRule one, too,"
        f" {why}: that one counts",
    ]


FQDN = "b.default.svc.cluster.local"


@pytest.mark.parametrize(
    ("hosts", "fields"),
    [
        ({"one": ["b"], "two": ["b"]}, ["spec.hosts[0]"]),
        ({"one": ["b"], "two": ["b", FQDN]}, ["spec.hosts[0]"]),
        ({"one": ["b", FQDN]}, []),
        ({"one": ["*.local", "*.local"], "two": ["*.local"]}, ["spec.hosts[0]"]),
        ({"one": ["x.org"], "two": ["y.org", "x.org"]}, ["spec.hosts[1]"]),
    ],
)
def test_a_second_virtual_service_for_a_host_is_one_warning(
    hosts: dict[str, list[str]], fields: list[str]
) -> None:
    rules = [put(in_mesh(name, "v1"), "spec.hosts", named) for name, named in hosts.items()]
    found = [
        one.field for one in mesh_of(*B, SUBSETS, *rules).warnings if one.rule == "second-rules"
    ]
    assert found == fields


def test_the_newer_counts_for_calls_that_no_rule_of_the_older_matches() -> None:
    for_others = virtual_service(
        "b", rule(to("b", "v1"), match=[{"sourceLabels": {"app": "c"}}]), name="one"
    )
    at_port = virtual_service("b", rule(to("b", "v1"), match=[{"port": 81}]), name="one")
    for first in (for_others, at_port):
        assert answering(SUBSETS, first, in_mesh("two", "v2")) == "v2"
        assert answering(SUBSETS, first) == "v1|v2"


def test_a_private_virtual_service_counts_before_an_older_one() -> None:
    own = put(in_mesh("own", "v2"), "spec.exportTo", ["."])
    assert answering(SUBSETS, made(own, NEW), made(in_mesh("all", "v1"), OLD)) == "v2"


RULES = [rule(to("b", "v2"), match=[header_is("x", "1")]), rule(to("b", "v1"))]


@pytest.mark.parametrize(("first", "second"), [(OLD, NEW), (NEW, OLD), (None, None)])
def test_a_gateway_takes_the_rules_of_the_older_first(
    first: str | None, second: str | None
) -> None:
    services = [
        made(virtual_service("*", rule(to("b", "v1")), gateways=["g"], name="one"), first),
        made(virtual_service("*", *RULES, rule(to("b")), gateways=["g"], name="two"), second),
        made(
            virtual_service(
                "*",
                rule(to("b"), match=[header_is("x", "1", "prefix")]),
                gateways=["g"],
                name="three",
            ),
            "2026-11-29T20:00:00Z" if first else None,
        ),
    ]
    mesh = mesh_of(*B, SUBSETS, gateway(name="g"), *services)
    (host,) = mesh.gateway
    met = Request({"x": "1"}, "/").rule(host.routes)
    assert met is not None
    by_age = "two" if second == OLD else "three"
    assert met.place.resource == f"VirtualService {by_age}"
    sentence = "its rules overlap with those of three, whose name comes first"
    assert any(sentence in one.message for one in mesh.warnings) == (first is None)


@pytest.mark.parametrize(("first", "second"), [(OLD, NEW), (NEW, OLD)])
def test_the_older_listener_set_has_a_listener(first: str, second: str) -> None:
    """Both sets have a listener with the same port and hostname, and a route of their own."""
    parts = []
    for name, at in (("one", first), ("two", second)):
        listener = {"name": name, "port": 80, "protocol": "HTTP", "hostname": "a.test"}
        spec = {"parentRef": {"name": "web"}, "listeners": [listener]}
        parts.append(
            {
                "apiVersion": "gateway.networking.k8s.io/v1",
                "kind": "ListenerSet",
                "metadata": {"name": name, "namespace": "default", "creationTimestamp": at},
                "spec": spec,
            }
        )
        parent = to_gateway(name, kind="ListenerSet")
        version = "v1" if name == "one" else "v2"
        selected = put(service(f"b-{version}"), "spec.selector", {"app": "b", "version": version})
        parts += [selected, http_route(name, parent, route_rule(backend(f"b-{version}")))]
    allowed = put(api_gateway(), "spec.allowedListeners", {"namespaces": {"from": "Same"}})
    planned = plan_of(*B, allowed, *parts, domain="a.test")
    assert planned.lanes[0].entry.version == ("v1" if first == OLD else "v2")


@pytest.mark.parametrize(
    ("at", "problem"),
    [
        ("yesterday", "should be a time such as 2026-11-30T08:00:00Z"),
        ("2026-11-30", "should be a time such as 2026-11-30T08:00:00Z"),
        ("2026-13-30T08:00:00Z", "is not a time of the calendar"),
        (7, "should be a time such as 2026-11-30T08:00:00Z"),
    ],
)
def test_an_invalid_creation_timestamp(at: object, problem: str) -> None:
    wrong = put(service("b"), "metadata.creationTimestamp", at)
    assert refusal(wrong) == f"Service b: metadata.creationTimestamp: {problem}"


@pytest.mark.parametrize(("scheme", "found"), [("http", "v1"), ("https", "v2")])
def test_a_rule_that_matches_a_scheme_is_not_moved_last(scheme: str, found: str) -> None:
    web = ["demo-gateway"]
    by_scheme = rule(to("b", "v1"), match=[{"scheme": {"exact": scheme}}])
    later = virtual_service("*", by_scheme, gateways=web, name="two")
    earlier = virtual_service("*", rule(to("b", "v2")), gateways=web, name="one")
    planned = plan_of(*B, SUBSETS, gateway(), later, earlier)
    assert [lane.entry.version for lane in planned.lanes] == [found]
