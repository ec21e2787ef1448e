"""Entry rules: example requests that the gateway puts into a lane."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from lanes.mesh.examples import example
from lanes.mesh.headers import AUTHORITY
from lanes.mesh.matching import Match, holds
from lanes.mesh.model import Route
from lanes.planning.request import Request


@dataclass(frozen=True)
class EntryRule:
    """One entry rule: the headers, host, path and method of a request that it matches.

    None: the usual host, path or method.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    host: str | None = None
    path: str | None = None
    method: str | None = None

    def __hash__(self) -> int:
        return hash((frozenset(self.headers.items()), self.host, self.path, self.method))

    def __str__(self) -> str:
        """Return the rule in words: x-lane: pr-123 and host shop.example."""
        parts = [f"{name}: {value}" for name, value in self.headers.items()]
        parts += [f"host {self.host}"] if self.host else []
        parts += [f"path {self.path}"] if self.path else []
        parts += [f"method {self.method}"] if self.method else []
        return " and ".join(parts)

    @property
    def not_sent_because(self) -> str:
        """Why `lanes` sends no request by this rule, in words behind its method; "": it does."""
        if self.method is None:
            return ""
        return "brings nothing to read" if self.method == "HEAD" else "may change something"

    def request(self, host: str, path: str) -> Request:
        """Return a request that this rule matches; `host` and `path` are the usual ones."""
        headers = {**self.headers, AUTHORITY: self.host or host}
        return Request(headers, self.path or path, self.method or "GET")

    def asks_more_than(self, other: "EntryRule") -> bool:
        """Tell whether it has all conditions of `other`, and more."""
        return self != other and (
            other.headers.items() <= self.headers.items()
            and other.host in (None, self.host)
            and other.path in (None, self.path)
            and other.method in (None, self.method)
        )


NO_ENTRY_RULE = EntryRule()


def rule_by(match: Match, path: str) -> EntryRule | None:
    """Return the entry rule of a match; None if no example is known. `path` is the usual one."""
    if any(name.startswith("@") for name in match.headers):  # a claim of a token
        return None
    headers = {name: example(condition) for name, condition in match.headers.items()}
    elsewhere = match.uri is not None and not holds(match.uri, path.partition("?")[0])
    uri = example(match.uri) if match.uri and elsewhere else None
    known = {name: value for name, value in headers.items() if value is not None}
    if known.keys() < headers.keys() or (elsewhere and uri is None):
        return None
    host = known.pop(AUTHORITY, None)
    if match.query:
        query = {name: example(condition) or "" for name, condition in match.query.items()}
        uri = f"{uri or path.partition('?')[0]}?{urlencode(query)}"
    method = None if match.method is None or holds(match.method, "GET") else example(match.method)
    return EntryRule(known, host, uri, method)


def least(rules: Iterable[EntryRule]) -> tuple[EntryRule, ...]:
    """Return the rules, each once, without those that ask more than another."""
    rules = list(dict.fromkeys(rules))
    return tuple(rule for rule in rules if not any(rule.asks_more_than(other) for other in rules))


def first_path(routes: Iterable[Route], host: str, headers: Mapping[str, str]) -> str | None:
    """Return the first path that `routes` lead to a destination, "/" first; None: no path."""
    uris = [match.uri for route in routes for match in route.matches if match.uri]
    paths = ["/", *filter(None, map(example, uris))]
    routes = tuple(routes)
    taken = ((path, EntryRule(headers).request(host, path).rule(routes)) for path in paths)
    return next((path for path, route in taken if route and route.destinations), None)
