"""Evidence from traces: of Jaeger or Tempo, or of a file that a collector writes."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from lanes.errors import LanesError
from lanes.evidence.source import with_hops
from lanes.evidence.spans import Span, path
from lanes.evidence.steps import Answer
from lanes.evidence.traces import TraceFormatError, spans_in
from lanes.evidence.workloads import Workloads
from lanes.printable import without_credentials
from lanes.verification.gateway import Gateway
from lanes.verification.http_client import HttpClient, Limits, NoResponseError

# The most traces to read: more show no more of a lane's path.
_MOST_TRACES = 500
_LARGEST_FILE = 256 * 1024 * 1024
_LIMITS = Limits(body=16 * 1024 * 1024)
# Queries by trace id: Jaeger's version 3, which returns OTLP; then that of older Jaeger and Tempo.
_QUERIES = ("/api/v3/traces/{id}", "/api/traces/{id}")


class _Store(Protocol):
    def spans(self, traces: Iterable[str]) -> Mapping[str, list[Span]]:
        """Return the spans of these traces so far. Raises LanesError if the store can't be read."""
        ...


@dataclass(frozen=True)
class Traces:
    """The hops that traces show. `header`: the baggage member that names the lane, or "".

    Spans come late. The store is read until all traces are there and none has grown for
    `still_seconds`, but no longer than `patience_seconds`.
    """

    store: _Store
    workloads: Workloads
    header: str
    still_seconds: float = 6.0
    patience_seconds: float = 30.0
    pause_seconds: float = 1.0

    def complete(self, answers: Sequence[Answer]) -> list[Answer]:
        """Complete the answers. Raises LanesError if the store can't be read."""
        wanted = [answer.trace for answer in answers if answer.trace and not answer.whole]
        step = max(1, len(wanted) // _MOST_TRACES)
        by_trace = self._settled(wanted[::step][:_MOST_TRACES])
        paths = {
            trace: path(spans, self.workloads, self.header) for trace, spans in by_trace.items()
        }
        return [with_hops(answer, paths.get(answer.trace, ())) for answer in answers]

    def _settled(self, traces: Sequence[str]) -> dict[str, list[Span]]:
        """Return the spans of each trace, once they come no more."""
        known: dict[str, list[Span]] = {}
        began = grown = time.monotonic()
        while traces:
            latest = self.store.spans(traces)
            now = time.monotonic()
            if any(len(spans) > len(known.get(trace, ())) for trace, spans in latest.items()):
                grown = now
            known.update(latest)
            still = now - grown >= self.still_seconds and len(known) == len(traces)
            if still or now - began >= self.patience_seconds:
                break
            time.sleep(self.pause_seconds)
        return known


@dataclass
class TraceServer:
    """The query API of Jaeger or Tempo at a URL, such as http://jaeger-query:16686."""

    url: str = field(repr=False)
    _query: str = field(default="", init=False)

    def __post_init__(self) -> None:
        try:
            gateway = Gateway(self.url)
        except LanesError:
            raise LanesError(
                f"--traces {without_credentials(self.url)}: not a file, and not a URL such as"
                " http://tempo:3200"
            ) from None
        self._parts, self._address = gateway.parts, gateway.address
        self._http = HttpClient(gateway.place, _LIMITS)

    def spans(self, traces: Iterable[str]) -> Mapping[str, list[Span]]:
        by_trace = {}
        for trace in traces:
            if spans := [span for span in self._spans(trace) if span.trace == trace]:
                by_trace[trace] = spans
        return by_trace

    def _spans(self, trace: str) -> list[Span]:
        statuses = []
        for query in (self._query,) if self._query else _QUERIES:
            target = self._parts.path.rstrip("/") + query.format(id=trace)
            headers = {"Host": self._parts.authority, "Accept": "application/json"}
            if self._parts.credentials:
                headers["Authorization"] = f"Basic {self._parts.credentials}"
            try:
                response = self._http.request("GET", target, headers)
            except NoResponseError as reason:
                raise LanesError(f"--traces {self._address}: no answer: {reason}") from None
            if response.status != 200:
                statuses.append(response.status)
                continue
            try:
                spans = spans_in(response.body)
            except TraceFormatError:
                continue  # another API's answer
            if spans:
                self._query = query
            return spans
        if statuses and 404 not in statuses:  # 404: the trace is not there yet, or the API never
            raise LanesError(f"--traces {self._address}: status {statuses[0]}")
        return []


@dataclass(frozen=True)
class TraceFile:
    """A file of OTLP's JSON, one document or one a line, as a collector's file exporter writes."""

    name: str

    def spans(self, traces: Iterable[str]) -> Mapping[str, list[Span]]:
        by_trace: dict[str, list[Span]] = {trace: [] for trace in traces}
        try:
            with Path(self.name).open("rb") as file:
                text = file.read(_LARGEST_FILE + 1)
            if len(text) > _LARGEST_FILE:
                raise LanesError(f"--traces {self.name}: larger than {_LARGEST_FILE >> 20} MiB")
            spans = spans_in(text) if text.strip() else []
        except OSError as error:
            raise LanesError(f"--traces {self.name}: cannot be read: {error.strerror}") from None
        except TraceFormatError as error:
            raise LanesError(f"--traces {self.name}: no OTLP in JSON: {error}") from None
        for span in spans:
            if span.trace in by_trace:
                by_trace[span.trace].append(span)
        return {trace: found for trace, found in by_trace.items() if found}


def trace_store(name: str) -> TraceServer | TraceFile:
    """Return the store that `--traces` names. Raises LanesError for a malformed URL."""
    return TraceServer(name) if "://" in name else TraceFile(name)
