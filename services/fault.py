"""Faults on purpose: a version that answers late or fails, so that a bad canary can be watched."""

import math
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qsl

# Of a delay, in milliseconds.
MOST = 60_000
# How many standard deviations the 99th percentile is above the median of a normal distribution.
P99 = 2.3263


@dataclass(frozen=True, slots=True)
class Delay:
    """Milliseconds by which answers are late: half of them by ``p50`` at most, 99 % by ``p99``.

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
        """Seconds for one answer."""
        if self.p50 == self.p99:
            return self.p50 / 1000
        spread = math.log(self.p99 / self.p50) / P99
        return random.lognormvariate(math.log(self.p50), spread) / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
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
        fault: dict[str, Any] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            if name not in PARSE:
                raise ValueError(f"{name} is none of {', '.join(PARSE)}")
            try:
                fault[name] = PARSE[name](value)
            except ValueError as error:
                raise ValueError(f"{name}={value!r}: {error}") from None
        return cls(**fault)

    def __str__(self) -> str:
        return f"delay={self.delay}&status={self.status}&rate={self.rate:g}"


NONE = Fault()


class Faults:
    """The fault that is in force in a process; its threads see a new one from its setting on."""

    def __init__(self, fault: Fault) -> None:
        self.current = fault

    def strike(self, left: float) -> tuple[int, str] | None:
        """Wait as long as the fault says, for ``left`` seconds at most, and return the status and
        reason to fail with, if any.
        """
        fault = self.current
        if fault == NONE:
            return None
        time.sleep(max(0.0, min(fault.delay.draw(), left)))
        if random.random() >= fault.rate:  # noqa: S311 no secret
            return None
        return fault.status, f"injected: fault_rate is {fault.rate:g}"


def number(text: str) -> float | None:
    """A decimal number without sign, exponent or digits of other scripts; None for all else."""
    return float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) else None


def error_status(text: str) -> int:
    """Raises ValueError for what is no status of an HTTP error."""
    if not re.fullmatch(r"[45][0-9][0-9]", text):
        raise ValueError("must be an HTTP status from 400 to 599")
    return int(text)


def share(text: str) -> float:
    """Raises ValueError for what is no share of requests."""
    rate = number(text)
    if rate is None or rate > 1:
        raise ValueError("must be a share of requests from 0 to 1")
    return rate


PARSE: dict[str, Callable[[str], object]] = {
    "delay": Delay.parse,
    "status": error_status,
    "rate": share,
}
