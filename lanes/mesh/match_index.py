"""An index of matches: finds those that relate to another match without comparing them all."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Generic, TypeVar, get_args

from lanes.mesh.matching import (
    Kind,
    Match,
    StringMatch,
    covers,
    disjoint,
    fits,
    meets,
    ranges,
    takes_every_path,
    takes_every_value,
)

Item = TypeVar("Item")
_Field = str
"""The field that a condition is on: the name of a header, or `_PATH`."""
_PATH = ""


class MatchIndex(Generic[Item]):
    """Matches in the order in which they are added, each with an item.

    Each match is indexed by one of its conditions. The time of a look-up depends on the number of
    matches with similar conditions, not on the number of all matches.
    """

    def __init__(self) -> None:
        self._entries: list[tuple[Match, Item]] = []
        self._by_field: dict[_Field, _Conditions] = {}
        self._unconditional: list[int] = []  # the matches that every request may meet

    def add(self, match: Match, item: Item) -> None:
        """Add a match behind all others."""
        number = len(self._entries)
        self._entries.append((match, item))
        field = _indexed_field(match)
        if field is None:
            self._unconditional.append(number)
        else:
            self._by_field.setdefault(field, _Conditions()).add(_conditions(match)[field], number)

    def covering(self, match: Match) -> Iterator[Item]:
        """Yield the items, in order, whose matches are known to cover `match`."""
        return (item for other, item in self.near(match) if covers(other, match))

    def meeting(self, match: Match) -> Iterator[Item]:
        """Yield the items, in order, whose matches are not known to be disjoint from `match`."""
        numbers = set(self._unconditional)
        conditions = _conditions(match)
        for field, indexed in self._by_field.items():
            condition = conditions.get(field)
            numbers |= indexed.meeting(condition) if condition else indexed.numbers
        entries = (self._entries[number] for number in sorted(numbers))
        return (item for other, item in entries if not disjoint(other, match))

    def taking(self, headers: Mapping[str, str], method: str, target: str) -> Iterator[Item]:
        """Yield the items, in order, whose matches a request meets."""
        path = StringMatch("exact", target.partition("?")[0])
        request = Match({n: StringMatch("exact", v) for n, v in headers.items()}, path)
        near = self.near(request)
        return (item for match, item in near if meets(match, headers, method, target))

    def near(self, match: Match) -> Iterator[tuple[Match, Item]]:
        """Yield the matches, in order and with their items, that may cover `match`."""
        numbers = set(self._unconditional)
        for field, condition in _conditions(match).items():
            if field in self._by_field:
                numbers |= self._by_field[field].covering(condition)
        return (self._entries[number] for number in sorted(numbers))


class _Conditions:
    """The numbers of matches by their condition on one field."""

    def __init__(self) -> None:
        self.numbers: set[int] = set()
        self._exact: dict[bytes, list[int]] = {}  # by value
        self._prefix: dict[bytes, list[int]] = {}  # of prefix and segments, by value
        self._prefix_lengths: set[int] = set()
        self._starts: list[bytes] = []  # the values of both, sorted
        self._by_regex: dict[str, list[int]] = {}
        self._others: list[int] = []  # with ignore_case, or for every value

    def add(self, condition: StringMatch, number: int) -> None:
        self.numbers.add(number)
        if condition.ignore_case or takes_every_value(condition):
            self._others.append(number)
        elif condition.kind == "regex":
            self._by_regex.setdefault(condition.value, []).append(number)
        else:
            start = condition.value.encode()
            if start not in self._exact and start not in self._prefix:
                insort(self._starts, start)
            if condition.kind == "exact":
                self._exact.setdefault(start, []).append(number)
            else:
                self._prefix.setdefault(start, []).append(number)
                self._prefix_lengths.add(len(start))

    def covering(self, condition: StringMatch) -> set[int]:
        """Return the matches whose condition may cover `condition`."""
        found = set(self._others)
        if condition.ignore_case:
            return found
        if condition.kind == "regex":
            found.update(self._by_regex.get(condition.value, ()))
        elif condition.kind != "present":
            for regex, numbers in self._by_regex.items():
                if condition.kind != "exact" or fits(regex, condition.value):
                    found.update(numbers)
        low, high = next(ranges(condition))
        if low == high:
            found.update(self._exact.get(low, ()))
        found.update(self._prefixes_of(low))
        return found

    def meeting(self, condition: StringMatch) -> set[int]:
        """Return the matches whose condition may share a value with `condition`."""
        if condition.ignore_case:
            return self.numbers
        found = {*self._others, *chain.from_iterable(self._by_regex.values())}
        for low, high in ranges(condition):
            found.update(self._prefixes_of(low))
            first, last = bisect_left(self._starts, low), bisect_right(self._starts, high)
            for start in self._starts[first:last]:
                found.update(self._exact.get(start, ()), self._prefix.get(start, ()))
        return found

    def _prefixes_of(self, value: bytes) -> Iterator[int]:
        """Yield the matches whose prefix `value` begins with."""
        for length in self._prefix_lengths:
            if length <= len(value):
                yield from self._prefix.get(value[:length], ())


def _conditions(match: Match) -> dict[_Field, StringMatch]:
    return {_PATH: match.uri, **match.headers} if match.uri else {**match.headers}


def _indexed_field(match: Match) -> _Field | None:
    """Return the field of the most precise condition; None: every request may meet the match."""
    conditions = _conditions(match)
    if takes_every_path(match.uri):
        conditions.pop(_PATH, None)
    return min(conditions, key=lambda field: _vagueness(conditions[field]), default=None)


def _vagueness(condition: StringMatch) -> tuple[bool, int]:
    return condition.ignore_case, get_args(Kind).index(condition.kind)
