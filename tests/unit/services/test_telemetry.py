"""OpenTelemetry's defaults: nothing is exported unless someone is there to receive it."""

import sys
from types import ModuleType

import pytest

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
