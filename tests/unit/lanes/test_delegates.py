"""Delegates, and claims of tokens."""

import pytest

from lanes.mesh.matching import StringMatch
from lanes.mesh.model import Mesh
from lanes.reading.delegates import merge
from lanes.reading.kinds.virtual_services import HttpRoute
from tests.kube import (
    Document,
    deployment,
    destination_rule,
    header_is,
    put,
    rule,
    service,
    to,
    virtual_service,
)
from tests.unit.lanes.reading import lanes_of, mesh_of, plan_of, refusal

A = (service("a"), deployment("a"), deployment("a", "v2"), destination_rule("a", "v1", "v2"))


def handed(name: str = "own", **fields: object) -> Document:
    return {"delegate": {"name": name}, **fields}


def delegate(*rules: Document, **more: object) -> Document:
    own = virtual_service("x", *rules, name="own")
    del own["spec"]["hosts"]
    own["spec"] |= more
    return own


def at_gateway(*documents: Document) -> list[tuple[dict[str, StringMatch], str]]:
    """What each rule of the gateway asks of headers, and the field of the rule."""
    mesh: Mesh = mesh_of(*A, *documents)
    routes = mesh.gateway[0].routes if mesh.gateway else ()
    return [
        (dict(route.matches[0].headers) if route.matches else {}, str(route.place.resource))
        for route in routes
    ]


def root(*rules: Document) -> Document:
    return virtual_service("*", *rules, gateways=["gw"], name="root")


def test_a_delegates_rules_stand_in_the_place_of_the_one_that_names_it() -> None:
    own = delegate(rule(to("a", "v2"), match=[header_is("y", "2")]), rule(to("a", "v1")))
    found = at_gateway(root(handed(match=[header_is("x", "1")]), rule(to("a"))), own)
    x, y = StringMatch("exact", "1"), StringMatch("exact", "2")
    of_own = "VirtualService own"
    assert found == [
        ({"x": x, "y": y}, of_own),
        ({"x": x}, of_own),
        ({}, "VirtualService root"),
    ]


def test_a_delegate_that_is_not_here_is_left_out_with_a_warning() -> None:
    mesh = mesh_of(*A, root(handed("other"), rule(to("a"))))
    assert [(w.rule, w.field) for w in mesh.warnings if w.rule != "gateway-given"] == [
        ("no-delegate", "spec.http[0].delegate")
    ]
    assert len(mesh.gateway[0].routes) == 1


def test_a_delegate_counts_where_it_is_exported_to() -> None:
    own = delegate(rule(to("a")), exportTo=["other"])
    assert at_gateway(root(handed(), rule(to("a"))), own) == [({}, "VirtualService root")]


def test_a_delegates_headers_replace_the_roots() -> None:
    sets: Document = {"headers": {"request": {"set": {"x-lane": "v2"}}}}
    kept = mesh_of(*A, root(handed(**sets)), delegate(rule(to("a"))))
    assert kept.gateway[0].routes[0].request.set == {"x-lane": "v2"}
    own = rule(to("a"), headers={"request": {"set": {"y": "1"}}})
    replaced = mesh_of(*A, root(handed(**sets)), delegate(own))
    assert replaced.gateway[0].routes[0].request.set == {"y": "1"}


PREFIX, EXACT, REGEX = {"prefix": "/a"}, {"exact": "/a/b"}, {"regex": "/a.*"}


@pytest.mark.parametrize(
    ("outer", "inner", "fit"),
    [
        ({"uri": PREFIX}, {"uri": EXACT}, True),
        ({"uri": PREFIX}, {"uri": {"prefix": "/a/b"}}, True),
        ({"uri": {"prefix": "/a/b"}}, {"uri": PREFIX}, False),
        ({"uri": EXACT}, {"uri": PREFIX}, False),
        ({"uri": EXACT}, {"uri": EXACT}, True),
        ({"uri": EXACT}, {"uri": {"exact": "/b"}}, False),
        ({"uri": REGEX}, {"uri": EXACT}, False),
        ({"uri": PREFIX}, {"uri": REGEX}, False),
        ({"uri": REGEX}, {"method": {"exact": "GET"}}, True),
        ({"headers": {"x": EXACT}}, {"headers": {"x": {"exact": "2"}}}, False),
        ({"headers": {"x": EXACT}}, {"headers": {"y": {"exact": "2"}}}, True),
        ({"withoutHeaders": {"x": EXACT}}, {"withoutHeaders": {"x": PREFIX}}, False),
        ({"queryParams": {"q": EXACT}}, {"queryParams": {"q": PREFIX}}, False),
        ({"port": 80}, {"port": 81}, False),
        ({"port": 80}, {}, True),
        ({"ignoreUriCase": True}, {}, False),
        ({"sourceNamespace": "a"}, {}, False),
        ({"sourceNamespace": "a"}, {"sourceNamespace": "a"}, True),
        ({"sourceLabels": {"l": "1"}}, {"sourceLabels": {"l": "2"}}, False),
        ({"sourceLabels": {"l": "1"}}, {"sourceLabels": {"m": "2"}}, True),
        ({"gateways": ["a", "b"]}, {"gateways": ["a"]}, True),
        ({"gateways": ["a"]}, {"gateways": ["a", "b"]}, False),
    ],
)
def test_matches_that_istio_takes_for_contradictory(
    outer: Document, inner: Document, fit: bool
) -> None:
    one = HttpRoute.model_validate({"match": [outer]})
    other = HttpRoute.model_validate({"match": [inner]})
    assert (merge(one, other) is not None) == fit


CLAIM = rule(to("a", "v2"), match=[header_is("@request.auth.claims.group", "beta")])


def test_a_claim_of_a_token_is_no_header_of_a_request_that_has_none() -> None:
    documents = (*A, root(CLAIM, rule(to("a", "v1"))))
    assert lanes_of(*documents) == {"untagged": "a v1"}
    (told,) = plan_of(*documents).not_planned
    assert (told.rule, told.reason) == ("@request.auth.claims.group", "no-example")


def test_what_begins_like_a_claim_and_is_none() -> None:
    other = put(root(CLAIM), "spec.http[0].match[0].headers", {"@request.x": {"exact": "1"}})
    assert "is not a claim of a token" in refusal(*A, other)
