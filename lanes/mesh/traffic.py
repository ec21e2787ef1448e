"""What rules and policies do to traffic: headers, retries, faults, ejection of endpoints."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class HeaderOps:
    """Changes to the headers of a request or a response."""

    set: Mapping[str, str] = field(default_factory=dict)
    add: Mapping[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()


@dataclass(frozen=True)
class Propagation:
    """Headers that a mesh copies between request headers and baggage (ASMHeaderPropagation)."""

    headers: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()

    def covers(self, name: str) -> bool:
        return name in self.headers or any(name.startswith(prefix) for prefix in self.prefixes)


@dataclass(frozen=True)
class Outlier:
    """When to eject an endpoint, as a DestinationRule says it; times in seconds."""

    split_local_origin: bool
    consecutive_local_origin: int | None
    consecutive_gateway: int | None
    consecutive_5xx: int | None
    interval: float
    base_ejection_time: float
    max_ejection_percent: int
    min_health_percent: int


@dataclass(frozen=True)
class Retry:
    """A VirtualService's own retry policy; the time per try in seconds.

    `next_tier`: a retry may leave the tier that it was first sent to.
    """

    attempts: int
    per_try_timeout: float | None
    retry_on: str
    next_tier: bool


@dataclass(frozen=True)
class Abort:
    """What a share of a rule's requests, above 0 and below 1, gets in place of its destinations."""

    status: int
    share: float


NO_CHANGES = HeaderOps()
NO_PROPAGATION = Propagation()
