"""The match of a rule: whether a request meets it, and how two matches relate.

Header names are in lower case; a target is a path with its query.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal, assert_never
from urllib.parse import parse_qsl

import re2

# The most precise first: `MatchIndex` indexes a match by its most precise condition.
Kind = Literal["exact", "segments", "prefix", "regex", "present"]


@dataclass(frozen=True)
class StringMatch:
    """A condition on one value.

    - exact: the value equals `value`
    - prefix: it begins with `value`
    - segments: it is the path `value` or a path below
    - regex: all of it matches the RE2 expression `value`; `ignore_case` has no effect
    - present: there is any value
    """

    kind: Kind
    value: str = ""
    ignore_case: bool = False


@dataclass(frozen=True)
class Match:
    """Conditions that a request must all meet; without conditions, every request does.

    `without`: what headers must not be; there, an absent header counts as empty. `query`: the
    parameters of the URL.
    """

    headers: Mapping[str, StringMatch] = field(default_factory=dict)
    uri: StringMatch | None = None
    method: StringMatch | None = None
    without: Mapping[str, StringMatch] = field(default_factory=dict)
    query: Mapping[str, StringMatch] = field(default_factory=dict)


ANY_PATH = StringMatch("prefix", "/")
_ANYWHERE = (None, ANY_PATH, StringMatch("regex", ".*"))


def is_catch_all(match: Match) -> bool:
    """Tell whether Istio regards `match` as a catch-all, and puts its rule last.

    https://github.com/istio/istio/blob/master/pilot/pkg/networking/core/route/route.go
    """
    others = match.headers or match.method or match.without or match.query
    return not others and match.uri in _ANYWHERE


def meets(match: Match, headers: Mapping[str, str], method: str, target: str) -> bool:
    """Tell whether a request meets every condition of `match`."""
    for name, condition in match.headers.items():
        if not holds(condition, headers.get(name)):
            return False
    for name, condition in match.without.items():
        if _is_excluded(condition, headers.get(name)):
            return False
    if match.method is not None and not holds(match.method, method):
        return False
    if match.uri is None and not match.query:
        return True
    path, _, query = target.partition("?")
    if match.uri is not None and not holds(match.uri, path):
        return False
    # Envoy takes the first of two parameters with the same name.
    found = dict(reversed(parse_qsl(query, keep_blank_values=True))) if match.query else {}
    return all(holds(condition, found.get(name)) for name, condition in match.query.items())


def holds(condition: StringMatch, value: str | None) -> bool:
    """Tell whether a value meets a condition; None, an absent value, never does."""
    if value is None:
        return False
    wanted = condition.value
    if condition.ignore_case and condition.kind != "regex":
        wanted, value = wanted.lower(), value.lower()
    match condition.kind:
        case "exact":
            return value == wanted
        case "present":
            return True
        case "prefix":
            return value.startswith(wanted)
        case "segments":
            return f"{value}/".startswith(f"{wanted}/")
        case "regex":
            return fits(wanted, value)
        case _:
            assert_never(condition.kind)


def _is_excluded(condition: StringMatch, value: str | None) -> bool:
    """Tell whether `without` forbids a header's value; an absent header counts as empty."""
    return holds(condition, value if condition.kind == "present" else value or "")


@lru_cache(maxsize=4096)
def fits(regex: str, value: str) -> bool:
    """Tell whether a regular expression matches all of `value`."""
    return _compiled(regex).fullmatch(value.encode()) is not None


@lru_cache(maxsize=4096)
def _compiled(regex: str) -> re2._Regexp:
    """Return a compiled expression. To compile takes 20 times as long as to match.

    It is for bytes: with strings, `re2` counts characters at each match.
    """
    return re2.compile(regex.encode())


def covers(first: Match, second: Match) -> bool:
    """Tell whether every request that meets `second` also meets `first`.

    False if that is not known: regular expressions are compared in simple cases alone.
    """
    return (
        _all_cover(first.headers, second.headers)
        and _all_cover(first.query, second.query)
        and _path_covers(first.uri, second.uri)
        and (
            first.method is None
            or (second.method is not None and value_covers(first.method, second.method))
        )
        and all(_excludes(second, name, condition) for name, condition in first.without.items())
    )


def _all_cover(first: Mapping[str, StringMatch], second: Mapping[str, StringMatch]) -> bool:
    return all(name in second and value_covers(first[name], second[name]) for name in first)


def _path_covers(first: StringMatch | None, second: StringMatch | None) -> bool:
    if first is None or takes_every_path(first):
        return True
    return second is not None and value_covers(first, second, _IN_PATHS)


def takes_every_path(condition: StringMatch | None) -> bool:
    """Tell whether every path is known to meet a condition; None: there is no condition."""
    return condition is None or value_covers(condition, ANY_PATH, _IN_PATHS)


def takes_every_value(condition: StringMatch) -> bool:
    """Tell whether every value is known to meet a condition."""
    return value_covers(condition, StringMatch("present"))


@lru_cache(maxsize=4096)
def _takes_all(regex: StringMatch, ends: tuple[str, ...]) -> bool:
    return all(holds(regex, f"{start}{end}") for start in ("", "/") for end in ends)


def _excludes(match: Match, name: str, forbidden: StringMatch) -> bool:
    """Tell whether no request that meets `match` has a `forbidden` value in header `name`."""
    if (condition := match.headers.get(name)) and values_disjoint(condition, forbidden):
        return True
    excluded = match.without.get(name)
    if excluded is None or excluded == forbidden:
        return excluded is not None
    if excluded.kind == "present":  # then the header is absent, which counts as empty
        return not holds(forbidden, "")
    return value_covers(excluded, forbidden)


# Sample ends of values, with every character. A regular expression that matches with each of them
# is taken to match with any end.
_IN_PATHS = "x", "Z-9._~!$&'()*+,;=:@%2F/", "/", ""
_IN_VALUES = *_IN_PATHS, '"<>[\\]^`{|}? #'


def value_covers(
    first: StringMatch, second: StringMatch, ends: tuple[str, ...] = _IN_VALUES
) -> bool:
    """Tell whether every value that meets `second` is known to meet `first`.

    A regular expression that matches with each of `ends` is taken to match with any end.
    """
    if first == second or first.kind == "present":
        return True
    if first.kind == "regex":
        return _regex_covers(first, second, ends)
    if first.ignore_case or second.ignore_case:
        if not first.ignore_case or second.kind == "regex":
            return False
        first, second = _folded(first), _folded(second)
    covering = tuple(ranges(first))
    return all(
        any(low <= start and end <= high for low, high in covering) for start, end in ranges(second)
    )


def _regex_covers(first: StringMatch, second: StringMatch, ends: tuple[str, ...]) -> bool:
    if _takes_all(first, ends):
        return True
    if second.ignore_case:
        return False
    match second.kind:
        case "exact":
            return holds(first, second.value)
        case "prefix":
            return all(holds(first, f"{second.value}{end}") for end in ends)
        case "segments":
            below = (f"{second.value}/{end}" for end in ends)
            return all(holds(first, value) for value in (second.value, *below))
        case "regex" | "present":
            return False
        case _:
            assert_never(second.kind)


def disjoint(first: Match, second: Match) -> bool:
    """Tell whether no request can meet both matches; False if that is not known."""
    pairs = [(first.uri, second.uri), (first.method, second.method)]
    pairs += [(condition, second.headers.get(name)) for name, condition in first.headers.items()]
    pairs += [(condition, second.query.get(name)) for name, condition in first.query.items()]
    return (
        any(one and other and values_disjoint(one, other) for one, other in pairs)
        or _forbids(first, second)
        or _forbids(second, first)
    )


def _forbids(first: Match, second: Match) -> bool:
    """Tell whether `second` requires a header value that `first` forbids."""
    return any(
        name in second.headers and value_covers(condition, second.headers[name])
        for name, condition in first.without.items()
    )


def values_disjoint(first: StringMatch, second: StringMatch) -> bool:
    """Tell whether no value can meet both conditions; False if that is not known."""
    if first.ignore_case or second.ignore_case:
        if "regex" in (first.kind, second.kind):
            return False
        first, second = _folded(first), _folded(second)
    for one, other in ((first, second), (second, first)):
        if one.kind == "exact":
            return not holds(other, one.value)
    of_second = tuple(ranges(second))
    return not any(
        start <= high and low <= end for low, high in ranges(first) for start, end in of_second
    )


def _folded(condition: StringMatch) -> StringMatch:
    return replace(condition, value=condition.value.lower())


_LAST = b"\xff"  # in no UTF-8 text, and behind all of it
_LONGEST_RANGE = 100


def ranges(condition: StringMatch) -> Iterator[tuple[bytes, bytes]]:
    """Yield ranges of bytes, with both ends, that hold every value that meets a condition.

    They hold no other values, except for a regular expression.
    """
    value = condition.value.encode()
    match condition.kind:
        case "exact":
            yield value, value
        case "prefix":
            yield value, value + _LAST
        case "segments":
            yield value, value
            yield value + b"/", value + b"/" + _LAST
        case "present":
            yield b"", _LAST
        case "regex":
            yield _regex_range(condition.value)
        case _:
            assert_never(condition.kind)


@lru_cache(maxsize=4096)
def _regex_range(regex: str) -> tuple[bytes, bytes]:
    try:
        low, high = _compiled(regex).possiblematchrange(_LONGEST_RANGE)
    except re2.error:  # it may begin with anything
        return b"", _LAST
    return low, high
