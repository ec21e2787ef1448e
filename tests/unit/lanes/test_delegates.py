"""Delegates of VirtualServices; matches on claims of tokens."""

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


def delegating(name: str = "own", **fields: object) -> Document:
    """A rule that names a delegate."""
    return {"delegate": {"name": name}, **fields}


def delegate(*rules: Document, **more: object) -> Document:
    service = virtual_service("x", *rules, name="own")
    del service["spec"]["hosts"]
    service["spec"] |= more
    return service


def at_gateway(*documents: Document) -> list[tuple[dict[str, StringMatch], str]]:
    """The headers that each rule of the gateway matches, and the resource of the rule."""
    mesh: Mesh = mesh_of(*A, *documents)
    routes = mesh.gateway[0].routes if mesh.gateway else ()
    return [
        (dict(route.matches[0].headers) if route.matches else {}, str(route.place.resource))
        for route in routes
    ]


def root(*rules: Document) -> Document:
    return virtual_service("*", *rules, gateways=["gw"], name="root")


def test_a_delegates_rules_replace_the_rule_that_names_it() -> None:
    own = delegate(rule(to("a", "v2"), match=[header_is("y", "2")]), rule(to("a", "v1")))
    x, y = StringMatch("exact", "1"), StringMatch("exact", "2")
    assert at_gateway(root(delegating(match=[header_is("x", "1")]), rule(to("a"))), own) == [
        ({"x": x, "y": y}, "VirtualService own"),
        ({"x": x}, "VirtualService own"),
        ({}, "VirtualService root"),
    ]


def test_a_rule_whose_delegate_is_absent_is_left_out_with_a_warning() -> None:
    mesh = mesh_of(*A, root(delegating("other"), rule(to("a"))))
    assert [(w.rule, w.field) for w in mesh.warnings if w.rule != "gateway-given"] == [
        ("no-delegate", "spec.http[0].delegate")
    ]
    assert len(mesh.gateway[0].routes) == 1


def test_a_delegate_counts_where_it_is_exported_to() -> None:
    own = delegate(rule(to("a")), exportTo=["other"])
    assert at_gateway(root(delegating(), rule(to("a"))), own) == [({}, "VirtualService root")]


def test_a_delegates_headers_replace_the_roots() -> None:
    sets: Document = {"headers": {"request": {"set": {"x-lane": "v2"}}}}
    kept = mesh_of(*A, root(delegating(**sets)), delegate(rule(to("a"))))
    assert kept.gateway[0].routes[0].request.set == {"x-lane": "v2"}
    own = rule(to("a"), headers={"request": {"set": {"y": "1"}}})
    replaced = mesh_of(*A, root(delegating(**sets)), delegate(own))
    assert replaced.gateway[0].routes[0].request.set == {"y": "1"}


PREFIX, EXACT, REGEX = {"prefix": "/a"}, {"exact": "/a/b"}, {"regex": "/a.*"}


@pytest.mark.parametrize(
    ("of_root", "of_delegate", "fit"),
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
        ({"gateways": ["a"]}, {}, True),
        ({}, {"gateways": ["a"]}, True),
        ({}, {"port": 80}, True),
        ({"port": 80}, {"port": 80}, True),
        ({}, {"sourceNamespace": "a"}, True),
        ({}, {"sourceLabels": {"l": "1"}}, True),
        ({"uri": REGEX}, {"uri": REGEX}, False),
        ({"scheme": {"exact": "http"}}, {"scheme": {"exact": "https"}}, False),
        ({"method": {"exact": "GET"}}, {"method": {"exact": "PUT"}}, False),
        ({"authority": {"prefix": "a"}}, {"authority": {"prefix": "b"}}, False),
        ({"withoutHeaders": {"x": EXACT}}, {"withoutHeaders": {"y": PREFIX}}, True),
    ],
)
def test_matches_that_istio_finds_contradictory(
    of_root: Document, of_delegate: Document, fit: bool
) -> None:
    root, rule = (HttpRoute.model_validate({"match": [m]}) for m in (of_root, of_delegate))
    assert (merge(root, rule) is not None) == fit


@pytest.mark.parametrize(
    ("of_root", "of_delegate", "merged"),
    [
        *(
            (match, {}, match)
            for match in (
                {"uri": PREFIX},
                {"scheme": EXACT},
                {"method": EXACT},
                {"authority": EXACT},
                {"port": 80},
                {"gateways": ["a"]},
                {"headers": {"x": EXACT}},
                {"withoutHeaders": {"x": EXACT}},
                {"queryParams": {"x": EXACT}},
                {"sourceLabels": {"l": "1"}},
            )
        ),
        ({}, {"port": 80, "sourceNamespace": "a"}, {"port": 80, "sourceNamespace": "a"}),
        ({"sourceNamespace": "a"}, {"sourceNamespace": "a"}, {"sourceNamespace": "a"}),
        ({"uri": PREFIX}, {"uri": EXACT}, {"uri": EXACT}),
        ({"gateways": ["a", "b"]}, {"gateways": ["b"]}, {"gateways": ["b"]}),
        (
            {"headers": {"x": PREFIX, "y": EXACT}},
            {"headers": {"x": EXACT, "z": EXACT}},
            {"headers": {"x": EXACT, "y": EXACT, "z": EXACT}},
        ),
    ],
)
def test_a_merged_match_has_the_conditions_of_root_and_delegate(
    of_root: Document, of_delegate: Document, merged: Document
) -> None:
    root, rule, expected = (
        HttpRoute.model_validate({"match": [m]}) for m in (of_root, of_delegate, merged)
    )
    found = merge(root, rule)
    assert found is not None
    assert found.match[0].model_dump() == expected.match[0].model_dump()


def test_each_match_of_a_delegate_is_merged_with_each_fitting_match_of_its_root() -> None:
    def matching(*uris: Document) -> HttpRoute:
        return HttpRoute.model_validate({"match": [{"uri": uri} for uri in uris]})

    root = matching(PREFIX, {"prefix": "/a/"}, {"prefix": "/c"})
    merged = merge(root, matching(EXACT, {"exact": "/c"}))
    assert merged is not None
    assert [match.uri and match.uri.exact for match in merged.match] == ["/a/b", "/a/b", "/c"]
    assert merge(root, matching(EXACT, {"exact": "/c"}, {"exact": "/d"})) is None


@pytest.mark.parametrize(
    ("field", "of_root", "of_delegate"),
    [
        ("rewrite", {"uri": "/x"}, {"uri": "/y"}),
        ("directResponse", {"status": 200}, {"status": 201}),
        ("timeout", "1s", "2s"),
        ("retries", {"attempts": 1}, {"attempts": 3}),
        ("fault", {"abort": {"httpStatus": 500}}, {}),
        ("headers", {"request": {"remove": ["a"]}}, {}),
        ("corsPolicy", {"maxAge": "1s"}, {}),
        ("mirror", {"host": "a"}, {"host": "b"}),
        ("mirrors", [{"destination": {"host": "a"}}], []),
        ("mirrorPercent", 5, 6),
        ("mirrorPercentage", {"value": 5}, {"value": 6}),
    ],
)
def test_a_delegates_rule_inherits_what_it_does_not_set(
    field: str, of_root: object, of_delegate: object
) -> None:
    root, rule = (HttpRoute.model_validate({field: value}) for value in (of_root, of_delegate))
    nothing = HttpRoute.model_validate({})
    assert merge(root, nothing) == root
    assert merge(root, rule) == rule
    assert merge(nothing, rule) == rule


CLAIM = rule(to("a", "v2"), match=[header_is("@request.auth.claims.group", "beta")])


def test_a_request_without_a_token_matches_no_claim() -> None:
    documents = (*A, root(CLAIM, rule(to("a", "v1"))))
    assert lanes_of(*documents) == {"untagged": "a v1"}
    (left_out,) = plan_of(*documents).not_planned
    assert (left_out.rule, left_out.reason) == ("@request.auth.claims.group", "no-example")


def test_a_header_that_only_begins_like_a_claim_is_refused() -> None:
    other = put(root(CLAIM), "spec.http[0].match[0].headers", {"@request.x": {"exact": "1"}})
    assert "is not a claim of a token" in refusal(*A, other)
