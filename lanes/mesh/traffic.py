"""What rules and policies do to traffic: headers, retries, faults, ejection of endpoints."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lanes.mesh.headers import is_authority
from lanes.mesh.matching import StringMatch


@dataclass(frozen=True)
class HeaderOps:
    """Changes to the headers of a request or a response.

    `authority`: the host that a request then names, which chooses no route; "": it stays.
    """

    set: Mapping[str, str] = field(default_factory=dict)
    add: Mapping[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    authority: str = ""

    @classmethod
    def of(
        cls, set_to: Mapping[str, str], add: Mapping[str, str], remove: Iterable[str]
    ) -> "HeaderOps":
        """Return what Envoy makes of changes by these names: of the host it takes a new value."""
        changes = [*set_to.items(), *add.items()]
        return cls(
            {name.lower(): value for name, value in set_to.items() if not is_authority(name)},
            {name.lower(): value for name, value in add.items() if not is_authority(name)},
            tuple(name.lower() for name in remove if not is_authority(name)),
            next((value for name, value in changes if is_authority(name)), ""),
        )


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
    """A rule's own retry policy; the time per try and between tries in seconds.

    `next_tier`: a retry may leave the tier that it was first sent to. `same_host`: it may go to an
    endpoint that has failed already.
    """

    attempts: int
    per_try_timeout: float | None
    retry_on: str
    next_tier: bool = False
    backoff: float | None = None
    same_host: bool = False


@dataclass(frozen=True)
class Abort:
    """What a share of a rule's requests, above 0 and below 1, gets in place of its destinations."""

    status: int
    share: float


@dataclass(frozen=True)
class Delay:
    """How long a share of a rule's requests, above 0 to 1, waits; in seconds."""

    seconds: float
    share: float


@dataclass(frozen=True)
class Cors:
    """Which pages of other origins may call; the time for which a browser remembers in seconds.

    `forwards`: preflights that match no origin go on to the service.
    """

    origins: tuple[StringMatch, ...]
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age: int | None = None
    credentials: bool = False
    forwards: bool = True


@dataclass(frozen=True)
class Filters:
    """What is done to a rule's requests before they are led anywhere."""

    cors: Cors | None = None
    delay: Delay | None = None


NO_FILTERS = Filters()
NO_CHANGES = HeaderOps()
NO_PROPAGATION = Propagation()
