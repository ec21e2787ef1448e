"""Entry rules that need two things or a pattern: the product of what the gateway's rules name."""

from typing import Any

import pytest

from lanes.planning.result import Plan
from tests.kube import (
    Document,
    deployment,
    destination_rule,
    gateway,
    header_is,
    rule,
    service,
    to,
    virtual_service,
)
from tests.unit.lanes.reading import plan_of

A = [service("a"), deployment("a"), deployment("a", "v2"), destination_rule("a", "v1", "v2")]
REST = rule(to("a", "v1"))


def at(*rules: Document, host: str = "*", name: str = "web", **more: Any) -> Document:
    return virtual_service(host, *rules, gateways=["demo-gateway"], name=name, **more)


def v2(*match: Document) -> Document:
    return rule(to("a", "v2"), match=match)


def v1(*match: Document) -> Document:
    return rule(to("a", "v1"), match=match)


def entered(planned: Plan) -> list[str]:
    """The entry rules that lead to v2, in words."""
    return [
        str(r) for lane in planned.lanes if lane.entry.version == "v2" for r in lane.entry_rules
    ]


X_LANE = header_is("x-lane", "v2")
GET: Document = {"method": {"exact": "GET"}}
BETA: Document = {"authority": {"prefix": "beta."}}


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ([v1(GET), v2(X_LANE), REST], ["x-lane: v2 and method POST"]),
        ([v1({"uri": {"exact": "/"}}), v2(X_LANE), REST], ["x-lane: v2 and path /other"]),
        ([v1(header_is("x-lane", "v2")), v2(header_is("x-lane", "v", "prefix"))], ["x-lane: v"]),
        ([v1(header_is("x-lane", "v")), v2(header_is("x-lane", "v", "prefix"))], ["x-lane: vx"]),
        ([v2({**X_LANE, "method": {"exact": "PUT"}}), REST], ["x-lane: v2 and method PUT"]),
        ([v2({**X_LANE, **BETA}), REST], ["x-lane: v2 and host beta."]),
        ([v2({"queryParams": {"q": {"exact": "a b"}}}), REST], ["path /?q=a+b"]),
        (
            [v2({"queryParams": {"q": {"prefix": "b"}, "r": {"exact": ""}}}), REST],
            ["path /?q=b&r="],
        ),
        ([v2({"uri": {"prefix": "/v2"}, "queryParams": {"q": {}}}), REST], ["path /v2?q=x"]),
        (
            [
                v1({"uri": {"exact": "/v2"}}),
                v2({"uri": {"prefix": "/v2"}, "queryParams": {"q": {}}}),
                REST,
            ],
            ["path /v2x?q=x"],
        ),
        ([v1({"withoutHeaders": {"x-new": {}}}), v2()], ["x-new: x"]),
        ([v1({"withoutHeaders": {"x-new": {"exact": "1"}}}), v2()], ["x-new: 1"]),
        ([v1({**GET, "withoutHeaders": {"x-new": {}}}), v2(GET), REST], ["x-new: x"]),
    ],
)
def test_a_rule_is_found_by_what_it_and_those_before_it_ask_for(
    rules: list[Document], found: list[str]
) -> None:
    assert entered(plan_of(*A, gateway(), at(*rules))) == found


def test_a_prefix_of_the_authority_falls_under_the_domain() -> None:
    documents = [*A, gateway("*.shop.test"), at(v2(BETA), REST, host="*.shop.test")]
    assert entered(plan_of(*documents)) == ["host beta.shop.test"]


def test_hosts_outside_of_the_domain_take_no_place_among_the_examples() -> None:
    others = [
        v1({**header_is(f"x-{n}", "1"), "uri": {"exact": f"/{n}"}, "method": {"exact": f"M{n}"}})
        for n in range(8)
    ]
    absent: Document = {f"x-{n}": {} for n in range(4)}
    others.append(v1({"uri": {"exact": "/9"}, "withoutHeaders": absent}))
    documents = [*A, gateway("*.shop.test"), at(*others, v2(BETA), REST, host="*.shop.test")]
    assert entered(plan_of(*documents)) == ["host beta.shop.test"]


def test_an_expression_of_the_authority_falls_under_the_domain() -> None:
    asked = {"authority": {"regex": "beta\\..*"}}
    documents = [*A, gateway("*.shop.test"), at(v2(asked), REST, host="*.shop.test")]
    assert entered(plan_of(*documents)) == ["host beta.shop.test"]
    other = {"authority": {"regex": "beta\\.[a-z]"}}
    planned = plan_of(*A, gateway("*.shop.test"), at(v2(other), REST, host="*.shop.test"))
    assert [one.reason for one in planned.not_planned] == ["no-example"]


def test_a_rule_of_another_host_needs_the_host_and_its_header() -> None:
    other = at(v2(X_LANE), REST, host="cart.shop.test", name="cart")
    planned = plan_of(*A, gateway(), at(REST, host="www.shop.test"), other)
    assert entered(planned) == ["x-lane: v2 and host cart.shop.test"]
    alone = at(v2(X_LANE), host="cart.shop.test", name="cart")
    planned = plan_of(*A, gateway(), at(REST, host="www.shop.test"), alone)
    assert entered(planned) == ["x-lane: v2 and host cart.shop.test"]


def test_a_claim_of_a_token_has_no_example() -> None:
    claims = header_is("@request.auth.claims.group", "beta")
    planned = plan_of(*A, gateway(), at(v2(claims), REST))
    assert [one.reason for one in planned.not_planned] == ["no-example"]


@pytest.mark.parametrize(
    ("rules", "reason", "why"),
    [
        (
            [v1({"uri": {"prefix": "/api"}}), v2({"uri": {"prefix": "/api/v2"}}), REST],
            "shadowed",
            "spec.http[0] of VirtualService web",
        ),
        (
            [v1(header_is("x-lane", ".+", "regex")), v2(X_LANE), REST],
            "shadowed",
            "spec.http[0] of VirtualService web",
        ),
        (
            [
                v1(header_is("x-lane", "[a-z0-9]+", "regex")),
                v2(header_is("x-lane", "b|c", "regex")),
            ],
            "taken",
            "spec.http[0] of VirtualService web",
        ),
    ],
)
def test_a_rule_that_no_example_meets_names_the_one_that_takes_them(
    rules: list[Document], reason: str, why: str
) -> None:
    planned = plan_of(*A, gateway(), at(*rules))
    assert [(one.reason, one.why) for one in planned.not_planned] == [(reason, why)]


def test_a_lane_of_the_mesh_enters_by_its_header_and_what_the_gateway_asks_for() -> None:
    called = virtual_service("a", v2(X_LANE), REST)
    entry = at(rule(to("shop"), match=[header_is("x-team", "blue")]))
    planned = plan_of(*A, gateway(), service("shop"), deployment("shop", "v1", "a"), entry, called)
    lane = planned.lane("v2")
    assert [str(rule) for rule in lane.entry_rules] == ["x-team: blue and x-lane: v2"]
    assert (lane.path[-1].version, planned.unset_headers) == ("v2", ())


def test_headers_that_rules_of_the_mesh_take_no_request_with() -> None:
    called = virtual_service("a", v1({"withoutHeaders": {"x-new": {}}}), v2())
    shop = [service("shop"), deployment("shop", "v1", "a"), at(rule(to("shop")))]
    named = virtual_service("a", v2(header_is("x-new", "1")), *called["spec"]["http"])
    planned = plan_of(*A, gateway(), *shop, named)
    assert [lane.name for lane in planned.lanes] == ["untagged", "1"]
    other = virtual_service("a", v2(X_LANE), *called["spec"]["http"])
    planned = plan_of(*A, gateway(), *shop, other)
    assert [lane.name for lane in planned.lanes] == ["untagged", "v2", "x-new: x"]
    planned = plan_of(*A, gateway(), *shop, called)
    assert {lane.name: lane.path[-1].version for lane in planned.lanes} == {
        "untagged": "v1",
        "x-new: x": "v2",
    }
