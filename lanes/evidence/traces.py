"""Parses the traces of backends and collectors: JSON of OTLP, and of Jaeger's query API.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
https://www.jaegertracing.io/docs/2.0/apis/
https://grafana.com/docs/tempo/latest/api_docs/#query
"""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any

from lanes.evidence.spans import Span

Json = Mapping[str, Any]

# The most spans to read, and the most characters of a value to keep.
MOST_SPANS, _LONGEST = 100_000, 4_096
_SERVER = ("SPAN_KIND_SERVER", 2, "server", "SPAN_KIND_CONSUMER", 5)


class TraceFormatError(ValueError):
    """The text is not a trace in a known format."""


def spans_in(text: str | bytes) -> list[Span]:
    """Return the spans of one JSON document, or of one a line. Malformed spans are left out.

    Raises TraceFormatError for a document that is neither OTLP's nor Jaeger's.
    """
    documents = list(_documents(text))
    spans = (span for document in documents for span in _spans(document))
    return list(islice(spans, MOST_SPANS))


def _documents(text: str | bytes) -> Iterator[object]:
    try:
        yield json.loads(text)
        return
    except RecursionError:
        raise TraceFormatError("it is nested too deep") from None
    except ValueError:
        lines = [line for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines, start=1):
        try:
            yield json.loads(line)
        except (ValueError, RecursionError):
            if not 1 < number == len(lines):  # the last line may be half written
                raise TraceFormatError("it is no JSON") from None


def _spans(document: object) -> Iterator[Span]:
    if not isinstance(document, dict):
        raise TraceFormatError("it is no object")
    trace: Json = document
    for wrapper in ("result", "trace"):  # Jaeger's version 3, Tempo's version 2
        trace = _object(trace.get(wrapper)) or trace
    if isinstance(trace.get("data"), list):
        return _of_jaeger(trace["data"])
    for name in ("resourceSpans", "batches"):
        if isinstance(trace.get(name), list):
            return _of_otlp(trace[name])
    if not trace or trace.get("data", 0) is None:
        return iter(())
    raise TraceFormatError("it has neither resourceSpans, batches nor data")


def _of_otlp(resources: list[Any]) -> Iterator[Span]:
    for resource in _objects(resources):
        shared = _otlp_attributes(_object(resource.get("resource")).get("attributes"))
        for scope in _objects(resource.get("scopeSpans")):
            for span in _objects(scope.get("spans")):
                with suppress(ValueError, TypeError, KeyError):
                    yield Span(
                        _id(span["traceId"], 16),
                        _id(span["spanId"], 8),
                        _id(span.get("parentSpanId") or "", 8),
                        span.get("kind") in _SERVER,
                        int(span.get("startTimeUnixNano") or 0),
                        int(span.get("endTimeUnixNano") or 0),
                        {**shared, **_otlp_attributes(span.get("attributes"))},
                    )


def _of_jaeger(traces: list[Any]) -> Iterator[Span]:
    for trace in _objects(traces):
        processes = _object(trace.get("processes"))
        for span in _objects(trace.get("spans")):
            with suppress(ValueError, TypeError, KeyError):
                process = _object(processes.get(str(span.get("processID"))))
                tags = _jaeger_tags(process.get("tags"))
                own = _jaeger_tags(span.get("tags"))
                began = int(span.get("startTime") or 0) * 1000
                yield Span(
                    _id(span["traceID"], 16),
                    _id(span["spanID"], 8),
                    _jaeger_parent(span),
                    own.get("span.kind") in ("server", "consumer"),
                    began,
                    began + int(span.get("duration") or 0) * 1000,
                    {"service.name": str(process.get("serviceName", "")), **tags, **own},
                )


def _jaeger_parent(span: Json) -> str:
    """Return the id of the span's parent; "" for none."""
    for reference in _objects(span.get("references")):
        if reference.get("refType") == "CHILD_OF":
            return _id(reference.get("spanID") or "", 8)
    return _id(span.get("parentSpanID") or "", 8)


def _otlp_attributes(listed: object) -> dict[str, str]:
    attributes = {}
    for attribute in _objects(listed):
        value = _object(attribute.get("value"))
        text = next((value[name] for name in ("stringValue", "intValue") if name in value), None)
        if text is None:  # a header is recorded as a list of its lines
            values = _list(_object(value.get("arrayValue")).get("values"))
            lines = [_object(each).get("stringValue") for each in values]
            text = ",".join(line for line in lines if isinstance(line, str)) if lines else None
        if text is not None:
            attributes[str(attribute.get("key"))] = str(text)[:_LONGEST]
    return attributes


def _jaeger_tags(listed: object) -> dict[str, str]:
    tags = _objects(listed)
    return {str(tag.get("key")): str(tag.get("value"))[:_LONGEST] for tag in tags}


def _id(text: object, size: int) -> str:
    """Return an id in hexadecimal; "" for none. Raises ValueError for a malformed id.

    Tempo writes ids in base64; Jaeger leaves leading zeros out.
    """
    if not isinstance(text, str):
        raise ValueError("an id is a text")
    if not text:
        return ""
    if len(text) <= 2 * size and set(text.lower()) <= set("0123456789abcdef"):
        return text.lower().rjust(2 * size, "0")
    try:
        decoded = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("an id is hexadecimal or base64") from None
    if len(decoded) != size:
        raise ValueError("an id of another length")
    return decoded.hex()


def _objects(listed: object) -> Iterator[Json]:
    return (each for each in _list(listed) if isinstance(each, dict))


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
