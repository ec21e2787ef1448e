"""Lanes under the OpenTelemetry Operator: its packages precede the image's own.

The tests run real processes with the chart's own Instrumentation, and every version of the packages
that the files in helm/opentelemetry-operator install.
"""

from urllib.parse import unquote_plus

import pytest

from services.telemetry import LANES_LOST
from tests.chart.rendering import Values, render
from tests.injection.operator_pod import (
    container_environ,
    image_environ,
    injected_version,
    operator_environ,
    packages,
    without_pkg_resources,
)
from tests.unit.services.conftest import Serve, Service, Start, get, get_json, reply

GUIDE = injected_version("values-asm.yaml")
UPSTREAM = injected_version("values-upstream.yaml")
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
HEADERS = {
    "baggage": "userId=alice,version=v2",
    "traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-00",
}
NOWHERE: Values = {"collector": "http://127.0.0.1:9"}
TRACED: Values = {**NOWHERE, "propagators": ["tracecontext", "baggage"]}


@pytest.mark.parametrize(
    ("version", "before", "values"),
    [
        pytest.param(GUIDE, True, {}, id="the guide's"),
        pytest.param(GUIDE, True, NOWHERE, id="the guide's, with a collector that is not there"),
        pytest.param(UPSTREAM, False, {}, id="upstream's"),
        pytest.param(UPSTREAM, False, NOWHERE, id="upstream's, with a collector that is not there"),
        pytest.param(UPSTREAM, True, NOWHERE, id="upstream's packages by the guide's operator"),
    ],
)
def test_lanes_cross_two_hops(
    version: str, before: bool, values: Values, start: Start, serve: Serve
) -> None:
    environ = operator_environ(packages(version), values, before)
    end = serve(reply(200, "-> end"))
    second = start(app="mockb", upstream_url=end.url, **environ)
    first = start(app="mocka", upstream_url=second.url, **environ)
    mocka = get_json(first.url, HEADERS).tree
    (mockb,) = mocka["upstreams"]
    assert (mocka["status"], mocka["lane"], mockb["lane"]) == (200, "v2", "v2")
    assert mocka["instrumentation"] == mockb["instrumentation"] == f"injected {version}"
    (arrived,) = end.requests
    members = {unquote_plus(member) for member in arrived["baggage"].split(",")}
    assert members == {"userId=alice", "version=v2"}
    for service in (first, second):
        assert service.manage("readyz").body == f"ready\ninstrumentation: injected {version}\n"
        assert LANES_LOST not in service.text


@pytest.mark.parametrize(("version", "before"), [(GUIDE, True), (UPSTREAM, False)])
def test_the_packages_in_force_are_the_injected_ones(
    version: str, before: bool, start: Start, serve: Serve
) -> None:
    # Only the injected propagators are asked for, and only the injected ones know this one.
    values = {**NOWHERE, "propagators": ["b3multi", "baggage"]}
    environ = operator_environ(packages(version), values, before)
    end = serve(reply(200, "-> end"))
    service = start(upstream_url=end.url, **environ)
    assert get(service.url, HEADERS).status == 200
    (arrived,) = end.requests
    assert arrived["x-b3-traceid"]
    assert arrived["traceparent"] is None


@pytest.mark.parametrize(("version", "before"), [(GUIDE, True), (UPSTREAM, False)])
def test_the_trace_crosses_too_when_it_is_propagated(
    version: str, before: bool, start: Start, serve: Serve
) -> None:
    environ = operator_environ(packages(version), TRACED, before)
    end = serve(reply(200, "-> end"))
    service = start(upstream_url=end.url, **environ)
    assert get(service.url, HEADERS).status == 200
    (arrived,) = end.requests
    assert arrived["traceparent"].split("-")[1] == TRACE_ID
    (entry,) = [line for line in service.text.splitlines() if '"GET /"' in line]
    assert TRACE_ID in entry


def is_loud(service: Service) -> None:
    ready = service.manage("readyz")
    lost = f"ready\ninstrumentation: none\nwarning: {LANES_LOST}\n"
    assert (ready.status, ready.body) == (200, lost)
    assert LANES_LOST in service.text


def test_a_broken_injection_serves_on_and_says_that_lanes_are_lost(
    start: Start, serve: Serve
) -> None:
    broken = without_pkg_resources(packages(GUIDE))
    end = serve(reply(200, "-> end"))
    service = start(upstream_url=end.url, **operator_environ(broken, {}, before=True))
    answer = get_json(service.url, HEADERS)
    assert (answer.status, answer.tree["lane"]) == (200, "")
    assert end.requests[0]["baggage"] is None
    assert "No module named 'pkg_resources'" in service.text
    is_loud(service)


def test_mode_none_serves_and_says_that_lanes_are_lost(start: Start, serve: Serve) -> None:
    environ = {
        **image_environ(),
        **container_environ(render({"instrumentation": {"mode": "none"}})),
    }
    end = serve(reply(200, "-> end"))
    service = start(upstream_url=end.url, **environ)
    answer = get_json(service.url, HEADERS)
    assert (answer.status, answer.tree["lane"]) == (200, "")
    assert end.requests[0]["baggage"] is None
    is_loud(service)
