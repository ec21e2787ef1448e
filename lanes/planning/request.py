"""A request as a plan imagines it: what a rule sees of it, and what sidecars make of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from lanes.mesh import baggage
from lanes.mesh.match_index import MatchIndex
from lanes.mesh.matching import Match, meets
from lanes.mesh.model import Route
from lanes.mesh.traffic import HeaderOps, Propagation


@dataclass(frozen=True)
class Request:
    """A request for `path`, with header names in lower case."""

    headers: Mapping[str, str]
    path: str
    method: str = "GET"

    def changed(self, *operations: HeaderOps) -> "Request":
        """The request after `operations`, one by one; each removes before it sets, as in Envoy."""
        headers = dict(self.headers)
        for ops in operations:
            for name in ops.remove:
                headers.pop(name, None)
            headers.update(ops.set)
            for name, value in ops.add.items():
                headers[name] = f"{headers[name]},{value}" if name in headers else value
        return self._with(headers)

    def received(self, propagation: Propagation) -> "Request":
        """What the receiving sidecar makes of it: propagated headers are written into baggage."""
        header = self.headers.get("baggage", "")
        for name, value in self.headers.items():
            if propagation.covers(name):
                header = baggage.with_member(header, name, value)
        return self._with({**self.headers, "baggage": header})

    def sent(self, propagation: Propagation) -> "Request":
        """What the calling sidecar makes of it: propagated headers are set from baggage."""
        if not propagation.headers and not propagation.prefixes:
            return self
        found = baggage.members(self.headers.get("baggage", ""))
        headers = {name: value for name, value in found.items() if propagation.covers(name)}
        return self._with({**self.headers, **headers})

    def _with(self, headers: Mapping[str, str]) -> "Request":
        return Request(headers, self.path, self.method)

    def members(self) -> Mapping[str, str]:
        """What its baggage holds."""
        return baggage.members(self.headers.get("baggage", ""))

    def rule(self, routes: tuple[Route, ...]) -> Route | None:
        """The rule that takes it: the first that matches."""
        for route in routes:
            if not route.matches or any(map(self._meets, route.matches)):
                return route
        return None

    def _meets(self, match: Match) -> bool:
        return meets(match, self.headers, self.method, self.path)


class RuleTable:
    """Rules in their order, for many requests: each is held against those that are near it."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._index: MatchIndex[Route] = MatchIndex()
        for route in routes:
            for match in route.matches or (Match(),):
                self._index.add(match, route)

    def rule(self, request: Request) -> Route | None:
        """Return the rule that takes a request: the first that matches."""
        return next(self._index.taking(request.headers, request.method, request.path), None)
