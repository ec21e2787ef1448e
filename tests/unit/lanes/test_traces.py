"""Traces: their forms, the rules by which spans are hops, and the servers that are asked.

The servers here are small ones that answer in the documented form of Jaeger and Tempo.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lanes.errors import LanesError
from lanes.evidence.spans import Span, path
from lanes.evidence.steps import Answer, Routed, Step
from lanes.evidence.traces import TraceFormatError, spans_in
from lanes.evidence.workloads import Workload, Workloads
from lanes.verification.collected import TraceFile, Traces, TraceServer, trace_store
from tests.unit.lanes.simulated import cluster
from tests.unit.lanes.simulated_sources import attributes
from tests.unit.lanes.standin import ANSWER, gateway_like

TRACE = "0af7651916cd43dd8448eb211c80319c"
PAIRS = [(s, v) for s in ("shop", "cart", "stock") for v in ("v1", "v2")]
WORKLOADS = Workloads(
    {f"{s}-{v}": Workload(s, v) for s, v in PAIRS},
    {s: s for s, _ in PAIRS},
    {cluster(s, v): frozenset({v}) for s, v in PAIRS},
)
Json = dict[str, Any]


def span(number: int, parent: int, service: str, kind: int = 2, **more: Any) -> Json:
    """Return a server span of "shop v1". Times are in milliseconds."""
    name, _, version = service.partition(" ")
    resource = {"service.name": name, **({"service.version": version} if version else {})}
    began, took = more.get("at", number), more.get("took", 100)
    told = {
        "traceId": TRACE,
        "spanId": f"{number:016x}",
        "parentSpanId": f"{parent:016x}" if parent else "",
        "kind": kind,
        "startTimeUnixNano": str(began * 1_000_000),
        "endTimeUnixNano": str((began + took) * 1_000_000),
        "attributes": attributes(more.get("tags", {})),
    }
    shared = attributes({**resource, **more.get("resource", {})})
    return {"resource": {"attributes": shared}, "scopeSpans": [{"spans": [told]}]}


def steps(*spans: Json) -> list[str]:
    """Return the hops that the spans show, in words: "cart v1 by shop"."""
    return list(map(said, path(spans_in(json.dumps({"resourceSpans": spans})), WORKLOADS, "lane")))


def said(step: Step) -> str:
    by = f" by {step.caller}" if step.caller is not None else ""
    return f"{step.service} {'?' if step.silent else step.version}{by}"


SHOP, CART = span(1, 0, "shop v1"), span(3, 2, "cart v2")
CLIENT = span(2, 1, "shop v1", kind=3)


@pytest.mark.parametrize(
    ("spans", "hops"),
    [
        ((), []),
        ((SHOP, CLIENT, CART), ["shop v1", "cart v2 by shop"]),
        ((CART, SHOP, CLIENT), ["shop v1", "cart v2 by shop"]),
        ((SHOP, SHOP, CLIENT, CART, CART), ["shop v1", "cart v2 by shop"]),  # twice
        ((SHOP, CART), ["shop v1", "cart v2"]),  # the span between is missing, or late
        ((CLIENT, CART), ["cart v2"]),  # so is the first
        ((SHOP, CLIENT, span(3, 2, "cart v2", at=-5_000)), ["shop v1", "cart v2 by shop"]),  # skew
        ((SHOP, CLIENT, span(3, 2, "redis 7")), ["shop v1"]),  # nothing of the mesh
        ((SHOP, CLIENT, span(3, 2, "cart")), ["shop v1", "cart ? by shop"]),  # tells no version
        ((span(1, 1, "shop v1"),), ["shop v1"]),  # its own parent
        # Parents that go round.
        ((span(1, 2, "shop v1"), span(2, 1, "cart v1")), ["cart v1", "shop v1 by cart"]),
    ],
)
def test_spans_are_hops(spans: tuple[Json, ...], hops: list[str]) -> None:
    assert steps(*spans) == hops


def test_of_several_tries_the_one_that_answered_counts() -> None:
    tags = {"http.response.status_code": "503"}
    failed, answered = span(3, 2, "cart v2", tags=tags), span(4, 2, "cart v1")
    assert steps(SHOP, CLIENT, failed, answered) == ["shop v1", "cart v1 by shop"]
    last = span(4, 2, "cart v1", tags=tags, at=50)
    assert steps(SHOP, CLIENT, failed, last) == ["shop v1", "cart v1 by shop"]
    again = span(5, 2, "cart v2", at=60)
    assert steps(SHOP, CLIENT, answered, again) == ["shop v1", "cart v1 by shop", "cart v2 by shop"]


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        ({"rpc.response.status_code": "UNAVAILABLE"}, 503),
        ({"rpc.grpc.status_code": 4}, 504),
        ({"http.status_code": "200", "grpc.status_code": "13"}, 500),
        ({"http.status_code": "200", "grpc.status_code": "0"}, 200),
        ({"rpc.grpc.status_code": 5}, 404),
        ({"rpc.grpc.status_code": 99}, 500),
        ({"http.response.status_code": "403", "rpc.grpc.status_code": "5"}, 403),
        ({"rpc.response.status_code": "-32601"}, 200),  # of another protocol
        ({}, 0),
    ],
)
def test_the_status_of_a_span(tags: Json, status: int) -> None:
    (found,) = spans_in(json.dumps({"resourceSpans": [span(1, 0, "cart v1", tags=tags)]}))
    assert found.status == status


def test_manifests_that_know_the_pod_decide_its_version() -> None:
    pod = {"k8s.pod.name": "cart-v2-7d9f8b6c5d-x2k4q"}
    assert steps(span(1, 0, "cart 1.0.3", resource=pod)) == ["cart v2"]
    deployment = {"k8s.deployment.name": "stock-v1"}
    assert steps(span(1, 0, "whatever", resource=deployment)) == ["stock v1"]
    assert steps(span(1, 0, "shop-v2")) == ["shop v2"]
    assert steps(span(1, 0, "shop.green v1")) == ["shop v1"]


def proxy(
    number: int, parent: int, whose: str, version: str, kind: int, to: str, **more: str
) -> Json:
    """Return Envoy's span of a call to the cluster `to`."""
    own = {"istio.canonical_service": whose, "istio.canonical_revision": version}
    tags = {**own, "upstream_cluster": to, "http.status_code": "200", **more}
    return span(number, parent, f"{whose}.default", kind=kind, tags=tags)


def test_spans_of_sidecars_show_hops_and_what_was_chosen() -> None:
    spans = [
        proxy(1, 0, "istio-ingressgateway", "latest", 2, cluster("shop", "v2")),
        proxy(2, 1, "shop", "v2", 2, "inbound|8000||"),
        span(3, 2, "shop v2"),  # the service behind its sidecar
        proxy(4, 3, "shop", "v2", 3, cluster("cart", "v2")),
        proxy(5, 4, "cart", "v1", 2, "inbound|8000||"),
        proxy(6, 3, "stock", "v1", 2, "inbound|8000||"),  # a call past shop's sidecar
    ]
    found = path(spans_in(json.dumps({"resourceSpans": spans})), WORKLOADS, "lane")
    assert list(map(said, found)) == ["shop v2", "cart v1 by shop", "stock v1 by shop"]
    chosen = Routed(frozenset({"v2"}))
    assert [step.routed for step in found] == [chosen, chosen, Routed(proxied=False)]


def test_a_call_behind_a_service_without_spans_is_that_services() -> None:
    """cart has no span. A call past shop's own sidecar would have no sidecar's span before it."""
    spans = [
        proxy(1, 0, "shop", "v2", 2, "inbound|8000||"),
        proxy(2, 1, "shop", "v2", 3, cluster("cart", "v2")),
        proxy(3, 2, "stock", "v1", 2, "inbound|8000||"),
        proxy(4, 1, "shop", "v2", 3, cluster("stock", "v2")),
        proxy(5, 4, "stock", "v2", 2, "inbound|8000||"),
    ]
    found = path(spans_in(json.dumps({"resourceSpans": spans})), WORKLOADS, "lane")
    assert list(map(said, found)) == ["shop v2", "stock v1 by cart", "stock v2 by shop"]
    assert [step.routed for step in found[1:]] == [None, Routed(frozenset({"v2"}))]


def test_a_sidecar_passes_calls_to_unknown_services_through() -> None:
    spans = [
        proxy(1, 0, "shop", "v2", 2, "inbound|8000||"),
        proxy(2, 1, "shop", "v2", 3, "PassthroughCluster"),
        proxy(3, 2, "cart", "v1", 2, "inbound|8000||"),
    ]
    found = path(spans_in(json.dumps({"resourceSpans": spans})), WORKLOADS, "lane")
    assert list(map(said, found)) == ["shop v2", "cart v1 by shop"]
    assert found[1].routed == Routed(ruled=False)


@pytest.mark.parametrize(
    ("to", "flags"), [(cluster("cart", "v2"), "UH"), (cluster("cart", "v2"), "UF,URX"), ("", "NC")]
)
def test_a_call_for_which_a_proxy_had_no_pod_was_not_answered(to: str, flags: str) -> None:
    failed = {"response_flags": flags, "http.url": "http://cart:8000/", "http.status_code": "503"}
    shop = proxy(1, 0, "shop", "v2", 2, "inbound|8000||")
    spans = [shop, proxy(2, 1, "shop", "v2", 3, to, **failed)]
    _, cart = path(spans_in(json.dumps({"resourceSpans": spans})), WORKLOADS, "lane")
    assert (cart.service, cart.version, cart.silent, cart.caller) == ("cart", "", False, "shop")
    # shop called again
    spans += [
        proxy(3, 1, "shop", "v2", 3, cluster("cart", "v2")),
        proxy(4, 3, "cart", "v2", 2, "inbound|8000||"),
    ]
    assert steps(*spans) == ["shop v2", "cart v2 by shop"]
    for url in ("http://[/", "/cart"):
        elsewhere = failed | {"http.url": url}
        assert steps(shop, proxy(2, 1, "shop", "v2", 3, "", **elsewhere)) == ["shop v2"]
    received = proxy(2, 1, "", "", 2, "", **failed)  # what a proxy received is no call of its own
    assert steps(shop, received) == ["shop v2"]


def test_a_call_for_which_the_gateway_had_no_pod_was_not_answered() -> None:
    gateway = ("istio-ingressgateway", "latest", 2, cluster("shop", "v2"))
    (shop,) = path(
        spans_in(json.dumps({"resourceSpans": [proxy(1, 0, *gateway, response_flags="UH")]})),
        WORKLOADS,
        "lane",
    )
    assert (shop.service, shop.version, shop.silent, shop.caller) == ("shop", "", False, None)


@pytest.mark.parametrize(
    "name",
    [
        "http.request.header.baggage",
        "rpc.request.metadata.baggage",
        "rpc.grpc.request.metadata.baggage",
        "baggage",
    ],
)
def test_recorded_baggage_shows_the_lane(name: str) -> None:
    tags = {name: "user=1,lane=v2;p=1"}
    text = json.dumps({"batches": [span(1, 0, "shop v1", tags=tags)]})
    found = path(spans_in(text), WORKLOADS, "lane")
    assert [(step.lane, step.lane_known) for step in found] == [("v2", True)]


JAEGER = {
    "data": [
        {
            "traceID": TRACE.lstrip("0"),
            "processes": {
                "p1": {"serviceName": "shop", "tags": [{"key": "service.version", "value": "v1"}]},
                "p2": {"serviceName": "cart", "tags": [{"key": "service.version", "value": "v2"}]},
            },
            "spans": [
                {
                    "traceID": TRACE.lstrip("0"),
                    "spanID": "a",
                    "processID": "p1",
                    "startTime": 1,
                    "duration": 9,
                    "tags": [{"key": "span.kind", "value": "server"}],
                },
                {
                    "traceID": TRACE.lstrip("0"),
                    "spanID": "b",
                    "processID": "p2",
                    "references": [{"refType": "CHILD_OF", "spanID": "a"}],
                    "tags": [{"key": "span.kind", "value": "server"}],
                },
            ],
        }
    ]
}


def in_base64(resource: Json) -> Json:
    """Return the trace as Tempo writes it: ids in base64, kinds as names."""
    (told,) = resource["scopeSpans"][0]["spans"]
    ids = ("traceId", "spanId", "parentSpanId")
    coded = {n: base64.b64encode(bytes.fromhex(told[n])).decode() for n in ids}
    spans = [{**told, **coded, "kind": "SPAN_KIND_SERVER"}]
    return {**resource, "scopeSpans": [{"spans": spans}]}


OTLP = [SHOP, span(3, 1, "cart v2")]
FORMS = {
    "OTLP": {"resourceSpans": OTLP},
    "Jaeger's version 3": {"result": {"resourceSpans": OTLP}},
    "Jaeger's first API": JAEGER,
    "Tempo": {"batches": list(map(in_base64, OTLP))},
    "Tempo's version 2": {"trace": {"resourceSpans": list(map(in_base64, OTLP))}},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_trace(form: str) -> None:
    spans = spans_in(json.dumps(FORMS[form]))
    assert {span.trace for span in spans} == {TRACE}
    assert list(map(said, path(spans, WORKLOADS, "lane"))) == ["shop v1", "cart v2 by shop"]


@pytest.mark.parametrize("text", ["[]", "5", '{"data": 5}', "<html>", '{"a": 1}', "[" * 10_000])
def test_documents_of_another_format_are_errors(text: str) -> None:
    with pytest.raises(TraceFormatError):
        spans_in(text)


@pytest.mark.parametrize(
    "spans",
    [5, [5], [{"scopeSpans": 5}], [{"scopeSpans": [{"spans": [5, {}, {"traceId": 5}]}]}]],
)
def test_malformed_spans_are_left_out(spans: object) -> None:
    if isinstance(spans, list):
        assert spans_in(json.dumps({"resourceSpans": spans})) == []
        assert spans_in(json.dumps({"data": [{"spans": spans}]})) == []


def quick(store: Any, patience: float = 0.3) -> Traces:
    return Traces(store, WORKLOADS, "lane", 0.05, patience, 0.01)


ASKED = Answer(200, "page", trace=TRACE)


@pytest.mark.parametrize(
    ("form", "served"),
    [
        ("Jaeger's version 3", "/api/v3/traces/"),
        ("Jaeger's first API", "/api/traces/"),
        ("Tempo", "/api/traces/"),
    ],
)
def test_a_server_is_queried_until_the_trace_is_whole(form: str, served: str) -> None:
    """At first the server has no span. A server without the API answers 404."""
    asked: list[str] = []

    def serve(headers: Mapping[str, str]) -> ANSWER:
        asked.append(headers[":path"])
        late = len(asked) < 5 or headers[":path"] != f"/base{served}{TRACE}"
        return (
            (404, "text/plain", "trace not found") if late else (200, "", json.dumps(FORMS[form]))
        )

    with gateway_like(serve) as url:
        (answer,) = quick(trace_store(f"{url}base/"), 30).complete([ASKED])
    assert list(map(said, answer.path)) == ["shop v1", "cart v2 by shop"]
    assert answer.partial


def test_answers_of_trace_servers() -> None:
    def refusing(answers: Iterator[ANSWER]) -> str:
        with gateway_like(lambda _: next(answers)) as url, pytest.raises(LanesError) as caught:
            quick(trace_store(url)).complete([ASKED])
        return str(caught.value)

    assert refusing(iter([(401, "", "who?")] * 2)).endswith("status 401")
    assert refusing(iter([(500, "", ""), (503, "", "")])).endswith("status 500")
    known = json.dumps(FORMS["Tempo"])
    with gateway_like(lambda h: (500 if "v3" in h[":path"] else 200, "", known)) as url:
        assert quick(trace_store(url)).complete([ASKED])[0].path
    with gateway_like(lambda _: (200, "", "<html>")) as url:  # of another API altogether
        assert quick(trace_store(url)).complete([ASKED]) == [ASKED]
    other = json.dumps(FORMS["OTLP"]).replace(TRACE, "f" * 32)
    with gateway_like(lambda _: (200, "", other)) as url:  # another's trace
        assert quick(trace_store(url)).complete([ASKED]) == [ASKED]
    with pytest.raises(LanesError, match="no answer"):
        quick(TraceServer("http://127.0.0.1:1/")).complete([ASKED])
    for url in ("http://me:secret@127.0.0.1:1/", "ftp://me:secret@tempo/"):
        with pytest.raises(LanesError) as caught:
            quick(trace_store(url)).complete([ASKED])
        assert "secret" not in str(caught.value)


def test_a_file_that_a_collector_writes(tmp_path: Path) -> None:
    file = tmp_path / "traces.json"
    lines = [json.dumps({"resourceSpans": [each]}) for each in OTLP]
    file.write_text("\n".join([*lines, '{"resourceSpans": [{"res']))  # it is being written
    (answer,) = quick(TraceFile(str(file))).complete([ASKED])
    assert list(map(said, answer.path)) == ["shop v1", "cart v2 by shop"]
    file.write_text("no\nlog\n")
    with pytest.raises(LanesError, match="no OTLP in JSON"):
        quick(TraceFile(str(file))).complete([ASKED])
    with pytest.raises(LanesError, match="cannot be read"):
        quick(TraceFile(str(tmp_path / "none"))).complete([ASKED])


def test_answers_that_show_all_hops_need_no_trace() -> None:
    whole = Answer(200, "", (Step("shop", "v1"),), trace=TRACE)
    assert quick(TraceServer("http://127.0.0.1:1/")).complete([whole]) == [whole]


def otlp(**more: Any) -> list[Span]:
    told = {"traceId": TRACE, "spanId": "1" * 16, "startTimeUnixNano": "5", "endTimeUnixNano": "7"}
    resource = {"scopeSpans": [{"spans": [{**told, **more}]}]}
    return spans_in(json.dumps({"resourceSpans": [resource]}))


def jaeger(**more: Any) -> list[Span]:
    told = {"traceID": TRACE, "spanID": "1" * 16, "startTime": 5, "duration": 2, **more}
    return spans_in(json.dumps({"data": [{"spans": [told]}]}))


WHOLE = Span(TRACE, "1" * 16, "", False, 5, 7)
OF_JAEGER = replace(WHOLE, began=5_000, ended=7_000, attributes={"service.name": ""})
REFERENCES = [{"refType": "FOLLOWS_FROM", "spanID": "3"}, {"refType": "CHILD_OF", "spanID": "4"}]


@pytest.mark.parametrize(
    ("more", "span"),
    [
        ({}, WHOLE),
        *(
            ({"kind": kind}, replace(WHOLE, server=kind not in (1, 3)))
            for kind in (1, 2, 3, 5, "SPAN_KIND_SERVER", "SPAN_KIND_CONSUMER")
        ),
        (
            {"traceId": TRACE.upper(), "parentSpanId": "AB"},
            replace(WHOLE, parent="00000000000000ab"),
        ),
        (
            {"startTimeUnixNano": None, "endTimeUnixNano": None},
            replace(WHOLE, began=0, ended=0),
        ),
    ],
)
def test_every_field_of_a_span(more: Json, span: Span) -> None:
    assert otlp(**more) == [span]


@pytest.mark.parametrize(
    ("more", "span"),
    [
        ({}, OF_JAEGER),
        ({"startTime": None, "duration": None}, replace(OF_JAEGER, began=0, ended=0)),
        ({"parentSpanID": "2"}, replace(OF_JAEGER, parent=f"{2:016}")),
        ({"references": REFERENCES}, replace(OF_JAEGER, parent=f"{4:016}")),
    ],
)
def test_every_field_of_a_span_of_jaegers(more: Json, span: Span) -> None:
    assert jaeger(**more) == [span]


@pytest.mark.parametrize("kind", ["server", "consumer", "client"])
def test_the_kind_of_jaegers_spans_is_a_tag(kind: str) -> None:
    (found,) = jaeger(tags=[{"key": "span.kind", "value": kind}])
    assert found.server is (kind != "client")
    assert found.attributes == {"service.name": "", "span.kind": kind}


@pytest.mark.parametrize("wrong", ["x", "f" * 33, base64.b64encode(b"x" * 15).decode(), 5])
def test_a_span_of_a_wrong_id_is_left_out(wrong: object) -> None:
    assert otlp(traceId=wrong) == jaeger(traceID=wrong) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"stringValue": "a"}, "a"),
        ({"intValue": "503"}, "503"),
        ({"stringValue": "a" * 5_000}, "a" * 4_096),
        (
            {
                "arrayValue": {
                    "values": [{"stringValue": "a"}, {"intValue": 5}, {"stringValue": "b"}]
                }
            },
            "a,b",
        ),
        ({"arrayValue": {"values": []}}, None),
        ({"boolValue": True}, None),
        (5, None),
    ],
)
def test_the_value_of_an_attribute(value: object, text: str | None) -> None:
    (found,) = otlp(attributes=[{"key": "a", "value": value}])
    assert found.attributes == ({} if text is None else {"a": text})


@pytest.mark.parametrize("text", ["{}", '{"data": null, "errors": ["none"]}', '{"batches": []}'])
def test_a_trace_that_is_not_there_has_no_spans(text: str) -> None:
    assert spans_in(text) == []


def test_the_number_of_spans_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lanes.evidence.traces.MOST_SPANS", 2)
    spans = [span(number, 0, "shop v1") for number in range(1, 4)]
    found = spans_in(json.dumps({"resourceSpans": spans}))
    assert [one.id for one in found] == [f"{1:016}", f"{2:016}"]


@pytest.mark.parametrize(
    ("lines", "count"),
    [(["{}", "{", "{}"], None), (["{", "{}"], None), (["{"], None), (["{}", "{"], 0)],
)
def test_only_the_last_line_of_several_may_be_half_written(
    lines: list[str], count: int | None
) -> None:
    if count is None:
        with pytest.raises(TraceFormatError):
            spans_in("\n".join(lines))
    else:
        assert len(spans_in("\n".join(lines))) == count
