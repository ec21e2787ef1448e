"""Logs: one JSON object a line on standard output, for everything in the process."""

import json
import logging
import sys
from datetime import UTC, datetime

from opentelemetry import trace


class JsonFormatter(logging.Formatter):
    """A record as one line, with the trace id while a request is served, and ``extra["data"]``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON, without a line break also when it carries a traceback."""
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
    """Send every logger's records of ``level`` and above to standard output."""
    logging.basicConfig(stream=sys.stdout, level=level.upper(), force=True)
    logging.getLogger().handlers[0].setFormatter(JsonFormatter())
