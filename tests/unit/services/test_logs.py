"""Log records are one line of JSON each."""

import json
import logging
import sys
from pathlib import PurePath
from typing import Any

import pytest
from opentelemetry import trace

from services.logs import JsonFormatter, configure


def formatted(record: logging.LogRecord) -> Any:
    line = JsonFormatter().format(record)
    assert "\n" not in line
    return json.loads(line)


def test_a_record_with_data() -> None:
    record = logging.makeLogRecord(
        {
            "name": "services.app",
            "levelname": "INFO",
            "msg": "GET %s",
            "args": ("/",),
            "created": 1_700_000_000.25,
            "data": {"lane": "v2", "status": 200, "at": PurePath("x")},
        }
    )
    assert formatted(record) == {
        "time": "2023-11-14T22:13:20.250+00:00",
        "level": "info",
        "logger": "services.app",
        "message": "GET /",
        "lane": "v2",
        "status": 200,
        "at": "x",
    }


def test_a_record_of_a_request_has_its_trace_id() -> None:
    span = trace.NonRecordingSpan(trace.SpanContext(0xAF76, 1, is_remote=True))
    with trace.use_span(span):
        entry = formatted(logging.makeLogRecord({"msg": "GET /"}))
    assert entry["trace_id"] == "0000000000000000000000000000af76"


def test_a_traceback_stays_on_the_line() -> None:
    try:
        raise RuntimeError("first\nsecond")
    except RuntimeError:
        record = logging.makeLogRecord({"msg": "a\nb", "exc_info": sys.exc_info()})
    entry = formatted(record)
    assert entry["message"] == "a\nb"
    assert entry["exception"].endswith("RuntimeError: first\nsecond")


def test_every_loggers_records_from_a_level_on_go_to_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [logging.NullHandler()])
    level = root.level
    try:
        configure("error")
        logging.getLogger("any").error("heard")
        logging.getLogger("any").warning("not heard")
    finally:
        root.setLevel(level)
    output, errors = capsys.readouterr()
    assert (json.loads(output)["message"], errors) == ("heard", "")
