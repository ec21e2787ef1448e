"""Faults on purpose: a version that answers late or fails, so that a bad canary can be watched."""

import math
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qsl

MOST = 60_000  # milliseconds of a delay
# How many standard deviations the 99th percentile is above the median of a normal distribution.
P99 = 2.3263


@dataclass(frozen=True)
class Delay:
    """Milliseconds by which answers are late: half of them by ``p50`` at most, 99% by ``p99``.

    In between lies a log-normal distribution, as latencies have; where both are the same, nothing.
    """

    p50: float = 0.0
    p99: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``30`` or ``20/200``. Raises ValueError for anything else."""
        parts = [number(part) for part in text.split("/", 1)]
        p50, p99 = parts[0], parts[-1]
        if p50 is None or p99 is None or not (0 < p50 <= p99 <= MOST or p50 == p99 == 0):
            raise ValueError(
                f"must be milliseconds, at most {MOST}, or p50/p99 of them, such as 20/200"
            )
        return cls(p50, p99)

    def __str__(self) -> str:
        return f"{self.p50:g}" if self.p50 == self.p99 else f"{self.p50:g}/{self.p99:g}"

    def draw(self) -> float:
        """Return the seconds for one answer."""
        if self.p50 == self.p99:
            return self.p50 / 1000
        spread = math.log(self.p99 / self.p50) / P99
        return random.lognormvariate(math.log(self.p50), spread) / 1000


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Every answer is late by ``delay``, and the share ``rate`` of them fail with ``status``."""

    delay: Delay = Delay()
    status: int = 500
    rate: float = 0.0

    @classmethod
    def from_query(cls, query: str) -> Self:
        """Read ``delay=30&status=500&rate=0.05``; what is not named is as in a sound service.

        Raises ValueError, which names the first that is wrong.
        """
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
        return f"delay={self.delay}&status={self.status}&rate={self.rate:g}"

    def strike(self, ends: float) -> tuple[int, str] | None:
        """Wait as long as the delay says, but not beyond ``ends`` (monotonic seconds), and return
        the status and the reason to fail with, or None.
        """
        time.sleep(max(0.0, min(self.delay.draw(), ends - time.monotonic())))
        if random.random() >= self.rate:  # noqa: S311 no secret
            return None
        return self.status, f"injected: fault_rate is {self.rate:g}"


NONE = Fault()


def number(text: str) -> float | None:
    """Return a decimal number without sign, exponent or digits of other scripts; else None."""
    return float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) else None


def _error_status(text: str) -> int:
    if not re.fullmatch(r"[45][0-9][0-9]", text):
        raise ValueError("must be an HTTP status from 400 to 599")
    return int(text)


def _share(text: str) -> float:
    rate = number(text)
    if rate is None or rate > 1:
        raise ValueError("must be a share of requests from 0 to 1")
    return rate


PARSERS: dict[str, Callable[[str], Any]] = {
    "delay": Delay.parse,
    "status": _error_status,
    "rate": _share,
}
