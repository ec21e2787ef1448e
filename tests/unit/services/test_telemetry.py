"""OpenTelemetry's defaults, and the check of propagation."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import flask
import pytest
from opentelemetry import baggage, propagate
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.instrumentation import version
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.metrics import Meter, NoOpMeter, NoOpMeterProvider

from services import telemetry

NOTHING_EXPORTED = {
    "OTEL_SERVICE_NAME": "mocka",
    "OTEL_PROPAGATORS": "tracecontext,baggage",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "2",
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
    "OTEL_TRACES_SAMPLER": "parentbased_always_off",
}


def test_without_a_collector_nothing_is_exported() -> None:
    assert telemetry.defaults({}, "mocka") == NOTHING_EXPORTED


def test_with_a_collector_the_exporters_are_the_sdks_own() -> None:
    chosen = telemetry.defaults({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, "mocka")
    assert not {name for name in chosen if name.endswith(("_EXPORTER", "_SAMPLER"))}


def test_a_collector_for_traces_alone_gets_traces_alone() -> None:
    environ = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}
    chosen = telemetry.defaults(environ, "mocka")
    exporters = {name: value for name, value in chosen.items() if name.endswith("_EXPORTER")}
    assert exporters == {"OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}
    assert "OTEL_TRACES_SAMPLER" not in chosen


@pytest.mark.parametrize("name", NOTHING_EXPORTED)
def test_what_the_environment_says_stays(name: str) -> None:
    assert name not in telemetry.defaults({name: "chosen"}, "mocka")


def test_spans_are_sampled_as_usual_when_an_exporter_is_chosen() -> None:
    chosen = telemetry.defaults({"OTEL_TRACES_EXPORTER": "console"}, "mocka")
    assert "OTEL_TRACES_SAMPLER" not in chosen


@pytest.mark.parametrize(
    ("file", "outside"),
    [
        ("/opt/opentelemetry/instrumentation/auto_instrumentation/sitecustomize.py", True),
        ("/usr/lib/python3/sitecustomize.py", False),
        (None, False),
    ],
)
def test_instrumentation_from_outside_is_told_from_a_distributions_own_customizing(
    file: str | None, outside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("sitecustomize")
    module.__file__ = file
    monkeypatch.setitem(sys.modules, "sitecustomize", module)
    assert telemetry.started_from_outside() is outside


INSTRUMENTORS: dict[str, Any] = {"flask": FlaskInstrumentor(), "requests": RequestsInstrumentor()}


@pytest.fixture
def instrumented(request: pytest.FixtureRequest) -> Iterator[None]:
    """Add instrumentations by name to this process, with propagation of baggage."""
    before = propagate.get_global_textmap()
    propagate.set_global_textmap(W3CBaggagePropagator())
    for name in request.param:
        INSTRUMENTORS[name].instrument()
    yield
    for name in request.param:
        INSTRUMENTORS[name].uninstrument()
    propagate.set_global_textmap(before)


@pytest.mark.usefixtures("instrumented")
@pytest.mark.parametrize(
    ("instrumented", "passes"),
    [(["flask", "requests"], True), (["flask"], False), (["requests"], False), ([], False)],
    indirect=["instrumented"],
)
def test_lanes_pass_where_both_sides_are_instrumented(passes: bool) -> None:
    assert telemetry.baggage_passes("version") is passes
    assert baggage.get_all() == {}


def test_a_check_that_fails_is_logged_as_lost_lanes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(telemetry.Loopback, "send")
    assert not telemetry.baggage_passes("version")
    assert caplog.messages == ["the check of baggage propagation failed"]


PACKAGES = str(Path(version.__file__).parents[2])


@pytest.mark.usefixtures("instrumented")
@pytest.mark.parametrize(
    ("instrumented", "packages", "whose"),
    [
        (["requests"], PACKAGES, f"own {version.__version__}"),
        (["requests"], "/elsewhere", f"injected {version.__version__}"),
        (["flask"], PACKAGES, "none"),
    ],
    indirect=["instrumented"],
)
def test_whose_instrumentation_is_in_force(
    packages: str, whose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sysconfig.get_path", {"purelib": packages}.get)
    assert telemetry.active_instrumentation() == whose


@pytest.mark.usefixtures("instrumented")
@pytest.mark.parametrize(
    ("instrumented", "exporter", "unmeasured"),
    [
        (["flask", "requests"], "none", {"flask", "requests"}),
        (["flask"], "none", {"flask"}),
        (["flask", "requests"], "console", set()),
    ],
    indirect=["instrumented"],
)
def test_nothing_is_measured_that_nobody_reads(
    exporter: str, unmeasured: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    meters = set()

    def get_meter(_: NoOpMeterProvider, name: str, *__: object) -> Meter:
        meters.add(name.rpartition(".")[2])
        return NoOpMeter(name)

    monkeypatch.setattr(NoOpMeterProvider, "get_meter", get_meter)
    monkeypatch.setattr("opentelemetry.instrumentation.auto_instrumentation.initialize", list)
    monkeypatch.setattr(os, "environ", {"OTEL_METRICS_EXPORTER": exporter})
    telemetry.start("mocka", "version")
    flask.Flask("any")
    assert meters == unmeasured
