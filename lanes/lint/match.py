"""What rules match: header by header, for VirtualServices and HTTPRoutes alike."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import re2

from lanes.lint.documents import Resource
from lanes.lint.value import Value
from lanes.mesh.examples import example
from lanes.mesh.matching import Kind, StringMatch, holds

# Of a VirtualService's match: what narrows it down, beside headers and the path.
_OTHERS = (
    *("scheme", "method", "authority", "port", "sourceLabels", "gateways", "queryParams"),
    *("withoutHeaders", "sourceNamespace"),
)
_TYPES: dict[str, Kind] = {
    "": "exact",
    "Exact": "exact",
    "RegularExpression": "regex",
    "PathPrefix": "prefix",
}


@dataclass(frozen=True)
class Match:
    """Conditions that must all hold; a header of None only has to be there."""

    value: Value
    headers: Mapping[str, StringMatch | None]
    fields: Mapping[str, Value]  # of the headers' values
    uri: StringMatch | None
    others: tuple[str, ...]

    @property
    def catches_all(self) -> bool:
        """Whether it holds for any request."""
        anywhere = self.uri is None or self.uri in (StringMatch("prefix", "/"),)
        return anywhere and not self.headers and not self.others

    @property
    def asked(self) -> tuple[str, ...]:
        """What a request has to have that few have: headers, and parameters of its query."""
        own = tuple(name for name in self.headers if not name.startswith(":"))
        return (*own, *(f"the parameter {name}" for name in self.value["queryParams"].there))


def matches_of(resource: Resource) -> Iterator[Match]:
    """Every match of a VirtualService's HTTP rules, or of an HTTPRoute's."""
    for rule in rules_of(resource):
        yield from matches_in(rule)


def rules_of(resource: Resource) -> list[Value]:
    """The rules of a VirtualService for HTTP, or of an HTTPRoute."""
    return list(resource.spec["http"] or resource.spec["rules"])


def unreached(service: Resource) -> list[Value]:
    """A VirtualService's rules behind the first that takes everything."""
    rules = list(service.spec["http"])
    for number, rule in enumerate(rules):
        matches = list(matches_in(rule))
        if not matches or any(match.catches_all for match in matches):
            return rules[number + 1 :]
    return []


def matches_in(rule: Value) -> Iterator[Match]:
    """The matches of one rule. None: it has none, and takes everything."""
    for match in rule["match"]:
        fields = dict(match["headers"].items())
        yield Match(
            match,
            {name.lower(): _istio(value) for name, value in fields.items()},
            {name.lower(): value for name, value in fields.items()},
            _istio(match["uri"]),
            tuple(name for name in match.there if name in _OTHERS),
        )
    for match in rule["matches"]:
        named = {header["name"].text.lower(): header for header in match["headers"]}
        yield Match(
            match,
            {name: _typed(header) for name, header in named.items()},
            named,
            _typed(match["path"]) if match["path"] else None,
            tuple(name for name in match.there if name in ("method", "queryParams")),
        )


def _istio(value: Value) -> StringMatch | None:
    kinds: tuple[Kind, ...] = ("exact", "prefix", "regex")
    return next((StringMatch(kind, value[kind].text) for kind in kinds if value[kind]), None)


def _typed(value: Value) -> StringMatch | None:
    kind = _TYPES.get(value["type"].text)
    return StringMatch(kind, value["value"].text) if kind else None


def takes(match: StringMatch, text: str) -> bool:
    """Whether `match` holds for a text; an expression that is none holds for nothing."""
    try:
        return holds(match, text)
    except re2.error:
        return False


def shortest(match: StringMatch) -> str | None:
    """A short text that `match` holds for; None where none is found."""
    try:
        return example(match)
    except (re2.error, ValueError, IndexError):
        return None
