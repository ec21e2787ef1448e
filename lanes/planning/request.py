"""A request as a plan imagines it: what a rule sees of it, and what sidecars make of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import parse_qsl

import re2

from lanes.model import HeaderOps, Match, Propagation, Route, StringMatch
from lanes.planning import baggage


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
        for name, asked in match.headers.items():
            if not holds(asked, self.headers.get(name)):
                return False
        for name, asked in match.without.items():
            if lacks(asked, self.headers.get(name)):
                return False
        if match.method is not None and not holds(match.method, self.method):
            return False
        if match.uri is None and not match.query:
            return True
        path, _, query = self.path.partition("?")
        if match.uri is not None and not holds(match.uri, path):
            return False
        # Of a parameter that stands twice, Envoy takes the first.
        found = dict(reversed(parse_qsl(query, keep_blank_values=True))) if match.query else {}
        return all(holds(asked, found.get(name)) for name, asked in match.query.items())


def lacks(match: StringMatch, value: str | None) -> bool:
    """Whether a header is what a rule asks it not to be; one that is absent counts as empty."""
    return holds(match, value if match.how == "present" else value or "")


def holds(match: StringMatch, value: str | None) -> bool:
    """Whether a header's value (None: it is not there) or a path is what `match` asks for."""
    if value is None:
        return False
    if match.how == "present":
        return True
    if match.ignore_case and match.how != "regex":
        match, value = replace(match, value=match.value.lower(), ignore_case=False), value.lower()
    if match.how == "exact":
        return value == match.value
    if match.how == "prefix":
        return value.startswith(match.value)
    if match.how == "segments":
        return f"{value}/".startswith(f"{match.value}/")
    return _is_of(match.value, value)


@lru_cache(maxsize=4096)
def _is_of(regex: str, value: str) -> bool:
    """Whether a regular expression takes all of `value`: services ask the same of each lane."""
    return re2.fullmatch(regex, value) is not None
