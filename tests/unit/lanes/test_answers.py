"""Answers as the services write them, and whatever else a gateway may hand on."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanes.evidence.answers import parse
from lanes.evidence.steps import Answer, Measured, Step
from services.answer import Hop, Node, Outside, as_json, as_text

JSON_TYPE = "application/json"
Tree = dict[str, Any]


def hop(name: str, version: str, ip: str, *upstreams: Node, status: int = 200) -> Hop:
    return Hop(
        name=name,
        version=version,
        ip=ip,
        lane="v2",
        duration_ms=1.5,
        status=status,
        upstreams=upstreams,
    )


MOCKC = hop("mockc", "v2", "10.0.0.3")
MOCKB = hop("mockb", "v1", "fd00::2", MOCKC)
MOCKA = hop("mocka", "v2", "10.0.0.1", MOCKB)
REFUSED = Outside(
    url="http://mockc.default.svc:8000/", duration_ms=1, status=502, error="connection refused"
)
TEXT = (
    "-> mocka(version: v2, ip: 10.0.0.1)"
    "-> mockb(version: v1, ip: fd00::2)"
    "-> mockc(version: v2, ip: 10.0.0.3)"
)


def of_json(node: Node) -> Answer:
    return parse(node.status, JSON_TYPE, as_json(node).encode())


def of_text(node: Node) -> Answer:
    return parse(node.status, "text/plain; charset=utf-8", as_text(node).encode() + b"\n")


def test_a_tree_is_read_in_the_order_of_the_answer() -> None:
    assert of_json(MOCKA) == Answer(
        200, TEXT, (Step("mocka", "v2", "v2"), Step("mockb", "v1", "v2"), Step("mockc", "v2", "v2"))
    )


def test_a_line_is_read_without_lanes() -> None:
    assert of_text(MOCKA) == Answer(
        200, TEXT, (Step("mocka", "v2"), Step("mockb", "v1"), Step("mockc", "v2"))
    )


def test_the_guides_own_line() -> None:
    line = (
        "-> mocka(version: v2, ip: 192.168.1.28)-> mockb(version: v1, ip: 192.168.1.30)"
        "-> mockc(version: v2, ip: 192.168.1.1)"
    )
    for text in (line, line.replace("-> ", "->"), f"\n{line}\n"):
        found = parse(200, "text/plain", text.encode())
        assert [(s.service, s.version) for s in found.path] == [
            ("mocka", "v2"),
            ("mockb", "v1"),
            ("mockc", "v2"),
        ]
        assert found.text == text.strip()


@pytest.mark.parametrize(
    "kind", [JSON_TYPE, "application/json; charset=utf-8", " application/json "]
)
def test_json_is_known_by_its_type(kind: str) -> None:
    assert parse(200, kind, as_json(MOCKA).encode()).lane == "v2"


def test_the_lane_is_that_of_the_first_hop() -> None:
    assert of_json(MOCKA).lane == "v2"
    assert of_json(replace(MOCKA, lane="")).lane is None
    assert of_text(MOCKA).lane is None
    assert Answer(0, "no answer").lane is None


@pytest.mark.parametrize("silent", [{"lane": None}, {}], ids=["null", "no key"])
@pytest.mark.parametrize(
    ("told", "read"),
    [
        ("v2 - v2", "v2 v2 v2"),
        ("v2 - -", "v2 v2 v2"),
        ("- v2 -", "v2 v2 v2"),
        ("- - v2", "v2 v2 v2"),
        ("v2 - 0", "v2 v2 0"),
        ("- 0 -", "0 0 0"),
        ("v2 0 -", "v2 0 0"),
        ("- - -", "0 0 0"),
    ],
)
def test_a_hop_without_a_lane_is_in_its_callers(silent: Tree, told: str, read: str) -> None:
    """ "-": the hop does not name its lane. "0": it has none."""
    tree: Tree = {}
    for number, lane in reversed(list(enumerate(told.split()))):
        says = silent if lane == "-" else {"lane": lane.strip("0")}
        below = {"upstreams": [tree]} if tree else {}
        tree = {"name": f"s{number}", "version": "v2", "ip": "::1", **says, **below}
    found = parse(200, JSON_TYPE, json.dumps(tree).encode())
    assert " ".join(step.lane or "0" for step in found.path) == read


SIBLINGS = [("b", ""), ("c", None), ("d", "v9"), ("e", None)]


def test_upstreams_beside_each_other_are_in_their_callers_lane() -> None:
    said = [{"name": n, "version": "v1", "ip": "::1", "lane": lane} for n, lane in SIBLINGS]
    tree = {"name": "a", "version": "v1", "ip": "::1", "lane": "v2", "upstreams": said}
    found = parse(200, JSON_TYPE, json.dumps(tree).encode())
    assert [step.lane for step in found.path] == ["v2", None, "v2", "v9", "v2"]


def test_the_namespace_and_the_instrumentation_are_read_where_they_are_told() -> None:
    untold = replace(MOCKC, namespace=None, instrumentation=None)
    told = replace(MOCKA, namespace="green", instrumentation="none", upstreams=(untold,))
    path = of_json(told).path
    assert [(step.namespace, step.instrumentation) for step in path] == [
        ("green", "none"),
        (None, None),
    ]
    older = json.loads(as_json(MOCKC))
    del older["namespace"], older["instrumentation"]
    assert parse(200, JSON_TYPE, json.dumps(older).encode()).path == (Step("mockc", "v2", "v2"),)


def test_a_fan_out_is_read_upstream_by_upstream() -> None:
    tree = replace(MOCKA, upstreams=(MOCKB, replace(MOCKC, name="mockd")))
    assert [step.service for step in of_json(tree).path] == ["mocka", "mockb", "mockc", "mockd"]
    assert [step.service for step in of_text(tree).path] == ["mocka", "mockb", "mockc", "mockd"]


def test_a_hop_that_nothing_answered_has_no_version() -> None:
    partly = replace(
        MOCKA, status=502, upstreams=(replace(MOCKB, status=502, upstreams=(REFUSED,)),)
    )
    found = of_json(partly)
    assert found.status == 502
    assert found.path == (Step("mocka", "v2", "v2"), Step("mockb", "v1", "v2"), Step("mockc", ""))
    assert found.text == (
        "-> mocka(version: v2, ip: 10.0.0.1)-> mockb(version: v1, ip: fd00::2)"
        "-> http://mockc.default.svc:8000/ failed: 502 connection refused"
    )
    assert found.text == as_text(partly)


NAMES = st.text("abcxyz-019", min_size=1, max_size=8)
ADDRESSES = st.sampled_from(["10.0.0.1", "127.0.1.2", "fd00::1"])


def hops(children: st.SearchStrategy[list[Hop]]) -> st.SearchStrategy[Hop]:
    return st.builds(
        Hop,
        name=NAMES,
        version=NAMES,
        ip=ADDRESSES,
        lane=st.just("") | NAMES,
        duration_ms=st.floats(0, 1e6),
        status=st.sampled_from([200, 503]),
        error=st.none(),
        upstreams=children.map(tuple),
    )


TREES = st.recursive(
    hops(st.just([])), lambda inner: hops(st.lists(inner, max_size=3)), max_leaves=6
)


@given(TREES)
def test_what_services_write_is_read_alike_from_both_forms(tree: Hop) -> None:
    def flat(node: Hop) -> list[Step]:
        below = [s for up in node.upstreams if isinstance(up, Hop) for s in flat(up)]
        return [Step(node.name, node.version, node.lane or None), *below]

    from_json, from_text = of_json(tree), of_text(tree)
    assert list(from_json.path) == flat(tree)
    assert [replace(s, lane=None) for s in from_json.path] == list(from_text.path)
    assert from_json.text == from_text.text == as_text(tree)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"upstream connect error or disconnect/reset before headers",
        b"no healthy endpoint: outbound|8000|v2|mocka.default.svc.cluster.local\n",
        b"<html><body>-> 503</body></html>",
        b"\xff\xfe\x00",
        b"mocka(version: v2, ip: 1)",
        b"-> mocka(version: v2)",
    ],
)
def test_bodies_of_another_form_have_no_path(body: bytes) -> None:
    for kind in ("text/plain", "", "text/html", JSON_TYPE):
        found = parse(503, kind, body)
        assert found == Answer(503, body.decode(errors="replace").strip())
        assert found.path == ()


@pytest.mark.parametrize(
    "data",
    [
        [],
        5,
        None,
        "mocka",
        {},
        {"name": "mocka"},
        {"name": "mocka", "version": "v1", "lane": None},
        {"name": "mocka", "version": "v1", "ip": "1", "lane": None, "upstreams": None},
        {"name": "mocka", "version": "v1", "ip": "1", "lane": None, "upstreams": ["x"]},
        {"name": "mocka", "version": "v1", "ip": "1", "lane": None, "upstreams": [{}]},
        {"url": "http://x/"},
        {"url": "http://[x/", "status": 502, "error": "e"},
        {"message": "no Route matched with those values"},
        {"name": "mocka", "version": "v1", "ip": "1", "lane": None, "namespace": 5},
    ],
)
def test_other_json_has_no_path(data: object) -> None:
    body = json.dumps(data)
    assert parse(200, JSON_TYPE, body.encode()) == Answer(200, body)


@given(st.binary(max_size=200), st.sampled_from([JSON_TYPE, "text/plain", ""]))
def test_any_body_is_parsed(body: bytes, kind: str) -> None:
    assert parse(200, kind, body).status == 200


def partly(node: Node) -> Hop:
    return replace(MOCKA, status=503, upstreams=(node,))


def test_a_failed_hop_is_read_from_text_as_well() -> None:
    tree = partly(replace(REFUSED, status=503))
    assert [(s.service, s.version) for s in of_text(tree).path] == [("mocka", "v2"), ("mockc", "")]


def test_the_line_of_a_foreign_upstream() -> None:
    tree = partly(Outside(url="http://web/", duration_ms=1, status=200, text="hello"))
    assert of_json(tree).text == as_text(tree)


def test_the_line_of_a_hop_with_its_own_error() -> None:
    tree = partly(replace(MOCKB, status=500, error="fault injected", upstreams=()))
    assert of_json(tree).text == as_text(tree)


def test_a_body_that_is_nested_too_deep() -> None:
    assert parse(200, JSON_TYPE, b"[" * 100_000).path == ()


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"status": 999, "duration_ms": 86_400_000, "name": "n" * 253}, ""),
        ({"status": 0, "duration_ms": 0}, ""),
        ({"status": "fine"}, ""),
        ({"status": 1_000, "duration_ms": 1}, "status is not a number from 0 to 999"),
        ({"status": -1, "duration_ms": 1}, "status is not a number from 0 to 999"),
        ({"duration_ms": 86_400_001}, "duration_ms is not a number from 0 to 86,400,000"),
        ({"duration_ms": True}, "duration_ms is not a number from 0 to 86,400,000"),
        ({"name": "n" * 254}, "a name of more than 253 characters"),
        ({"version": 1}, "version is not text"),
        ({"lane": {}}, "lane is not text"),
        ({"version": "\ud800"}, "version holds half a character"),
        ({"upstreams": 5}, "upstreams is not a list"),
        ({"upstreams": [{"url": "http://[/", "error": "x"}]}, "a URL is not one"),
    ],
)
def test_why_an_answer_in_the_services_format_can_not_be_read(more: Tree, reason: str) -> None:
    tree = {"name": "a", "version": "v1", "ip": "::1", **more}
    found = parse(200, JSON_TYPE, json.dumps(tree).encode())
    assert (found.unreadable, bool(found.path)) == (reason, not reason)


def test_a_foreign_first_hop_is_silent() -> None:
    tree = {"name": "b", "version": "v1", "ip": "::1", "lane": "v2", "upstreams": []}
    body = {"cart": [tree, {**tree, "lane": "v3"}]}
    found = parse(200, JSON_TYPE, json.dumps(body).encode())
    assert [(step.service, step.version, step.silent, step.lane) for step in found.path] == [
        ("", "", True, "v2"),
        ("b", "v1", False, "v2"),
        ("b", "v1", False, "v3"),
    ]
    assert [step.caller for step in found.path] == [None, None, None]
    assert found.partial


@pytest.mark.parametrize(("size", "kept"), [(16_384, 16_384), (16_385, 16_388)])
def test_a_long_text_is_cut(size: int, kept: int) -> None:
    found = parse(200, "text/plain", b"x" * size)
    assert (len(found.text), found.text.endswith(" ...")) == (kept, size != kept)


WITHIN: Tree = {"name": "b", "version": "v1", "ip": "::1", "upstreams": []}


@pytest.mark.parametrize("key", WITHIN)
def test_a_tree_inside_another_answer_has_all_fields(key: str) -> None:
    def hops(tree: Tree) -> int:
        return len(parse(200, JSON_TYPE, json.dumps({"cart": tree}).encode()).path)

    assert hops(WITHIN) == 2
    assert hops({name: value for name, value in WITHIN.items() if name != key}) == 0
    assert hops({**WITHIN, key: 5}) == 0


def test_a_call_that_nothing_answered_has_its_time_and_no_address() -> None:
    outside = {"url": "http://cart.shop:8000/", "status": 502, "duration_ms": 3, "error": "refused"}
    tree = {"name": "shop", "version": "v1", "ip": "::1", "duration_ms": 9, "upstreams": [outside]}
    shop, cart = parse(502, JSON_TYPE, json.dumps(tree).encode()).path
    assert (cart.service, cart.version, cart.silent, cart.caller) == ("cart", "", False, "shop")
    assert shop.measured == Measured(0, "::1", 0, 9, 6)
    assert cart.measured == Measured(1, "", 502, 3, 3, "refused")


@pytest.mark.parametrize(("told", "silent"), [("answered: ok", True), ("failed: 502 no", False)])
def test_a_line_with_a_foreign_hop(told: str, silent: bool) -> None:
    text = f"-> shop(version: v1, ip: ::1)-> http://cart:8000/ {told}"
    found = parse(200, "text/plain", text.encode())
    assert [(step.service, step.silent) for step in found.path] == [
        ("shop", False),
        ("cart", silent),
    ]
    assert found.partial is silent
