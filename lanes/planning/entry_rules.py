"""Doors: the rules of a gateway's that lead to one lane, for requests that ask for more."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from lanes.planning.entry_rule import EntryRule
from lanes.planning.ingress import Alternative, ForwardedRequest


@dataclass(frozen=True)
class Candidate:
    """A way into a lane, and where it leads."""

    lane: str
    way: EntryRule
    entry: ForwardedRequest


def doors_of(
    others: Iterable[Alternative], header: str, split: tuple[ForwardedRequest, ...]
) -> tuple[list[Candidate], list[str]]:
    """The ways in that `others` are, and in words those that are none.

    A rule that stamps by the ordinary `split` is no way of its own, and needs no word.
    """
    doors: list[Candidate] = []
    none: list[str] = []
    for other in others:
        if _shares(other.entries, header) == _shares(split, header):
            continue
        led = [entry for entry in other.entries if entry.weighted.weight]
        if not led:
            none.append(f"{other.words} (answers 500: no backend has a weight above 0)")
        elif len(led) > 1:
            none.append(f"{other.words} (has a split of its own)")
        elif header not in led[0].tags and any(entry.tags for entry in split):
            none.append(f"{other.words} (stamps no lane)")
        elif other.way is None:
            none.append(f"{other.words} (no request that comes there is known)")
        else:  # where nobody's requests are stamped, the way is all that tells the lane
            name = led[0].tags.get(header, other.words)
            doors.append(Candidate(name, other.way, led[0]))
    return doors, none


def _shares(
    split: Iterable[ForwardedRequest], header: str
) -> set[tuple[str | None, str, Fraction]]:
    """The lanes of a split, each with its destination and its share."""
    split = list(split)
    total = sum(entry.weighted.weight for entry in split) or 1
    return {
        (
            entry.tags.get(header),
            entry.weighted.destination.name,
            Fraction(entry.weighted.weight, total),
        )
        for entry in split
    }


def stamped(others: Iterable[Alternative]) -> str:
    """The one name that these rules stamp with; "" where they stamp with none, or with several."""
    names = {name for other in others for entry in other.entries for name in entry.tags}
    return names.pop() if len(names) == 1 else ""
