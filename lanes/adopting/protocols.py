"""What a Service's port carries, for a service that is to have lanes."""

from typing import Literal

from lanes.reading import kinds
from lanes.reading.protocols import carries_http, database_port, is_guessed

Protocol = Literal["http", "http2", "h2c", "grpc", "grpc-web"]
_PROTOCOLS: tuple[Protocol, ...] = ("grpc-web", "grpc", "http2", "h2c", "http")


def not_routable(spec: kinds.ServiceSpec) -> str:
    """Return why no port of a Service is for a lane's requests; "": one is."""
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
    """Return the first port of a Service that says it carries HTTP, or else may."""
    routable = [port for port in spec.ports if carries_http(port)]
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
