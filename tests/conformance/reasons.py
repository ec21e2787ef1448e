"""Why the plan differs from the suite, by file: each file with a difference has its reason here."""

from collections.abc import Mapping

_RUN_TIME = (
    "the answer depends on how long the backend takes, which no manifest tells; the plan names the"
    " backend that is called."
)

REASONS: Mapping[str, str] = {
    "tests/httproute-timeout-backend-request.go": _RUN_TIME,
    "tests/httproute-timeout-request.go": _RUN_TIME,
}
