"""A planned request: the rule that it takes, and the changes by rules and sidecars."""

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
        """Return the request after the changes; each removes before it sets, as in Envoy."""
        headers = dict(self.headers)
        for ops in operations:
            for name in ops.remove:
                headers.pop(name, None)
            headers.update(ops.set)
            for name, value in ops.add.items():
                headers[name] = f"{headers[name]},{value}" if name in headers else value
        return self._with(headers)

    def received(self, propagation: Propagation) -> "Request":
        """Return it as the called sidecar passes it on: propagated headers are in the baggage."""
        header = self.headers.get("baggage", "")
        for name, value in self.headers.items():
            if propagation.covers(name):
                header = baggage.with_member(header, name, value)
        return self._with({**self.headers, "baggage": header})

    def sent(self, propagation: Propagation) -> "Request":
        """Return it as the calling sidecar sends it: propagated headers are set from baggage."""
        if not propagation.headers and not propagation.prefixes:
            return self
        members = self.members().items()
        headers = {name: value for name, value in members if propagation.covers(name)}
        return self._with({**self.headers, **headers})

    def _with(self, headers: Mapping[str, str]) -> "Request":
        return Request(headers, self.path, self.method)

    def members(self) -> Mapping[str, str]:
        """Return the members of its baggage."""
        return baggage.members(self.headers.get("baggage", ""))

    def rule(self, routes: tuple[Route, ...]) -> Route | None:
        """Return the rule that takes it, the first that matches; None: no rule matches."""
        headers, method, path = self.headers, self.method, self.path
        for route in routes:
            if not route.matches:
                return route
            for match in route.matches:
                if meets(match, headers, method, path):
                    return route
        return None


class RuleTable:
    """Finds the rules that requests take, faster than `Request.rule` for many requests."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._index: MatchIndex[Route] = MatchIndex()
        for route in routes:
            for match in route.matches or (Match(),):
                self._index.add(match, route)

    def rule(self, request: Request) -> Route | None:
        """Return the rule that takes a request, the first that matches; None: no rule matches."""
        return next(self._index.taking(request.headers, request.method, request.path), None)
