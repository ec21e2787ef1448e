"""What protocol Istio takes a Service's port for.

https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
"""

from lanes.lint.documents import Resource
from lanes.lint.value import Value
from lanes.reading.protocols import says_http

# Servers speak first there, so that Istio guesses nothing.
_WELL_KNOWN = (25, 3306, 27017)


def is_http(port: Value) -> bool | None:
    """Whether a Service's port carries HTTP; None: Istio finds out by each connection."""
    if port["protocol"].text == "UDP":
        return False
    said = says_http(port["appProtocol"].text or port["name"].text)
    return False if said is None and port["port"].number in _WELL_KNOWN else said


def no_http(service: Resource) -> bool:
    """Whether a Service has ports and none of them carries HTTP: no HTTP rule counts for it."""
    answers = [is_http(port) for port in service.spec["ports"]]
    return bool(answers) and all(answer is False for answer in answers)
