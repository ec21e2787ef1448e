"""Matches filed by what they ask for: those that concern another are found without trying each."""

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
_Place = str
"""What a condition is on: a header, by its name, or the path."""
_URI = ""


class MatchIndex(Generic[Item]):
    """Matches in the order in which they are added, each with an item.

    Each is filed under one of its conditions, so that a look-up costs what is near, and not what
    there is.
    """

    def __init__(self) -> None:
        self._entries: list[tuple[Match, Item]] = []
        self._places: dict[_Place, _Values] = {}
        self._elsewhere: list[int] = []  # which no condition tells apart

    def add(self, match: Match, item: Item) -> None:
        """Add a match behind all others."""
        number = len(self._entries)
        self._entries.append((match, item))
        place = _filed_by(match)
        if place is None:
            self._elsewhere.append(number)
        else:
            self._places.setdefault(place, _Values()).add(_conditions(match)[place], number)

    def covering(self, match: Match) -> Iterator[Item]:
        """Yield the items, in order, whose matches are known to cover `match`."""
        return (item for first, item in self.near(match) if covers(first, match))

    def meeting(self, match: Match) -> Iterator[Item]:
        """Yield the items, in order, whose matches are not known to be disjoint from `match`."""
        numbers = set(self._elsewhere)
        asked = _conditions(match)
        for place, filed in self._places.items():
            numbers |= filed.meeting(asked[place]) if place in asked else filed.numbers
        entries = (self._entries[number] for number in sorted(numbers))
        return (item for first, item in entries if not disjoint(first, match))

    def taking(self, headers: Mapping[str, str], method: str, target: str) -> Iterator[Item]:
        """Yield the items, in order, whose matches a request meets."""
        path = StringMatch("exact", target.partition("?")[0])
        request = Match({n: StringMatch("exact", v) for n, v in headers.items()}, path)
        near = self.near(request)
        return (item for match, item in near if meets(match, headers, method, target))

    def near(self, match: Match) -> Iterator[tuple[Match, Item]]:
        """Yield the matches, in order and with their items, that may cover `match`."""
        numbers = set(self._elsewhere)
        for place, asked in _conditions(match).items():
            if place in self._places:
                numbers |= self._places[place].covering(asked)
        return (self._entries[number] for number in sorted(numbers))


class _Values:
    """Conditions on one value, by number: those without case by where their values begin."""

    def __init__(self) -> None:
        self.numbers: set[int] = set()
        self._exact: dict[bytes, list[int]] = {}
        self._below: dict[bytes, list[int]] = {}
        self._lengths: set[int] = set()  # of the keys of _below
        self._starts: list[bytes] = []  # the keys of both, sorted
        self._by_regex: dict[str, list[int]] = {}
        self._others: list[int] = []

    def add(self, asked: StringMatch, number: int) -> None:
        self.numbers.add(number)
        if asked.ignore_case or takes_every_value(asked):
            self._others.append(number)
        elif asked.kind == "regex":
            self._by_regex.setdefault(asked.value, []).append(number)
        else:
            start = next(ranges(asked))[0]
            if start not in self._exact and start not in self._below:
                insort(self._starts, start)
            if asked.kind == "exact":
                self._exact.setdefault(start, []).append(number)
            else:
                self._below.setdefault(start, []).append(number)
                self._lengths.add(len(start))

    def covering(self, asked: StringMatch) -> set[int]:
        """Return the conditions that may take every value that `asked` takes."""
        found = set(self._others)
        if asked.ignore_case:
            return found
        if asked.kind == "regex":
            found.update(self._by_regex.get(asked.value, ()))
        elif asked.kind != "present":
            for regex, numbers in self._by_regex.items():
                if asked.kind != "exact" or fits(regex, asked.value):
                    found.update(numbers)
        low, high = next(ranges(asked))
        if low == high:
            found.update(self._exact.get(low, ()))
        found.update(self._above(low))
        return found

    def meeting(self, asked: StringMatch) -> set[int]:
        """Return the conditions that may take a value that `asked` takes."""
        if asked.ignore_case:
            return self.numbers
        found = {*self._others, *chain.from_iterable(self._by_regex.values())}
        for low, high in ranges(asked):
            found.update(self._above(low))
            first, last = bisect_left(self._starts, low), bisect_right(self._starts, high)
            for start in self._starts[first:last]:
                found.update(self._exact.get(start, ()), self._below.get(start, ()))
        return found

    def _above(self, start: bytes) -> Iterator[int]:
        """Yield the conditions for what begins as `start` does."""
        for length in self._lengths:
            if length <= len(start):
                yield from self._below.get(start[:length], ())


def _conditions(match: Match) -> dict[_Place, StringMatch]:
    return {_URI: match.uri, **match.headers} if match.uri else {**match.headers}


def _filed_by(match: Match) -> _Place | None:
    """Return the condition that tells a match apart best; None: every request may meet it."""
    asked = _conditions(match)
    if takes_every_path(match.uri):
        asked.pop(_URI, None)
    return min(asked, key=lambda place: _vagueness(asked[place]), default=None)


def _vagueness(asked: StringMatch) -> tuple[bool, int]:
    return asked.ignore_case, get_args(Kind).index(asked.kind)
