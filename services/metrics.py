"""Metrics: counts and times for Prometheus."""

import prometheus_client as prometheus

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MOST_LANES = 32
# Seconds. A hop takes a millisecond or two; a chain that waits ends at its timeout.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """What one process has served and called."""

    def __init__(self, app: str, version: str) -> None:
        self._registry = registry = prometheus.CollectorRegistry()
        prometheus.ProcessCollector(registry=registry)
        prometheus.PlatformCollector(registry=registry)
        about = prometheus.Info("service", "The service.", registry=registry)
        about.info({"app": app, "version": version})

        def times(name: str, what: str, labels: tuple[str, ...]) -> prometheus.Histogram:
            return prometheus.Histogram(name, what, labels, buckets=BUCKETS, registry=registry)

        self._requests = times(
            "http_request_duration_seconds", "Answers by lane and status.", ("lane", "status")
        )
        self._upstreams = times(
            "http_upstream_duration_seconds", "Calls by URL and status.", ("upstream", "status")
        )
        self._refused = prometheus.Counter(
            "http_requests_refused", "Requests beyond those served at once.", registry=registry
        )
        self._lanes: set[str] = set()

    def observe_request(self, lane: str | None, status: int, seconds: float) -> None:
        """Count one answer."""
        self._requests.labels(self._lane_label(lane), status).observe(seconds)

    def observe_refusal(self) -> None:
        """Count a request that was refused since there were too many."""
        self._refused.inc()

    def observe_upstream(self, url: str, status: int, seconds: float) -> None:
        """Count one call."""
        self._upstreams.labels(url, status).observe(seconds)

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return prometheus.generate_latest(self._registry)

    def _lane_label(self, lane: str | None) -> str:
        # Baggage may come from anyone, and each new label value costs memory for good.
        if lane is None or lane in self._lanes:
            return lane or ""
        if len(self._lanes) >= MOST_LANES:
            return "other"
        self._lanes.add(lane)
        return lane
