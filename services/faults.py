"""Injected faults: a version that answers late or fails, to watch a bad canary."""

import math
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qsl

MAX_DELAY = 60_000  # milliseconds
P99 = 2.3263  # standard deviations from a normal distribution's median to its 99th percentile


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A delay of every answer, and the share ``rate`` of answers that fail with ``status``.

    ``delay`` is the median and the 99th percentile of a log-normal distribution, in milliseconds.
    """

    delay: tuple[float, float] = (0.0, 0.0)
    status: int = 500
    rate: float = 0.0

    @classmethod
    def from_query(cls, query: str) -> Self:
        """Parse ``delay=30&status=500&rate=0.05``. Raises ValueError, which names a bad part."""
        fault = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            if name not in PARSERS:
                raise ValueError(f"{name} is none of {', '.join(PARSERS)}")
            try:
                fault[name] = PARSERS[name](value)
            except ValueError as error:
                raise ValueError(f"{name}={value!r}: {error}") from None
        return cls(**fault)

    def __str__(self) -> str:
        p50, p99 = self.delay
        delay = f"{p50:g}" if p50 == p99 else f"{p50:g}/{p99:g}"
        return f"delay={delay}&status={self.status}&rate={self.rate:g}"

    def seconds(self) -> float:
        """Draw the delay of one answer."""
        p50, p99 = self.delay
        return p50 / 1000 * random.lognormvariate(0, math.log(p99 / p50) / P99) if p50 else 0.0

    def inject(self, deadline: float) -> tuple[int, str] | None:
        """Sleep for the delay, but not beyond ``deadline`` (monotonic seconds).

        Return the status and the reason to fail with, or None.
        """
        time.sleep(max(0.0, min(self.seconds(), deadline - time.monotonic())))
        fails = random.random() < self.rate  # noqa: S311 no secret
        return (self.status, f"injected: fault_rate is {self.rate:g}") if fails else None


NONE = Fault()


def number(text: str) -> float | None:
    """Return an unsigned decimal number in ASCII digits, without exponent; None for other text."""
    return float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) else None


def _delay(text: str) -> tuple[float, float]:
    parts = [number(part) for part in text.split("/", 1)]
    p50, p99 = parts[0], parts[-1]
    if p50 is None or p99 is None or not (0 < p50 <= p99 <= MAX_DELAY or p50 == p99 == 0):
        raise ValueError(f"must be milliseconds, at most {MAX_DELAY}, or p50/p99 of them: 20/200")
    return p50, p99


def _status(text: str) -> int:
    if re.fullmatch(r"[45][0-9][0-9]", text):
        return int(text)
    raise ValueError("must be an HTTP status from 400 to 599")


def _rate(text: str) -> float:
    if (rate := number(text)) is None or rate > 1:
        raise ValueError("must be a share of requests from 0 to 1")
    return rate


PARSERS: dict[str, Callable[[str], Any]] = {"delay": _delay, "status": _status, "rate": _rate}
