"""What a rule asks of a request: whether a request meets it, and how two matches relate.

The plan, Envoy's configuration and lint all read matches here. Header names are in lower case; a
target is a path with its query.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal, assert_never
from urllib.parse import parse_qsl

import re2

# The most precise first: an index files a match by its most precise condition.
Kind = Literal["exact", "segments", "prefix", "regex", "present"]


@dataclass(frozen=True)
class StringMatch:
    """A condition on one value.

    `kind`: the value is exactly this; begins with it; is this path or one below it (segments);
    matches it as a whole, as an RE2 expression; or is there at all (present). `ignore_case` has no
    effect on regex.
    """

    kind: Kind
    value: str = ""
    ignore_case: bool = False


@dataclass(frozen=True)
class Match:
    """Conditions that must all hold; with none, every request meets it.

    `without`: what headers must not be; an absent header counts as empty there. `query`: the
    parameters of the URL.
    """

    headers: Mapping[str, StringMatch] = field(default_factory=dict)
    uri: StringMatch | None = None
    method: StringMatch | None = None
    without: Mapping[str, StringMatch] = field(default_factory=dict)
    query: Mapping[str, StringMatch] = field(default_factory=dict)


ANY_PATH = StringMatch("prefix", "/")


def is_catch_all(match: Match) -> bool:
    """Tell whether Istio takes `match` for one that every request meets, and puts it last.

    https://github.com/istio/istio/blob/master/pilot/pkg/networking/core/route/route.go
    """
    anywhere = (None, ANY_PATH, StringMatch("regex", ".*"))
    return match.uri in anywhere and not (
        match.headers or match.method or match.without or match.query
    )


def meets(match: Match, headers: Mapping[str, str], method: str, target: str) -> bool:
    """Tell whether a request meets every condition of `match`."""
    for name, asked in match.headers.items():
        if not holds(asked, headers.get(name)):
            return False
    for name, asked in match.without.items():
        if _is_excluded(asked, headers.get(name)):
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
    return all(holds(asked, found.get(name)) for name, asked in match.query.items())


def holds(asked: StringMatch, value: str | None) -> bool:
    """Tell whether a value is what `asked` says; None, a value that is not there, never is."""
    if value is None:
        return False
    wanted = asked.value
    if asked.ignore_case:
        wanted, value = _folded(asked).value, value if asked.kind == "regex" else value.lower()
    match asked.kind:
        case "present":
            return True
        case "exact":
            return value == wanted
        case "prefix":
            return value.startswith(wanted)
        case "segments":
            return f"{value}/".startswith(f"{wanted}/")
        case "regex":
            return fits(wanted, value)
        case _:
            assert_never(asked.kind)


def _is_excluded(asked: StringMatch, value: str | None) -> bool:
    """Tell whether a header is what a `without` forbids; one that is absent counts as empty."""
    return holds(asked, value if asked.kind == "present" else value or "")


@lru_cache(maxsize=4096)
def fits(regex: str, value: str) -> bool:
    """Tell whether a regular expression matches all of `value`; the same is asked for each lane."""
    return _compiled(regex).fullmatch(value.encode()) is not None


@lru_cache(maxsize=4096)
def _compiled(regex: str) -> re2._Regexp:
    """Return an expression made ready, which takes 20 times as long as to ask it once.

    It is for bytes: with strings, `re2` counts characters at each match.
    """
    return re2.compile(regex.encode())


def covers(first: Match, second: Match) -> bool:
    """Tell whether every request that meets `second` is known to meet `first` too.

    False where that is not known: of regular expressions, only simple relations are.
    """
    return (
        _all_cover(first.headers, second.headers)
        and _all_cover(first.query, second.query)
        and _path_covers(first.uri, second.uri)
        and (
            first.method is None
            or (second.method is not None and value_covers(first.method, second.method))
        )
        and all(_excludes(second, name, asked) for name, asked in first.without.items())
    )


def _all_cover(first: Mapping[str, StringMatch], second: Mapping[str, StringMatch]) -> bool:
    return all(name in second and value_covers(first[name], second[name]) for name in first)


def _path_covers(first: StringMatch | None, second: StringMatch | None) -> bool:
    if first is None or takes_every_path(first):
        return True
    return second is not None and value_covers(first, second, _IN_PATHS)


def takes_every_path(asked: StringMatch | None) -> bool:
    """Tell whether every path is known to be what `asked` says; None asks for nothing."""
    return asked is None or value_covers(asked, ANY_PATH, _IN_PATHS)


def takes_every_value(asked: StringMatch) -> bool:
    """Tell whether every value is known to be what `asked` says."""
    return value_covers(asked, StringMatch("present"))


@lru_cache(maxsize=4096)
def _takes_all(regex: StringMatch, ends: tuple[str, ...]) -> bool:
    return all(holds(regex, f"{start}{end}") for start in ("", "/") for end in ends)


def _excludes(match: Match, name: str, forbidden: StringMatch) -> bool:
    """Tell whether no request that meets `match` has a `forbidden` value in header `name`."""
    if (asked := match.headers.get(name)) and values_disjoint(asked, forbidden):
        return True
    own = match.without.get(name)
    if own is None or own == forbidden:
        return own is not None
    if own.kind == "present":  # then the header is absent, which counts as empty
        return not holds(forbidden, "")
    return value_covers(own, forbidden)


# Ends of values by which a regular expression shows that it takes any: with every character.
_IN_PATHS = "x", "Z-9._~!$&'()*+,;=:@%2F/", "/", ""
_IN_VALUES = *_IN_PATHS, '"<>[\\]^`{|}? #'


def value_covers(
    first: StringMatch, second: StringMatch, ends: tuple[str, ...] = _IN_VALUES
) -> bool:
    """Tell whether every value that `second` takes is known to be one that `first` takes.

    A regular expression counts as taking whatever follows where it takes each of `ends`.
    """
    if first == second or first.kind == "present":
        return True
    if first.kind == "regex":
        return _regex_covers(first, second, ends)
    if first.ignore_case or second.ignore_case:
        if not first.ignore_case or second.kind == "regex":
            return False
        first, second = _folded(first), _folded(second)
    own = tuple(ranges(first))
    return all(
        any(low <= start and end <= high for low, high in own) for start, end in ranges(second)
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
    """Tell whether no request can meet both; False where that is not known."""
    pairs = [(first.uri, second.uri), (first.method, second.method)]
    pairs += [(asked, second.headers.get(name)) for name, asked in first.headers.items()]
    pairs += [(asked, second.query.get(name)) for name, asked in first.query.items()]
    return (
        any(one and other and values_disjoint(one, other) for one, other in pairs)
        or _forbids(first, second)
        or _forbids(second, first)
    )


def _forbids(first: Match, second: Match) -> bool:
    """Tell whether `second` asks for a header that `first` must not see."""
    return any(
        name in second.headers and value_covers(asked, second.headers[name])
        for name, asked in first.without.items()
    )


def values_disjoint(first: StringMatch, second: StringMatch) -> bool:
    """Tell whether no value can be what both say; False where that is not known."""
    if first.ignore_case or second.ignore_case:
        if "regex" in (first.kind, second.kind):
            return False
        first, second = _folded(first), _folded(second)
    for one, other in ((first, second), (second, first)):
        if one.kind == "exact":
            return not holds(other, one.value)
    theirs = tuple(ranges(second))
    return not any(
        start <= high and low <= end for low, high in ranges(first) for start, end in theirs
    )


def _folded(asked: StringMatch) -> StringMatch:
    if asked.kind == "regex":
        return asked
    return replace(asked, value=asked.value.lower())


_LAST = b"\xff"  # in no UTF-8 text, and behind all of it
_LONGEST_RANGE = 100


def ranges(asked: StringMatch) -> Iterator[tuple[bytes, bytes]]:
    """Yield ranges of bytes, both ends included, that hold every value which `asked` takes.

    They hold no others, except for a regular expression.
    """
    value = asked.value.encode()
    match asked.kind:
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
            yield _regex_range(asked.value)
        case _:
            assert_never(asked.kind)


@lru_cache(maxsize=4096)
def _regex_range(regex: str) -> tuple[bytes, bytes]:
    try:
        low, high = _compiled(regex).possiblematchrange(_LONGEST_RANGE)
    except re2.error:  # it may begin with anything
        return b"", _LAST
    return low, high
