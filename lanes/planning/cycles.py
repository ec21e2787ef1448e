"""Calls that come back: which of them never end, which may be left out, what answers alike."""

from collections.abc import Callable, Iterable, Mapping, Set
from graphlib import CycleError, TopologicalSorter

from lanes.planning.hop import CallKey, Hop


def endless(always: Mapping[CallKey, Iterable[CallKey]]) -> tuple[CallKey, ...]:
    """Return a cycle of calls that are always made, by what each call makes; (): none."""
    try:
        TopologicalSorter(always).prepare()
    except CycleError as error:
        return tuple(reversed(error.args[1]))
    return ()


def alike(
    first: tuple[Hop, ...], second: tuple[Hop, ...], whole: Callable[[Hop], Hop] = lambda hop: hop
) -> bool:
    """Tell whether hops answer alike in pairs, and all that they call.

    `whole` gives the hop with its upstreams for one that repeats a call.
    """
    compared: set[tuple[int, int]] = set()
    ahead = [(first, second)]
    while ahead:
        first, second = ahead.pop()
        if len(first) != len(second):
            return False
        for one, other in zip(map(whole, first), map(whole, second), strict=True):
            if one.own != other.own:
                return False
            if one is not other and (id(one), id(other)) not in compared:
                compared.add((id(one), id(other)))
                ahead.append((one.upstreams, other.upstreams))
    return True


def optional_cycles(entry: Hop) -> frozenset[tuple[str, str]]:
    """Return the calls in cycles that pods may leave out, as the names of caller and callee.

    No `upstream_url` says that these are always made.
    """
    calls = [(hop, upstream) for hop in entry.walk() for upstream in hop.upstreams]
    if all(upstream.repeats is None for _, upstream in calls):
        return frozenset()
    called: dict[str, set[str]] = {}
    for hop, upstream in calls:
        called.setdefault(hop.service, set()).add(upstream.service)
    optional = {(hop.service, upstream.service) for hop, upstream in calls if hop.may_stop}
    return frozenset((one, other) for one, other in optional if one in _reached(called, other))


def _reached(called: Mapping[str, Set[str]], first: str) -> Set[str]:
    """Return what is called behind a service, itself included."""
    found, ahead = {first}, [first]
    while ahead:
        new = called.get(ahead.pop(), set()) - found
        found |= new
        ahead += new
    return found
