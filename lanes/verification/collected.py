"""The traces of requests, from Jaeger or Tempo, or from a file that a collector writes."""

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

# The most traces that a server is asked for: more show no more of a lane's path.
_MOST_TRACES = 500
_LARGEST_FILE = 256 * 1024 * 1024
_LIMITS = Limits(body=16 * 1024 * 1024)
# By trace id: Jaeger's version 3, which is OTLP; then what Jaeger and Tempo have in common.
_QUERIES = ("/api/v3/traces/{id}", "/api/traces/{id}")


class _Store(Protocol):
    def spans(self, traces: Iterable[str]) -> Mapping[str, list[Span]]:
        """The spans of these traces so far. Raises LanesError where nothing can be read."""
        ...


@dataclass(frozen=True)
class Traces:
    """The hops that traces tell of. `header`: the baggage member that names the lane, or "".

    Spans come late: the store is asked until all traces are there and none has grown for
    `still_seconds`, or for `patience_seconds`.
    """

    store: _Store
    workloads: Workloads
    header: str
    still_seconds: float = 6.0
    patience_seconds: float = 30.0
    pause_seconds: float = 1.0

    def complete(self, answers: Sequence[Answer]) -> list[Answer]:
        """Raises LanesError where the store can't be read."""
        wanted = [answer.trace for answer in answers if answer.trace and not answer.whole]
        step = max(1, len(wanted) // _MOST_TRACES)
        found = self._settled(wanted[::step][:_MOST_TRACES])
        paths = {trace: path(spans, self.workloads, self.header) for trace, spans in found.items()}
        return [with_hops(answer, paths.get(answer.trace, ())) for answer in answers]

    def _settled(self, traces: Sequence[str]) -> dict[str, list[Span]]:
        found: dict[str, list[Span]] = {}
        began = grown = time.monotonic()
        while traces:
            more = self.store.spans(traces)
            now = time.monotonic()
            if any(len(spans) > len(found.get(trace, ())) for trace, spans in more.items()):
                grown = now
            found.update(more)
            still = now - grown >= self.still_seconds and len(found) == len(traces)
            if still or now - began >= self.patience_seconds:
                break
            time.sleep(self.pause_seconds)
        return found


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
        found = {}
        for trace in traces:
            if spans := [span for span in self._spans(trace) if span.trace == trace]:
                found[trace] = spans
        return found

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
                continue  # of another API
            if spans:
                self._query = query
            return spans
        if statuses and 404 not in statuses:  # which is no such trace yet, or no such API
            raise LanesError(f"--traces {self._address}: status {statuses[0]}")
        return []


@dataclass(frozen=True)
class TraceFile:
    """A file of OTLP's JSON, one document or one a line, such as a collector's file exporter
    writes; it may grow.
    """

    name: str

    def spans(self, traces: Iterable[str]) -> Mapping[str, list[Span]]:
        wanted, found = set(traces), dict[str, list[Span]]()
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
            if span.trace in wanted:
                found.setdefault(span.trace, []).append(span)
        return found


def trace_store(named: str) -> TraceServer | TraceFile:
    """The store that `--traces` names. Raises LanesError for what is neither a file nor a URL."""
    return TraceServer(named) if "://" in named else TraceFile(named)
