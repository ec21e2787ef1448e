"""What a Service's port carries, for a service that is to have lanes."""

from typing import Literal

from lanes.reading import kinds
from lanes.reading.protocols import carries_http, is_guessed

Protocol = Literal["http", "http2", "h2c", "grpc", "grpc-web"]
_PROTOCOLS: tuple[Protocol, ...] = ("grpc-web", "grpc", "http2", "h2c", "http")

# Ports without a protocol that are taken for one which no HTTP rule counts for.
_OTHERS = {
    1433: "SQL Server",
    1521: "Oracle",
    2181: "ZooKeeper",
    2379: "etcd",
    4222: "NATS",
    5432: "PostgreSQL",
    5672: "AMQP",
    6379: "Redis",
    9042: "Cassandra",
    9092: "Kafka",
    11211: "memcached",
}


def not_routable(spec: kinds.ServiceSpec) -> str:
    """Return why no port of a Service carries HTTP; "": one does."""
    if any(map(_routable, spec.ports)):
        return ""
    if not spec.ports:
        return "has no port"
    port = spec.ports[0]
    told = f" ({port.name})" if port.name else ""
    known = _OTHERS.get(port.port) if is_guessed(port) else None
    carries = f"is {known}'s" if known else "carries no HTTP"
    return f"port {port.port}{told} {carries}, and lanes route HTTP alone"


def main_port(spec: kinds.ServiceSpec) -> kinds.ServicePort:
    """Return the first port of a Service that says it carries HTTP, or else may."""
    routable = [port for port in spec.ports if _routable(port)]
    return next((port for port in routable if not is_guessed(port)), routable[0])


def protocol_of(port: kinds.ServicePort, pod: kinds.PodSpec) -> Protocol | None:
    """Return what a port carries, by its appProtocol, its name, or a probe; None: nothing says."""
    said = (port.app_protocol or port.name).lower().removeprefix("kubernetes.io/")
    for protocol in _PROTOCOLS:
        if said == protocol or said.startswith(f"{protocol}-"):
            return protocol
    if said == "ws":
        return "http"
    probes = (one.readiness_probe for one in pod.containers if one.readiness_probe)
    return "grpc" if any(probe.grpc for probe in probes) else None


def _routable(port: kinds.ServicePort) -> bool:
    return carries_http(port) and not (is_guessed(port) and port.port in _OTHERS)
