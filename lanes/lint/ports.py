"""What protocol Istio takes a Service's port for.

https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
"""

from lanes.lint.documents import Resource
from lanes.lint.value import Value

_HTTP = ("http", "http2", "grpc", "grpc-web", "kubernetes.io/h2c", "kubernetes.io/ws")
_NOT = ("https", "tls", "tcp", "udp", "mongo", "redis", "mysql", "kubernetes.io/wss")
# Servers speak first there, so that Istio guesses nothing.
_WELL_KNOWN = (25, 3306, 27017)


def is_http(port: Value) -> bool | None:
    """Whether a Service's port carries HTTP; None: Istio finds out by each connection."""
    name = (port["appProtocol"].text or port["name"].text).lower()
    if port["protocol"].text == "UDP":
        return False
    for known, answer in ((_HTTP, True), (_NOT, False)):
        if name in known or name.partition("-")[0] in known:
            return answer
    return False if port["port"].number in _WELL_KNOWN else None


def no_http(service: Resource) -> bool:
    """Whether a Service has ports and none of them carries HTTP: no HTTP rule counts for it."""
    answers = [is_http(port) for port in service.spec["ports"]]
    return bool(answers) and all(answer is False for answer in answers)
