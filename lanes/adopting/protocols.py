"""Finds the port of a Service for lanes, and its protocol."""

from typing import Literal

from lanes.reading import kinds
from lanes.reading.protocols import carries_http, database_port, is_guessed

Protocol = Literal["http", "http2", "h2c", "grpc", "grpc-web"]
_PROTOCOLS: tuple[Protocol, ...] = ("grpc-web", "grpc", "http2", "h2c", "http")


def not_routable(spec: kinds.ServiceSpec) -> str:
    """Return why no port of a Service can have lanes; "" if one can."""
    if not spec.ports:
        return "has no port"
    if found := database_port(spec):
        port, owner = found
        return f"port {port.port}{_named(port)} is {owner}'s, and lanes route HTTP alone"
    if any(map(carries_http, spec.ports)):
        return ""
    port = spec.ports[0]
    return f"port {port.port}{_named(port)} carries no HTTP, and lanes route HTTP alone"


def _named(port: kinds.ServicePort) -> str:
    return f" ({port.name})" if port.name else ""


def main_port(spec: kinds.ServiceSpec) -> kinds.ServicePort:
    """Return the first port that names an HTTP protocol; without one, the first that may."""
    routable = [port for port in spec.ports if carries_http(port)]
    return next((port for port in routable if not is_guessed(port)), routable[0])


def protocol_of(port: kinds.ServicePort, pod: kinds.PodSpec) -> Protocol | None:
    """Return a port's protocol, by its appProtocol, its name, or a probe; None if unknown."""
    name = (port.app_protocol or port.name).lower().removeprefix("kubernetes.io/")
    for protocol in _PROTOCOLS:
        if name == protocol or name.startswith(f"{protocol}-"):
            return protocol
    if name == "ws":
        return "http"
    probes = (container.readiness_probe for container in pod.containers)
    return "grpc" if any(probe and probe.grpc for probe in probes) else None
