"""Traces: the gateway starts or continues them, and exports them to a collector by OTLP."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from lanes.envoy.parts import Json, address, typed
from lanes.errors import LanesError
from lanes.printable import without_credentials

_CLUSTER = "collector"


@dataclass(frozen=True)
class Collector:
    """A collector of traces, by OTLP over HTTP."""

    host: str
    port: int
    path: str  # before /v1/traces, without a slash at the end

    @classmethod
    def of(cls, url: str) -> Self:
        """Read http://HOST:PORT. Raises LanesError for any other kind of URL."""
        try:
            parts = urlsplit(url)
            if (
                parts.scheme == "http"
                and parts.hostname
                and not (parts.query or "@" in parts.netloc)
            ):
                return cls(parts.hostname, parts.port or 80, parts.path.rstrip("/"))
        except ValueError:
            pass
        shown = without_credentials(url)
        raise LanesError(f"--collector {shown}: not a URL of OTLP over HTTP, http://127.0.0.1:4318")

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}{self.path}"


def tracing(collector: Collector | None) -> Json:
    """Return the connection manager's tracing; {} without a collector."""
    if collector is None:
        return {}
    uri = {"uri": f"{collector.url}/v1/traces", "cluster": _CLUSTER, "timeout": "2s"}
    provider = typed(
        "envoy.tracers.opentelemetry",
        "config.trace.v3.OpenTelemetryConfig",
        service_name="gateway",
        http_service={"http_uri": uri},
    )
    return {"tracing": {"provider": provider}}


def collector_clusters(collector: Collector | None) -> list[Json]:
    """Return the cluster of the collector, if there is one."""
    if collector is None:
        return []
    endpoint = {"endpoint": {"address": address(collector.host, collector.port)}}
    return [
        {
            "name": _CLUSTER,
            "type": "STRICT_DNS",
            "connect_timeout": "1s",
            "load_assignment": {
                "cluster_name": _CLUSTER,
                "endpoints": [{"lb_endpoints": [endpoint]}],
            },
        }
    ]
