"""The reason for the differences of plan and suite in each file that has any."""

from collections.abc import Mapping

_RUN_TIME = (
    "the answer depends on how long the backend takes, which no manifest tells; the plan names the"
    " backend that is called."
)

REASONS: Mapping[str, str] = {
    "tests/httproute-timeout-backend-request.go": _RUN_TIME,
    "tests/httproute-timeout-request.go": _RUN_TIME,
}
