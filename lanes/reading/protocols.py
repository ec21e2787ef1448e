"""Tells which ports of a Service carry HTTP, by appProtocol, name and number, as Istio does.

https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
"""

from lanes.reading.kinds.core import ServicePort, ServiceSpec

_HTTP = {"http", "http2", "grpc", "kubernetes.io/h2c", "kubernetes.io/ws"}
_HTTP2 = {"http2", "grpc", "kubernetes.io/h2c"}
_OTHER = {"https", "tls", "tcp", "udp", "mongo", "mysql", "redis", "kubernetes.io/wss"}
# Istio detects no HTTP at these: mail, DNS, MySQL and MongoDB.
_WELL_KNOWN = {25, 53, 3306, 27017}


def carries_http(port: ServicePort) -> bool:
    """Tell whether HTTP rules count for calls to `port`: its protocol is HTTP or not declared."""
    if port.protocol in ("UDP", "SCTP"):
        return False
    declared = says_http(port)
    return port.port not in _WELL_KNOWN if declared is None else declared


# Ports of databases, queues and caches.
_DATABASES = {
    1433: "SQL Server",
    1521: "Oracle",
    2181: "ZooKeeper",
    2379: "etcd",
    3306: "MySQL",
    4222: "NATS",
    5432: "PostgreSQL",
    5672: "AMQP",
    6379: "Redis",
    8529: "ArangoDB",
    9042: "Cassandra",
    9092: "Kafka",
    11211: "memcached",
    26257: "CockroachDB",
    27017: "MongoDB",
}


def database_port(service: ServiceSpec) -> tuple[ServicePort, str] | None:
    """Return the port of a database, queue or cache that a Service has, and its name; or None.

    Such a port has a well-known number and does not declare HTTP. Other ports of the Service, such
    as a metrics exporter's, belong to that database.
    """
    ports = (port for port in service.ports if port.port in _DATABASES and not says_http(port))
    return next(((port, _DATABASES[port.port]) for port in ports), None)


def may_be_hop(service: ServiceSpec, port: ServicePort) -> bool:
    """Tell whether a call to `port` may be a hop: HTTP, and not of a database's Service."""
    return carries_http(port) and database_port(service) is None


def is_guessed(port: ServicePort) -> bool:
    """Tell whether Istio detects the protocol of `port` for each connection."""
    return carries_http(port) and says_http(port) is None


def has_http(service: ServiceSpec) -> bool:
    """Tell whether HTTP rules count for calls to some port; they may if no port is named."""
    return not service.ports or any(map(carries_http, service.ports))


def http_ports(service: ServiceSpec) -> frozenset[int]:
    """Return the ports of a Service that declare HTTP."""
    return frozenset(port.port for port in service.ports if says_http(port))


def says_http(port: ServicePort) -> bool | None:
    """Tell whether a port's appProtocol, or else its name, declares HTTP; None: no protocol."""
    protocol = _protocol(port)
    return protocol in _HTTP if protocol in _HTTP | _OTHER else None


def says_http2(port: ServicePort) -> bool | None:
    """Tell whether a port declares HTTP/2, as gRPC does; None: it does not declare HTTP."""
    return _protocol(port) in _HTTP2 if says_http(port) else None


def _protocol(port: ServicePort) -> str:
    """Return the first part of the appProtocol, or else of the name: "grpc" of grpc-web."""
    return (port.app_protocol or port.name).lower().partition("-")[0]
