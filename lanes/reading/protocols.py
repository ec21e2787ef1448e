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
    said = (port.app_protocol or port.name).lower()
    said = "grpc-web" if said.startswith("grpc-web") else said.partition("-")[0]
    if said in _HTTP | _OTHER:
        return said in _HTTP
    return port.port not in _WELL_KNOWN
