"""Counts and times for Prometheus."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MOST_LANES = 32
# Seconds. A hop takes a millisecond or two; a chain that waits ends at its timeout.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """What one process has served and called."""

    def __init__(self, app: str, version: str) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        Gauge(
            "service_info", "The service, always 1.", ["app", "version"], registry=self._registry
        ).labels(app, version).set(1)
        self._requests = Histogram(
            "http_request_duration_seconds",
            "Answers of / by lane and status.",
            ["lane", "status"],
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._upstreams = Histogram(
            "http_upstream_duration_seconds",
            "Calls by upstream URL and status.",
            ["upstream", "status"],
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._refused = Counter(
            "http_requests_refused",
            "Requests that found all threads busy and the line full.",
            registry=self._registry,
        )
        self._lanes: set[str] = set()

    def observe_request(self, lane: str | None, status: int, seconds: float) -> None:
        """Count one answer of ``/``."""
        self._requests.labels(self._lane_label(lane), status).observe(seconds)

    def observe_refusal(self) -> None:
        """Count a request that was refused for there were too many."""
        self._refused.inc()

    def observe_upstream(self, url: str, status: int, seconds: float) -> None:
        """Count one call."""
        self._upstreams.labels(url, status).observe(seconds)

    def exposition(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)

    def _lane_label(self, lane: str | None) -> str:
        # Baggage may come from anyone, and each new label value costs memory for good.
        if lane is None or lane in self._lanes:
            return lane or ""
        if len(self._lanes) >= MOST_LANES:
            return "other"
        self._lanes.add(lane)
        return lane
