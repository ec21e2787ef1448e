"""Traffic policies of rules: headers, retries, faults, ejection of endpoints."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lanes.mesh.headers import is_authority
from lanes.mesh.matching import StringMatch


@dataclass(frozen=True)
class HeaderOps:
    """Changes to the headers of a request or a response.

    `authority`: the new host, which chooses no route; "": no change.
    """

    set: Mapping[str, str] = field(default_factory=dict)
    add: Mapping[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    authority: str = ""

    @classmethod
    def of(
        cls, set_to: Mapping[str, str], add: Mapping[str, str], remove: Iterable[str]
    ) -> "HeaderOps":
        """Return the changes as Envoy applies them: the host can only get a new value."""
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
    """When to eject an endpoint, according to a DestinationRule; times in seconds."""

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

    `next_tier`: a retry may go to another tier. `same_host`: it may go to an endpoint that has
    failed already.
    """

    attempts: int
    per_try_timeout: float | None
    retry_on: str
    next_tier: bool = False
    backoff: float | None = None
    same_host: bool = False


@dataclass(frozen=True)
class Abort:
    """The status that a share of a rule's requests, above 0 and below 1, gets."""

    status: int
    share: float


@dataclass(frozen=True)
class Delay:
    """The delay, in seconds, of a share of a rule's requests, above 0 to 1."""

    seconds: float
    share: float


@dataclass(frozen=True)
class Cors:
    """The CORS policy of a rule; `max_age` in seconds.

    `forwards`: the service answers preflights that match no origin.
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
    """The filters that a rule's requests pass before they are routed."""

    cors: Cors | None = None
    delay: Delay | None = None


NO_FILTERS = Filters()
NO_CHANGES = HeaderOps()
NO_PROPAGATION = Propagation()
