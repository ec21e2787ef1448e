"""What the ports of Services carry, as Istio tells it."""

import pytest

from lanes.reading import protocols
from lanes.reading.kinds.core import ServicePort, ServiceSpec

NUMBERED = {"port": 8000}


@pytest.mark.parametrize(
    ("said", "http", "http2"),
    [
        ({}, None, None),
        ({"name": "http"}, True, False),
        ({"name": "HTTP-web"}, True, False),
        ({"name": "http2"}, True, True),
        ({"name": "grpc-a"}, True, True),
        ({"name": "grpc-web"}, True, True),
        ({"name": "grpc-web-a"}, True, True),
        ({"appProtocol": "kubernetes.io/h2c"}, True, True),
        ({"appProtocol": "kubernetes.io/ws"}, True, False),
        ({"appProtocol": "kubernetes.io/wss"}, False, None),
        ({"appProtocol": "tcp", "name": "http"}, False, None),
        ({"appProtocol": "http", "name": "tcp"}, True, False),
        *(
            ({"name": name}, False, None)
            for name in ("https", "tls-a", "tcp", "udp", "mongo", "mysql", "redis")
        ),
        ({"name": "web"}, None, None),
    ],
)
def test_what_a_port_says(said: dict[str, str], http: bool | None, http2: bool | None) -> None:
    port = ServicePort.model_validate({**NUMBERED, **said})
    assert (protocols.says_http(port), protocols.says_http2(port)) == (http, http2)


@pytest.mark.parametrize(
    ("given", "carries", "guessed"),
    [
        ({"port": 80}, True, True),
        ({"port": 80, "name": "http"}, True, False),
        ({"port": 80, "name": "tcp"}, False, False),
        ({"port": 53}, False, False),
        ({"port": 3306}, False, False),
        ({"port": 3306, "name": "http"}, True, False),
        ({"port": 5432}, True, True),
        ({"port": 80, "protocol": "UDP", "name": "http"}, False, False),
        ({"port": 80, "protocol": "SCTP"}, False, False),
    ],
)
def test_where_rules_of_http_count(given: dict[str, object], carries: bool, guessed: bool) -> None:
    port = ServicePort.model_validate(given)
    assert (protocols.carries_http(port), protocols.is_guessed(port)) == (carries, guessed)


@pytest.mark.parametrize("number", [25, 53, 3306, 27017])
def test_ports_that_istio_does_not_look_into(number: int) -> None:
    assert not protocols.carries_http(ServicePort(port=number))
    assert protocols.carries_http(ServicePort(port=number, name="http"))


DATABASES = (
    "1433 SQL Server, 1521 Oracle, 2181 ZooKeeper, 2379 etcd, 3306 MySQL, 4222 NATS"
    ", 5432 PostgreSQL, 5672 AMQP, 6379 Redis, 8529 ArangoDB, 9042 Cassandra, 9092 Kafka"
    ", 11211 memcached, 26257 CockroachDB, 27017 MongoDB"
)


def test_ports_of_databases() -> None:
    for number, _, name in (one.partition(" ") for one in DATABASES.split(", ")):
        port = ServicePort(port=int(number))
        spec = ServiceSpec(ports=[ServicePort(port=80), port])
        assert protocols.database_port(spec) == (port, name)
        assert protocols.database_port(ServiceSpec(ports=[ServicePort(port=port.port - 1)])) is None


@pytest.mark.parametrize(
    ("ports", "hops", "http"),
    [
        ([], [], True),
        ([{"port": 80}, {"port": 81, "name": "tcp"}], [80], True),
        ([{"port": 53}], [], False),
        ([{"port": 5432}, {"port": 9187}], [], True),
        ([{"port": 5432, "name": "http"}, {"port": 9187}], [5432, 9187], True),
    ],
)
def test_a_database_is_no_hop(ports: list[dict[str, object]], hops: list[int], http: bool) -> None:
    spec = ServiceSpec.model_validate({"ports": ports})
    assert [p.port for p in spec.ports if protocols.may_be_hop(spec, p)] == hops
    assert protocols.has_http(spec) is http
