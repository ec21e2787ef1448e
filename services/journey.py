"""What one hop tells the next of a request: how long its answer is waited for, and where it was.

Neither is the mesh's nor OpenTelemetry's: it is between callers and callees of this service. The
time is a remaining one, since clocks differ. A client that sends any of it hurts its own request.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

# In the WSGI environment: when a request arrived, in monotonic seconds.
ARRIVED = "services.arrived"
TIMEOUT = "request-timeout-ms"
# Of the time that is left, what an upstream gets: the rest is for handing on what it answers, so
# that a chain that is too slow tells which hop was.
PASSED_ON = 0.9


@dataclass(frozen=True, slots=True)
class Journey:
    """A request on its way. ``ends`` is when nobody waits any longer, in monotonic seconds;
    ``via`` the hops behind it, as in the header of that name.
    """

    ends: float
    via: str = ""

    @classmethod
    def from_environ(cls, environ: Mapping[str, Any], timeout: float) -> Self:
        """The journey of a WSGI request, whose upstreams get ``timeout`` seconds at most."""
        now = time.monotonic()
        ends = now + timeout
        told = environ.get("HTTP_REQUEST_TIMEOUT_MS", "")
        if told.isascii() and told.isdecimal() and len(told) < 10:
            ends = min(ends, environ.get(ARRIVED, now) + int(told) / 1000)
        return cls(ends, environ.get("HTTP_VIA", ""))

    @property
    def left(self) -> float:
        """Seconds until ``ends``."""
        return self.ends - time.monotonic()

    def has_passed(self, hop: str) -> bool:
        """Whether ``hop`` is behind this request, which then goes in a circle."""
        return bool(self.via) and hop in {entry.strip() for entry in self.via.split(",")}

    def headers(self, hop: str) -> dict[str, str]:
        """What ``hop`` tells its upstreams."""
        milliseconds = max(1, int(self.left * PASSED_ON * 1000))
        return {TIMEOUT: str(milliseconds), "Via": f"{self.via}, {hop}" if self.via else hop}
