"""Which ports of a Service carry HTTP, as Istio tells by appProtocol, name and number.

https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
"""

from lanes.reading.kinds.core import ServicePort

_HTTP = {"http", "http2", "grpc", "grpc-web", "kubernetes.io/h2c", "kubernetes.io/ws"}
_OTHER = {"https", "tls", "tcp", "udp", "mongo", "mysql", "redis", "kubernetes.io/wss"}
# Without a protocol these are taken for mail, names, MySQL and MongoDB, and never looked into.
_WELL_KNOWN = {25, 53, 3306, 27017}


def carries_http(port: ServicePort) -> bool:
    """Whether HTTP rules count for calls to `port`: it says so, or says nothing."""
    said = says_http(port.app_protocol or port.name)
    return port.port not in _WELL_KNOWN if said is None else said


def says_http(protocol: str) -> bool | None:
    """What an appProtocol says, or a port's name where there is none; None: nothing."""
    said = protocol.lower()
    said = "grpc-web" if said.startswith("grpc-web") else said.partition("-")[0]
    return said in _HTTP if said in _HTTP | _OTHER else None
