"""Why the plan differs from the suite, by file: each file with a difference has its reason here."""

from collections.abc import Mapping

_ONE_AT_A_TIME = "the plan is for one port of a Gateway, and for one of several Gateways."
_RUN_TIME = (
    "the answer depends on how long the backend takes, which no manifest tells;"
    " the plan names the backend that is called."
)

REASONS: Mapping[str, str] = {
    "tests/backendtlspolicy-invalid-kind.go": (
        "the plan does not read BackendTLSPolicies, so it takes the connection to succeed."
    ),
    "tests/backendtlspolicy.go": "the plan leaves the Gateway's TLS listener at port 443 out.",
    "tests/httproute-listener-port-matching.go": _ONE_AT_A_TIME,
    "tests/httproute-timeout-backend-request.go": _RUN_TIME,
    "tests/httproute-timeout-request.go": _RUN_TIME,
}
