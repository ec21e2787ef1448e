"""Which ports of a Service carry HTTP, as Istio tells by appProtocol, name and number.

https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
"""

from lanes.reading.kinds.core import ServicePort, ServiceSpec

_HTTP = {"http", "http2", "grpc", "kubernetes.io/h2c", "kubernetes.io/ws"}
_HTTP2 = {"http2", "grpc", "kubernetes.io/h2c"}
_OTHER = {"https", "tls", "tcp", "udp", "mongo", "mysql", "redis", "kubernetes.io/wss"}
# Without a protocol these are taken for mail, names, MySQL and MongoDB, and never looked into.
_WELL_KNOWN = {25, 53, 3306, 27017}


def carries_http(port: ServicePort) -> bool:
    """Tell whether HTTP rules count for calls to `port`: it says so, or says nothing."""
    if port.protocol in ("UDP", "SCTP"):
        return False
    said = says_http(port)
    return port.port not in _WELL_KNOWN if said is None else said


# What databases, queues and caches listen at.
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
    """Return the port of a Service that is a database's, queue's or cache's, and which; or None.

    It says no HTTP and has the number of one. What else the Service listens at, such as an exporter
    of metrics, is that database's as well.
    """
    ports = (port for port in service.ports if port.port in _DATABASES and not says_http(port))
    return next(((port, _DATABASES[port.port]) for port in ports), None)


def may_be_hop(service: ServiceSpec, port: ServicePort) -> bool:
    """Tell whether a call to `port` is taken for one to a service, and not to a database."""
    return carries_http(port) and database_port(service) is None


def is_guessed(port: ServicePort) -> bool:
    """Tell whether Istio finds out by each connection what `port` carries."""
    return carries_http(port) and says_http(port) is None


def has_http(service: ServiceSpec) -> bool:
    """Tell whether HTTP rules count for any calls to a Service; one without ports may get some."""
    return not service.ports or any(map(carries_http, service.ports))


def http_ports(service: ServiceSpec) -> frozenset[int]:
    """Return the ports of a Service that say that they carry HTTP."""
    return frozenset(port.port for port in service.ports if says_http(port))


def says_http(port: ServicePort) -> bool | None:
    """Return what a port's appProtocol says, or its name where there is none; None: nothing."""
    said = _said(port)
    return said in _HTTP if said in _HTTP | _OTHER else None


def says_http2(port: ServicePort) -> bool | None:
    """Return whether a port says that it carries HTTP/2, as gRPC does; None: it says no HTTP."""
    return _said(port) in _HTTP2 if says_http(port) else None


def _said(port: ServicePort) -> str:
    """Return what its appProtocol, or its name, begins with: grpc-web is as grpc."""
    return (port.app_protocol or port.name).lower().partition("-")[0]
