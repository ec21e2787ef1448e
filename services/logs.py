"""Logging for the whole process: one JSON object per line on standard output."""

import json
import logging
import sys
from datetime import UTC, datetime

from opentelemetry import trace


class JsonFormatter(logging.Formatter):
    """Formats a record as JSON, with the fields of ``extra["data"]`` and a request's trace id."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line, even if it has a traceback."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            entry["trace_id"] = trace.format_trace_id(span.trace_id)
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry | getattr(record, "data", {}), default=str)


def configure(level: str) -> None:
    """Write all loggers' records of ``level`` and above to standard output."""
    logging.basicConfig(stream=sys.stdout, level=level.upper(), force=True)
    logging.getLogger().handlers[0].setFormatter(JsonFormatter())
