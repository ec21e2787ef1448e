"""The time, error, lane and caller of one hop, from each source of evidence."""

import json
from dataclasses import replace
from typing import Any

import pytest
from google.rpc.code_pb2 import Code

from lanes.evidence.access_logs import Line, calls, line_of, traces_of
from lanes.evidence.answers import parse
from lanes.evidence.calls import Call, Forest, trace_id
from lanes.evidence.causes import Cause
from lanes.evidence.grpc_status import status_of
from lanes.evidence.hop_verdicts import HopVerdict, LaneVerification
from lanes.evidence.source import with_hops
from lanes.evidence.spans import path
from lanes.evidence.steps import Answer, Measured, Routed, Step
from lanes.evidence.traces import spans_in
from lanes.evidence.workloads import Workload, Workloads
from lanes.mesh.traffic import Abort
from lanes.planning.hop import Hop, Reason
from lanes.planning.result import Lane
from tests.kube import asm, deployment, service
from tests.unit.lanes.reading import mesh_of
from tests.unit.lanes.test_access_logs import INBOUND, LINE, SECURE, TRACE
from tests.unit.lanes.test_traces import WORKLOADS, span

# What the comments of code.proto map each number to, from 0.
GRPC = (200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401)


@pytest.mark.parametrize(
    ("http", "grpc", "status"),
    [
        *((200, number, status) for number, status in enumerate(GRPC)),
        *((200, name, GRPC[number]) for name, number in Code.items()),
        *((200, told, 500) for told in (17, "9999")),
        *((200, told, 200) for told in (None, "", "-1", "10000", "fine")),
        *((status, 14, status) for status in (0, 199, 201, 404)),
    ],
)
def test_the_http_status_of_a_call_by_grpc(http: int, grpc: object, status: int) -> None:
    assert status_of(http, grpc) == status


# Time and errors


def of_logs(status: int, *behind: tuple[int, int]) -> Measured | None:
    """Return a hop of 100 ms by access logs. Its calls have these statuses and times in ms."""
    made = [call("shop", "cart", 0.01, ms / 1000, status=one) for one, ms in behind]
    return Forest([call("", "shop", 0, 0.1, status=status), *made]).path(TRACE)[0].measured


def of_spans(status: int, *behind: tuple[int, int]) -> Measured | None:
    tags = [{"http.response.status_code": str(one)} for one in (status, *(s for s, _ in behind))]
    spans = [span(1, 0, "shop v1", tags=tags[0])]
    for number, (_, ms) in enumerate(behind):
        spans.append(span(2 + 2 * number, 1, "shop v1", kind=3))
        of = span(3 + 2 * number, 2 + 2 * number, "cart v1", tags=tags[1 + number], took=ms)
        spans.append(of)
    found = path(spans_in(json.dumps({"resourceSpans": spans})), WORKLOADS, "lane")
    return found[0].measured


def of_answers(status: int, *behind: tuple[int, int]) -> Measured | None:
    made = [node("cart", status=one, duration_ms=ms) for one, ms in behind]
    tree = node("shop", status=status, duration_ms=100, upstreams=made)
    return parse(200, "application/json", json.dumps(tree).encode()).path[0].measured


def node(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "version": "v1", "ip": "::1", "upstreams": [], **more}


def call(caller: str, service: str, began: float, seconds: float, **more: Any) -> Call:
    """Return a call between pods of version v1. The gateway's call has a trace."""
    told = {"lane": "v1", "status": 200, "trace": "" if caller else TRACE, **more}
    return Call(
        caller,
        f"{caller}-v1",
        service,
        "v1",
        f"{service}-v1",
        chosen=frozenset({"v1"}),
        began=began,
        seconds=seconds,
        **told,
    )


SOURCES = {"logs": of_logs, "spans": of_spans, "answers": of_answers}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    ("behind", "own"), [((), 100), ((30,), 70), ((30, 60, 10), 40), ((150,), 0)]
)
def test_a_hops_own_time_excludes_the_slowest_of_its_calls(
    source: str, behind: tuple[int, ...], own: float
) -> None:
    found = SOURCES[source](200, *((200, ms) for ms in behind))
    assert found is not None
    assert [found.duration_ms, found.own_ms] == pytest.approx([100, own])
    assert (found.depth, found.status, found.error) == (0, 200, "")


@pytest.mark.parametrize(("source", "least"), [("logs", 500), ("spans", 500), ("answers", 400)])
def test_an_error_is_that_of_the_hop_where_it_began(source: str, least: int) -> None:
    def error(status: int, *behind: int) -> str:
        found = SOURCES[source](status, *((one, 1) for one in behind))
        assert found is not None
        return found.error

    assert [error(status, 200) for status in (200, least - 1)] == ["", ""]
    assert error(least) == error(least, 200) == f"status {least}"
    assert error(503, 200, least - 1) == "status 503"
    assert error(503, 200, least) == error(503, least, 200) == ""


@pytest.mark.parametrize(("took", "behind", "times"), [(-5, 1, (0, 0)), (100, -5, (100, 100))])
def test_a_clock_that_is_set_back_gives_no_time(
    took: int, behind: int, times: tuple[float, float]
) -> None:
    spans = [span(1, 0, "shop v1", took=took), span(2, 1, "cart v1", took=behind)]
    shop, cart = path(spans_in(json.dumps({"resourceSpans": spans})), WORKLOADS, "lane")
    assert (shop.measured, cart.service) == (Measured(0, "", 0, *times), "cart")


def test_a_call_that_ended_without_a_status_is_an_error() -> None:
    assert [one.error for one in (of_logs(0), of_logs(0, (503, 1))) if one] == ["status 0"] * 2


# Access logs

FIELDS = {
    **LINE,
    "user_agent": f"lanes/{TRACE}",
    "baggage": "version=v2",
    "traceparent": f"00-{TRACE}-{'1' * 16}-01",
    "downstream_remote_address": "10.1.1.1:9",
    "pod": "shop-v1-x2k4q",
}


@pytest.mark.parametrize(
    ("told", "more"),
    [
        ({}, {}),
        ({"pod": "-"}, {"pod": ""}),
        ({"baggage": None}, {"baggage": ""}),
        ({"requested_server_name": "-"}, {"secured": ""}),
        (SECURE, {"secured": "outbound|8000|v2|cart.default.svc.cluster.local"}),
        ({"upstream_local_address": "-"}, {"caller_address": "10.1.1.1"}),
        (
            {"upstream_cluster": "inbound|8000||;"},
            {
                "inbound": True,
                "cluster": "inbound|8000||",
                "caller_address": "10.1.1.1",
                "callee_address": "10.96.0.7",
            },
        ),
        ({"upstream_cluster": None}, {"cluster": ""}),
        ({"upstream_host": "[fd00::7]:80"}, {"callee_address": "fd00::7"}),
        ({"response_code": None, "duration": None}, {"status": 0, "seconds": 0.0}),
        ({"response_code": 200, "grpc_status": "UNAVAILABLE"}, {"status": 503}),
    ],
)
def test_every_field_of_a_line(told: dict[str, Any], more: dict[str, Any]) -> None:
    line = Line(
        pod="shop-v1-x2k4q",
        inbound=False,
        cluster="outbound|8000|v2|cart.default.svc.cluster.local",
        caller_address="10.244.0.9",
        callee_address="10.244.0.11",
        authority="cart:8000",
        request="b7",
        agent=f"lanes/{TRACE}",
        status=200,
        began=1_796_032_800.123,
        seconds=0.012,
        baggage="version=v2",
        traceparent=f"00-{TRACE}-{'1' * 16}-01",
        secured=None,
    )
    text = json.dumps({**FIELDS, **told})
    assert line_of(text) == replace(line, **more)
    assert line_of(f"[pod/a-b/istio-proxy] {text}") == replace(line, **{**more, "pod": "a-b"})


# Whose a call is

ROOT = call("", "shop", 0, 1, lane="v2", request="a")
OTHER = replace(ROOT, lane="v1", request="b", trace="1" * 32)
CART = call("shop", "cart", 0.5, 0.1, lane=None)


@pytest.mark.parametrize(
    ("calls", "behind"),
    [
        # Where nothing else tells, by time, with 2 ms for what is rounded.
        ([replace(CART, began=1.0019)], ["cart"]),
        ([replace(CART, began=1.0021)], []),
        ([replace(CART, began=-0.0019)], ["cart"]),
        ([replace(CART, began=-0.0021)], []),
        # What is under way at that very moment comes before what may be by rounding.
        ([replace(OTHER, began=1.001), replace(CART, began=1.0)], ["cart"]),
        ([replace(OTHER, began=0.5005, seconds=1.0), CART], ["cart"]),
        # By its ids, its lane, or the lane that all have.
        ([OTHER, CART], []),
        ([OTHER, replace(CART, request="a")], ["cart"]),
        ([OTHER, replace(CART, request="b")], []),
        ([OTHER, replace(CART, trace=TRACE)], ["cart"]),
        ([OTHER, replace(CART, trace="1" * 32)], []),
        ([OTHER, replace(CART, lane="v2")], ["cart"]),
        ([OTHER, replace(CART, lane="v1")], []),
        ([OTHER, replace(CART, lane="v3")], []),
        # A call with a lane of its own may be the only request's all the same.
        ([replace(CART, lane="v3")], ["cart"]),
        # Of two that are alike, each has one of two calls.
        ([replace(OTHER, lane="v2"), CART, replace(CART, began=0.6)], ["cart"]),
        # Another pod's call is none, nor is a call its own.
        ([replace(CART, caller_address="shop-v2")], []),
        ([call("shop", "shop", 0.5, 0.1, lane="v2"), CART], ["shop", "cart"]),
        # By the clock of the pod that answered.
        ([replace(CART, began=50.5)], []),
    ],
)
def test_a_call_is_behind_the_call_that_caused_it(calls: list[Call], behind: list[str]) -> None:
    found = Forest([ROOT, *calls]).path(TRACE)
    assert [step.service for step in found[1:]] == behind
    assert [step.measured.depth for step in found if step.measured] == [0, *(1 for _ in behind)]


def test_two_pods_may_have_two_clocks() -> None:
    received = replace(ROOT, received=(50.0, 51.0))
    for began, seen in ((50.5, 2), (0.5, 1), (51.5, 1)):
        assert len(Forest([received, replace(CART, began=began)]).path(TRACE)) == seen


@pytest.mark.parametrize(
    ("made", "step"),
    [
        (ROOT, Step("shop", "v1", "v2", caller="", routed=Routed(frozenset({"v1"})))),
        (replace(ROOT, lane=None, lane_known=False), Step("shop", "v1", lane_known=False)),
        (replace(ROOT, version=""), Step("shop", "", "v2", silent=True)),
        (
            replace(ROOT, proxied=False),
            Step("shop", "v1", "v2", routed=Routed(frozenset({"v1"}), False)),
        ),
        (
            replace(ROOT, ruled=False),
            Step("shop", "v1", "v2", routed=Routed(frozenset({"v1"}), True, False)),
        ),
    ],
)
def test_a_call_is_a_step(made: Call, step: Step) -> None:
    (found,) = Forest([made]).path(TRACE)
    assert (found, found.caller, found.lane_known) == (step, "", step.lane_known)
    assert found.routed == (step.routed or Routed(frozenset({"v1"})))
    assert Forest([made]).path("f" * 32) == ()
    assert Forest([replace(made, address="")]).path(TRACE) == ()


def test_a_call_does_not_belong_to_a_request_that_ended_before() -> None:
    longer = replace(OTHER, seconds=5.0)
    found = Forest([ROOT, longer, replace(CART, began=5.001)]).path(OTHER.trace)
    assert [step.service for step in found] == ["shop", "cart"]


def test_the_two_lines_of_a_call_are_one_with_both_clocks() -> None:
    inbound = {**INBOUND, "start_time": "2026-11-30T10:00:09.000Z", "duration": 10}
    lines = [
        line_of(json.dumps({**one, "user_agent": f"lanes/{TRACE}"})) for one in (LINE, inbound)
    ]
    known = [line for line in lines if line]
    names = Workloads({}, {"cart": "cart"}, {known[0].cluster: frozenset({"v2"})})
    (found,) = calls(known, names, "")
    assert list(found.received or ()) == pytest.approx([1_796_032_809, 1_796_032_809.01], abs=1e-4)
    assert (found.service, found.version, found.address) == ("cart", "", "10.244.0.11")
    assert (found.chosen, found.lane, found.lane_known) == (frozenset({"v2"}), None, False)
    assert list(traces_of(known)) == [TRACE, TRACE]


@pytest.mark.parametrize("agent", [f"lanes/{TRACE}", "curl/8"])
def test_a_call_without_a_line_of_its_caller_may_be_the_gateways(agent: str) -> None:
    parent = f"00-{TRACE}-{'1' * 16}-01"
    line = line_of(
        json.dumps({**INBOUND, "user_agent": agent, "pod": "cart-v1", "traceparent": parent})
    )
    assert line is not None
    pods = {"cart-v1": Workload("cart", "v1")}
    found = [
        (one.caller, one.service, one.version, one.trace)
        for one in calls([line], Workloads(pods), "")
    ]
    assert found == ([("", "cart", "v1", TRACE)] if agent.startswith("lanes/") else [])


@pytest.mark.parametrize(
    ("traceparent", "trace"),
    [
        (f"00-{TRACE}-{'1' * 16}-01", TRACE),
        (f"01-{TRACE}-{'1' * 16}-01-more", TRACE),
        (f"00-{TRACE}-{'1' * 16}", ""),
        (f"00-{TRACE}0-{'1' * 16}-01", ""),
        (f"00-{TRACE[1:]}-{'1' * 16}-01", ""),
        ("", ""),
    ],
)
def test_the_trace_that_a_header_names(traceparent: str, trace: str) -> None:
    assert trace_id(traceparent) == trace


# The hops of a lane

USERS = Hop("users", ("v9",), Reason.MATCH)
BASE = Lane("v1", 1, Hop("shop", ("v1",), Reason.MATCH, (Hop("cart", ("v9",), Reason.MATCH),)))
LANE = Lane("v2", 1, Hop("shop", ("v2",), Reason.MATCH, (Hop("cart", ("v2",), Reason.MATCH),)))


@pytest.mark.parametrize(
    ("chosen", "cause"),
    [
        ("v1", Cause.NO_RULE),
        ("v9", Cause.OTHER_RULE),
        ("v2", Cause.NOT_READY),
        ("", Cause.NOT_TOLD),
    ],
)
def test_the_baseline_is_that_of_the_service_itself(chosen: str, cause: Cause) -> None:
    routed = Routed(frozenset(filter(None, [chosen])))
    step = Step("shop", "v1", "v2", caller="", routed=routed)
    first, _ = LaneVerification(LANE, BASE, "v2").hops([step])
    assert (first.verdict, first.cause, first.caller) == (HopVerdict.NOT_AS_PLANNED, cause, "")


@pytest.mark.parametrize(
    ("caller", "verdict"),
    [
        ("shop", HopVerdict.AS_PLANNED),
        (None, HopVerdict.AS_PLANNED),
        ("db", HopVerdict.NOT_SEEN),
        ("", HopVerdict.NOT_SEEN),
    ],
)
def test_a_hop_is_seen_if_its_caller_called_it(caller: str | None, verdict: HopVerdict) -> None:
    steps = [Step("shop", "v2", "v2", caller=""), Step("cart", "v2", "v2", caller=caller)]
    _, cart = LaneVerification(LANE, BASE, "v2").hops(steps)
    assert cart.verdict is verdict


@pytest.mark.parametrize(
    ("hop", "version", "verdict"),
    [
        (Hop("shop", (), Reason.UNSUPPORTED), "v7", HopVerdict.AS_PLANNED),
        (Hop("shop", (), Reason.UNSUPPORTED), "", HopVerdict.AS_PLANNED),
        (Hop("shop", (), Reason.NONE, status=503), "", HopVerdict.AS_PLANNED),
        (Hop("shop", (), Reason.NONE, status=503), "v7", HopVerdict.NOT_AS_PLANNED),
        (Hop("shop", ("v2",), Reason.MATCH, failing=(Abort(503, 0.5),)), "", HopVerdict.AS_PLANNED),
        (Hop("shop", ("v2",), Reason.MATCH), "", HopVerdict.NOT_AS_PLANNED),
        (Hop("shop", ("v2",), Reason.MATCH), "v2", HopVerdict.AS_PLANNED),
    ],
)
def test_what_may_answer_at_a_hop(hop: Hop, version: str, verdict: HopVerdict) -> None:
    (found,) = LaneVerification(Lane("v2", 1, hop), BASE, None).hops([Step("shop", version)])
    assert found.verdict is verdict
    unseen = LaneVerification(Lane("v2", 1, hop), BASE, None).hops([])
    assert [one.verdict for one in unseen] == [HopVerdict.NOT_SEEN] * bool(hop.versions)


# Several sources

TOLD = Step(
    "shop", "v1", "v1", "ns", Measured(0, "a", 200, 1, 1), "own 1", caller="x", routed=Routed()
)
FURTHER = Step(
    "shop", "v1", "v2", measured=Measured(1, "b", 200, 2, 2), caller="", routed=Routed(ruled=False)
)


@pytest.mark.parametrize(
    ("other", "kept"),
    [
        (FURTHER, {}),
        (replace(FURTHER, measured=None), {"measured": TOLD.measured}),
        (replace(FURTHER, caller=None), {"caller": "x"}),
        (replace(FURTHER, routed=None), {"routed": Routed()}),
        (replace(FURTHER, lane=None, lane_known=False), {"lane": "v1"}),
        (replace(FURTHER, lane=None), {"lane": None}),
        (replace(FURTHER, version="", silent=True), {}),
    ],
)
def test_what_another_source_adds_to_a_hop(other: Step, kept: dict[str, Any]) -> None:
    (found,) = with_hops(Answer(200, "", (TOLD,), partial=True), (other,)).path
    whole = replace(FURTHER, namespace="ns", instrumentation="own 1")
    assert vars(found) == vars(replace(whole, **kept))


def test_another_source_may_tell_the_lane_alone() -> None:
    own = replace(TOLD, lane=None, lane_known=False)
    (found,) = with_hops(Answer(200, "", (own,), partial=True), (FURTHER,)).path
    assert (found.lane, found.lane_known) == ("v2", True)


def test_hops_that_only_the_answer_shows_follow_those_of_the_source() -> None:
    steps = [Step("shop", "v1", "v1"), Step("cart", "v1", "v1"), Step("db", "", silent=True)]
    answer = Answer(200, "", tuple(steps), partial=True, unreadable="x")
    found = with_hops(answer, (Step("users", "v1"), Step("cart", "v2")))
    assert [(step.service, step.version, step.contradicted) for step in found.path] == [
        ("users", "v1", False),
        ("cart", "v2", True),
        ("shop", "v1", False),
    ]
    assert (found.unreadable, found.partial) == ("", True)


def test_answers_are_equal_whatever_time_they_took() -> None:
    took = Answer(200, "", (), 1.0, 2.0, 3.0, "unreadable", trace=TRACE)
    assert took == Answer(200, "")
    assert took != Answer(200, "", partial=True)


def test_the_services_and_workloads_of_names() -> None:
    """Names are the pods' own or their Service's, unless that leads to several services."""
    documents = [
        *(
            service("one"),
            service("first", selector={"app": "one"}),
            service("back", selector={"tier": "back"}),
        ),
        deployment("one", replicas=2, labels={"tier": "back"}),
        deployment("two", labels={"tier": "back"}),
        deployment("two", namespace="other", version="v9"),
    ]
    known = Workloads.of(mesh_of(*documents))
    assert known.by_name == {
        "one-v1": ("one", "v1"),
        "two-v1": ("two", "v1"),
        "two-v9": ("two", "v9"),
    }
    names = ("one", "two", "first", "back", "first.default", "none")
    assert [known.service(name) for name in names] == ["one", "two", "one", "", "one", ""]
    fallback = Workloads.of(mesh_of(*asm()))
    cluster = "outbound|8000|v2|mocka.default.svc.cluster.local"
    assert fallback.chosen[cluster] == {"v2"}
    assert fallback.reachable[cluster] == {"v1", "v2"}
    assert known.workload("one-v1") == known.pod("one-v1-x2k4q") == ("one", "v1")
    assert known.workload("one") == known.pod("one") == ("", "")
