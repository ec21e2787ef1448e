"""Why the plan differs from the suite, by file: each file with a difference has its reason here."""

from collections.abc import Mapping

_RUN_TIME = (
    "the answer depends on how long the backend takes, which no manifest tells; the plan names the"
    " backend that is called."
)
_TLS = (
    "no manifest tells whether a backend has the certificate that a BackendTLSPolicy wants; the"
    " plan names the backend, and the policies as not simulated."
)

REASONS: Mapping[str, str] = {
    "tests/backendtlspolicy-grpcroute.go": _TLS,
    "tests/backendtlspolicy-invalid-kind.go": _TLS,
    "tests/backendtlspolicy-san.go": _TLS,
    "tests/backendtlspolicy.go": _TLS,
    "tests/httproute-timeout-backend-request.go": _RUN_TIME,
    "tests/httproute-timeout-request.go": _RUN_TIME,
}
