"""Lint rules for matches and the order of rules: faults and near misses."""

from pathlib import Path
from typing import Any

import pytest

from lanes.lint.check import lint
from tests.kube import (
    Document,
    backend,
    header_is,
    header_propagation,
    http_route,
    put,
    route_rule,
    rule,
    takes,
    to,
    to_gateway,
    to_service,
    virtual_service,
    without,
    write,
)
from tests.unit.lanes.lint_manifests import (
    ENTERED,
    ENTRY,
    GET,
    LANE,
    REST,
    ROUTES,
    at_gateway,
    cases,
    entry_match,
    findings,
    matching,
    message,
    of_kind,
    replacing,
    with_rules,
)

# A rule with headers of its own.
OWN_HEADERS = rule(to("cart", "v1"), headers={"response": {"set": {"x": "y"}}})
BY_HEADER = [
    *replacing(ENTERED, virtual_service("cart", matching(header_is("x-lane", "v2")), REST))[:-2],
    virtual_service("cart", matching(header_is("x-lane", "v2")), REST),
    virtual_service(
        "*",
        rule(to("cart", "v1", headers={"request": {"add": {"X-Lane": "v2"}}})),
        gateways=["demo-gateway"],
        name="entered",
    ),
]
X_LANE_MATCH = f"{ROUTES}: spec.http[0].match[0].headers.x-lane"
BAGGAGE = "match[0].headers.baggage"
# A pattern that no example is found for.
NO_EXAMPLE = r"[\x{4e00}-\x{9fff}]+=v2.*"
X_LANE = route_rule(backend("cart"), matches=[takes(headers={"a": "b", "x-lane": "v2"})])
ELSEWHERE = virtual_service("b.org", REST, gateways=["web"], name="y")
COOKIE, AGENT = (f"spec.http[0].match[0].headers.{name}" for name in ("cookie", "user-agent"))
ANY_LANE = header_is("baggage", "version=v", "prefix")
LANE_V2 = matching(header_is("baggage", "version=v2"))
PARTIAL: list[Document] = [
    {"port": 8000},
    {"sourceNamespace": "x"},
    {"gateways": ["mesh"]},
    {"method": {"exact": "GET"}},
    {"withoutHeaders": {"x": {}}},
]
BELOW_A, BELOW_AB = ({"uri": {"prefix": path}} for path in ("/a", "/a/b"))
EXACT_B = {"uri": {"exact": "/b"}}


def lane_with(**conditions: Any) -> Document:
    """Return the lane's rule with further conditions."""
    return {**LANE, "match": [LANE["match"][0] | conditions]}


def in_both_headers(x_lane: str, subset: str) -> Document:
    headers = {"baggage": {"exact": "version=v2"}, "x-lane": {"exact": x_lane}}
    return matching({"headers": headers}, subset=subset)


# By rule: manifests, and the resources and fields that the rule reports.
CASES: dict[str, list[tuple[list[Document], list[str]]]] = {
    # no_default_route
    "TL007": [
        *(
            (with_rules(*rules), [f"{ROUTES}: spec.http"] * missing)
            for rules, missing in (
                ([LANE], True),
                ([LANE, matching({"uri": {"prefix": "/"}}, subset="v1")], False),
                ([LANE, matching({"uri": {"prefix": "/x"}}, subset="v1")], True),
                ([LANE, matching(GET, subset="v1")], False),
                ([matching({"uri": {"prefix": "/x"}})], False),  # serves no other path
                ([matching({"authority": {"exact": "x"}}, subset="v1"), LANE], False),
                ([lane_with(port=8000)], False),
                ([lane_with(method={"exact": "PUT"})], False),
                ([lane_with(authority={"exact": "x"})], False),
                ([lane_with(newer="x")], False),
                ([{**LANE, "match": [header_is("@request.auth.claims.x", "y")]}], True),
            )
        ),
        *(  # another VirtualService for the same host at the gateway may have the default route
            (
                [
                    *others,
                    put(
                        virtual_service("a.org", LANE, gateways=["web"], name="x"),
                        "spec.hosts",
                        hosts,
                    ),
                ],
                ["VirtualService x: spec.http"] * reported,
            )
            for others, hosts, reported in (
                ([], ["a.org"], True),
                ([ELSEWHERE], ["a.org"], True),
                ([ELSEWHERE], ["b.org"], False),
                ([ELSEWHERE], ["a.org", "b.org"], False),
                ([ELSEWHERE, put(ELSEWHERE, "metadata.name", "z")], ["b.org"], False),
            )
        ),
        (
            [
                *with_rules(LANE),
                *(
                    virtual_service("cart", REST, gateways=["web"], name=name)
                    for name in ("a", "b")
                ),
            ],
            [f"{ROUTES}: spec.http"],
        ),
    ],
    # header_not_propagated
    "TL008": [
        (
            [*with_rules(matching(header_is("x-lane", "v2")), LANE, REST), of_kind("EnvoyFilter")],
            [],
        ),
        (
            with_rules(
                matching(header_is("x-lane", "v2")), matching(header_is("x-lane", "v1")), LANE, REST
            ),
            [X_LANE_MATCH],  # one finding
        ),
        (with_rules(matching(header_is("user-agent", "v2")), LANE, REST), []),
        (with_rules(matching(header_is("x-forwarded-for", "v2")), LANE, REST), []),
        (
            with_rules(
                matching({"headers": {"user-agent": {"exact": "a"}, "x-lane": {"exact": "v2"}}}),
                *(LANE, REST),
            ),
            [X_LANE_MATCH],
        ),
        (BY_HEADER, [X_LANE_MATCH]),  # nothing propagates the header
        ([*BY_HEADER, header_propagation("x-LANE")], []),
        *(  # a delegate replaces the headers if each of its rules has its own
            (
                [
                    *BY_HEADER[:-1],
                    header_propagation("x-lane"),
                    virtual_service(
                        "*",
                        {"delegate": delegate, "headers": {"request": {"set": {"x-lane": "v2"}}}},
                        gateways=["demo-gateway"],
                        name="entered",
                    ),
                    without(
                        virtual_service("x", *rules, name="shared", namespace=place), "spec.hosts"
                    ),
                ],
                [X_LANE_MATCH] * reported,
            )
            for delegate, place, rules, reported in (
                ({"name": "shared"}, "default", [REST], False),
                ({"name": "shared"}, "default", [matching(GET), OWN_HEADERS], False),
                ({"name": "shared"}, "default", [OWN_HEADERS], True),
                ({"name": "shared"}, "edge", [OWN_HEADERS], False),
                ({"name": "shared", "namespace": "edge"}, "edge", [OWN_HEADERS], True),
                ({"name": "another"}, "default", [OWN_HEADERS], False),
                ({"name": "shared"}, "default", [], False),
            )
        ),
        ([*BY_HEADER, header_propagation(prefixes=["X-l"])], []),
        ([*BY_HEADER, header_propagation("x")], [X_LANE_MATCH]),
        (
            with_rules(
                matching(header_is("x-lane", "v2")), REST, gateways=["mesh", "demo-gateway"]
            ),
            [],
        ),
        (
            with_rules(
                matching(
                    {"headers": {"baggage": {"exact": "version=v2"}, "x-lane": {"exact": "v2"}}}
                ),
                *(LANE, REST),
            ),
            [X_LANE_MATCH],
        ),
        (
            [
                put(
                    http_route("cart", to_gateway(), X_LANE),
                    "spec.parentRefs",
                    [to_gateway(), to_service("cart")],
                )
            ],
            [f"HTTPRoute cart: spec.rules[0].matches[0].headers[{n}]" for n in (0, 1)],
        ),
    ],
    # loose_regex
    "TL011": [
        *(
            (
                with_rules(matching(header_is("baggage", pattern, "regex")), REST),
                [f"{ROUTES}: spec.http[0].{BAGGAGE}"] * loose,
            )
            for pattern, loose in (
                (".*version=v2.*", True),
                ("version=v2.*", True),
                (".*version=v2", True),
                ("version=v2.?", True),
                (".?version=v2", True),
                ("version=v2", False),
                (".*version=.*", False),
                (".*version=[^;,]+.*", False),
                (".*version=v2;.*", False),
                (NO_EXAMPLE, False),
            )
        ),
        (with_rules(matching(header_is("x-lane", "v[0-9]+", "regex")), REST), []),  # no member
        (with_rules(matching(header_is("baggage", "version=v2", "prefix")), REST), []),
    ],
    # shadowed_match
    "TL012": [
        *(  # an earlier rule matches a prefix of the lane header
            (
                with_rules(matching(ANY_LANE | more, subset=subset), later, REST),
                [f"{ROUTES}: spec.http[1].match[0]"] * shadowed,
            )
            for more, subset, later, shadowed in (
                ({}, "v1", LANE_V2, True),
                ({}, "v1", LANE, True),
                ({"withoutHeaders": {"x": {}}}, "v1", LANE_V2, True),
                ({}, "v2", LANE_V2, False),
                ({"uri": {"prefix": "/x"}}, "v1", LANE_V2, False),
                ({"port": 8000}, "v1", LANE_V2, False),
                ({}, "v1", matching(header_is("baggage", NO_EXAMPLE, "regex")), False),
            )
        ),
        (with_rules(matching({"uri": {"prefix": "/"}}, subset="v1"), LANE, REST), []),
        (
            with_rules(
                matching({"uri": {"prefix": "/"}}, subset="v1"),
                *(matching(ANY_LANE, subset="v1"), LANE_V2, REST),
            ),
            [f"{ROUTES}: spec.http[2].match[0]"],
        ),
        *(  # the earlier rule has a further or another condition
            (
                with_rules(
                    matching(header_is("baggage", "version=v2") | more, subset="v1"),
                    *(matching(header_is("baggage", "version=v2") | later), REST),
                ),
                [],
            )
            for more, later in (
                ({"uri": {"prefix": "/x"}}, {}),
                (GET, {}),
                ({"queryParams": {"a": {"exact": "b"}}}, {}),
                ({"withoutHeaders": {"baggage": {"exact": "version=v2"}}}, {}),
                ({"withoutHeaders": {"x": {}}}, header_is("x", "y")),
            )
        ),
        (with_rules(in_both_headers("a", "v1"), in_both_headers("b", "v2"), REST), []),
    ],
    # unreachable_rule
    "TL014": [
        *(
            (with_rules(*rules), [f"{ROUTES}: spec.http[1]{field}" for field in fields])
            for rules, fields in (
                ([REST, rule(to("cart", "v2"))], [""]),
                ([REST, LANE, rule(to("cart", "v2"))], [""]),  # one finding
                ([matching({"uri": {"prefix": "/"}}), REST], [""]),
                ([matching({"uri": {"regex": ".*"}}), REST], [""]),
                (
                    [matching(BELOW_A), matching({"uri": {"exact": "/a/b"}}, subset="v1"), REST],
                    [""],
                ),
                ([matching(BELOW_A), matching(EXACT_B, subset="v1"), REST], []),
                (
                    [matching(BELOW_A, subset="v1"), matching(EXACT_B, BELOW_AB), REST],
                    [".match[1]"],
                ),
                (  # both lead to one subset
                    [
                        matching(BELOW_A, subset="v1"),
                        matching(EXACT_B, BELOW_AB, subset="v1"),
                        REST,
                    ],
                    [],
                ),
            )
        ),
        *((with_rules(matching(match), REST), []) for match in PARTIAL),
        (
            with_rules(
                matching(BELOW_A, subset="v1"),
                *(
                    matching({"uri": {"exact": f"/a/{n}"}}, {"uri": {"exact": f"/{n}"}})
                    for n in "bc"
                ),
                REST,
            ),
            [f"{ROUTES}: spec.http[1].match[0]"],  # one finding
        ),
    ],
    # pseudo_header
    "TL021": [
        (
            with_rules(matching(header_is("authority", "x")), LANE, REST),
            [f"{ROUTES}: spec.http[0].match[0].headers.authority"],
        )
    ],
    # narrow_match
    "TL040": [
        (entry_match(header_is("cookie", "user=beta")), [f"{ENTRY}: {COOKIE}"]),
        (entry_match(header_is("cookie", "user=beta", "prefix")), [f"{ENTRY}: {COOKIE}"]),
        (
            entry_match(header_is("cookie", r"(.*;)?user=beta(;.*)?", "regex")),
            [f"{ENTRY}: {COOKIE}"],
        ),
        (entry_match(header_is("cookie", r"(.*; )?user=beta", "regex")), [f"{ENTRY}: {COOKIE}"]),
        (entry_match(header_is("cookie", r"(.*; )?user=beta(;.*)?", "regex")), []),
        (entry_match(header_is("cookie", ".*user=beta.*", "regex")), []),
        (entry_match(header_is("cookie", "beta")), []),  # a cookie has a name
        (at_gateway(matching({"headers": {"cookie": {}}}), rule(to("cart", "v1"))), []),
        (entry_match(header_is("user-agent", "Firefox", "regex")), [f"{ENTRY}: {AGENT}"]),
        (entry_match(header_is("user-agent", ".*Firefox", "regex")), []),
        (entry_match(header_is("user-agent", "Firefox.*", "regex")), []),
        (entry_match(header_is("user-agent", "my-tester")), []),
        (entry_match(header_is("user-agent", "(Firefox)?", "regex")), []),
        (entry_match(header_is("user-agent", NO_EXAMPLE, "regex")), []),
    ],
    # request_line_as_header
    "TL047": [
        *(
            (
                at_gateway(matching(header_is(name, value)), rule(to("cart", "v1"))),
                [f"{ENTRY}: spec.http[0].match[0].headers.{name}"],
            )
            for name, value in (
                *((":method", "PUT"), (":scheme", "http")),
                *((":path", "/x"), (":authority", "x")),
            )
        ),
        (at_gateway(matching({"authority": {"exact": "x"}}), rule(to("cart", "v1"))), []),
        (
            [
                http_route(
                    "cart",
                    to_service("cart"),
                    route_rule(backend("cart"), matches=[takes(headers={"host": "x"})]),
                )
            ],
            [],
        ),
    ],
}


@pytest.mark.parametrize(("code", "documents", "expected"), cases(CASES))
def test_match_rules_report_faults_and_no_near_misses(
    code: str, documents: list[Document], expected: list[str], tmp_path: Path
) -> None:
    assert findings(tmp_path, code, documents) == sorted(expected)


@pytest.mark.parametrize(
    ("code", "documents", "phrase"),
    [
        ("TL014", with_rules({**REST, "name": "all"}, LANE), "rule all "),
        (
            "TL014",
            with_rules(
                *(matching({"uri": {"prefix": f"/{one}"}}, subset="v1") for one in "ab"),
                matching({"uri": {"exact": "/b/x"}}, {"uri": {"exact": "/a/x"}}),
                REST,
            ),
            "rule http[0] ",
        ),
        ("TL040", entry_match(header_is("user-agent", "Firefox", "regex")), "Mozilla/5.0 Firefox"),
    ],
)
def test_findings_of_match_rules_name_what_the_manifests_have(
    code: str, documents: list[Document], phrase: str, tmp_path: Path
) -> None:
    assert phrase in message(tmp_path, code, documents)


@pytest.mark.parametrize(
    ("code", "header", "field"),
    [
        *(("TL021", name, name) for name in ("authority", "method", "scheme", "uri")),
        ("TL021", "path", "uri"),
        *(("TL047", f":{name}", name) for name in ("authority", "method", "scheme")),
        *(("TL047", name, field) for name, field in ((":path", "uri"), ("Host", "authority"))),
    ],
)
def test_header_matches_on_the_request_line_are_told_the_field_to_use(
    code: str, header: str, field: str, tmp_path: Path
) -> None:
    file = write(tmp_path, *at_gateway(matching(header_is(header, "x")), rule(to("cart", "v1"))))
    (one,) = (f for f in lint([file]).findings if f.rule == code)
    assert one.message.endswith(f"write match.{field}")
