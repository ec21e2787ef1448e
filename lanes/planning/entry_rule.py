"""Ways in: what a request must carry for the gateway to put it into a lane, by no weight."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from lanes.mesh.examples import example
from lanes.mesh.matching import Match, holds
from lanes.model import AUTHORITY, Route
from lanes.planning.request import Request


@dataclass(frozen=True)
class EntryRule:
    """One way in, by example: the headers to send, the host and the path to ask for, and how.

    None: the host, the path or the method by which everybody asks.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    host: str | None = None
    path: str | None = None
    method: str | None = None

    def __hash__(self) -> int:
        return hash((frozenset(self.headers.items()), self.host, self.path, self.method))

    def __str__(self) -> str:
        """The way in words: x-lane: pr-123 and host shop.example."""
        parts = [f"{name}: {value}" for name, value in self.headers.items()]
        parts += [f"host {self.host}"] if self.host else []
        parts += [f"path {self.path}"] if self.path else []
        parts += [f"method {self.method}"] if self.method else []
        return " and ".join(parts)

    @property
    def not_sent_because(self) -> str:
        """Why nobody tries it, in words behind its method; "": its method only reads."""
        if self.method in (None, "GET"):
            return ""
        return "brings nothing to read" if self.method == "HEAD" else "may change something"

    def request(self, host: str, path: str) -> Request:
        """A request that takes this way, where everybody asks `host` for `path`."""
        headers = {**self.headers, AUTHORITY: self.host or host}
        return Request(headers, self.path or path, self.method or "GET")

    def with_headers(self, other: "EntryRule") -> "EntryRule":
        """The way `other`, with this one's headers beside its own."""
        return replace(other, headers={**self.headers, **other.headers})

    def asks_more_than(self, other: "EntryRule") -> bool:
        """Whether it takes all that `other` takes, and more."""
        return self != other and (
            other.headers.items() <= self.headers.items()
            and other.host in (None, self.host)
            and other.path in (None, self.path)
            and other.method in (None, self.method)
        )


# The way of a request that enters no lane on purpose.
NO_ENTRY_RULE = EntryRule()


def way_by(match: Match, path: str) -> EntryRule | None:
    """The way that `match` opens where everybody asks for `path`; None: no example is known."""
    headers = {name: example(asked) for name, asked in match.headers.items()}
    elsewhere = match.uri is not None and not holds(match.uri, path.partition("?")[0])
    uri = example(match.uri) if match.uri and elsewhere else None
    known = {name: value for name, value in headers.items() if value is not None}
    if known.keys() < headers.keys() or (elsewhere and uri is None):
        return None
    host = known.pop(AUTHORITY, None)
    if match.query:
        asked = {name: example(one) or "" for name, one in match.query.items()}
        uri = f"{uri or path.partition('?')[0]}?{urlencode(asked)}"
    method = None if match.method is None or holds(match.method, "GET") else example(match.method)
    return EntryRule(known, host, uri, method)


def first_path(routes: Iterable[Route], host: str, headers: Mapping[str, str]) -> str | None:
    """The first path, from "/" on, for which `routes` lead such requests anywhere; None: none."""
    asked = [match.uri for route in routes for match in route.matches if match.uri]
    paths = ["/", *filter(None, map(example, asked))]
    routes = tuple(routes)
    taken = ((path, EntryRule(headers).request(host, path).rule(routes)) for path in paths)
    return next((path for path, route in taken if route and route.destinations), None)
