"""Cycles of calls: which never end, and which calls in them are optional."""

from collections.abc import Callable, Iterable, Mapping, Set
from graphlib import CycleError, TopologicalSorter

from lanes.planning.hop import CallKey, Hop


def endless(always: Mapping[CallKey, Iterable[CallKey]]) -> tuple[CallKey, ...]:
    """Return a cycle in the calls that each call always causes; () if there is none."""
    try:
        TopologicalSorter(always).prepare()
    except CycleError as error:
        return tuple(reversed(error.args[1]))
    return ()


def alike(
    first: tuple[Hop, ...],
    second: tuple[Hop, ...],
    with_upstreams: Callable[[Hop], Hop] = lambda hop: hop,
) -> bool:
    """Tell whether the hops have the same answers in pairs, and so have the hops behind them.

    `with_upstreams` returns the hop with the upstreams for a hop that repeats a call.
    """
    compared: set[tuple[int, int]] = set()
    stack = [(first, second)]
    while stack:
        first, second = stack.pop()
        if len(first) != len(second):
            return False
        pairs = zip(map(with_upstreams, first), map(with_upstreams, second), strict=True)
        for one, other in pairs:
            if one.local_answer != other.local_answer:
                return False
            if one is not other and (id(one), id(other)) not in compared:
                compared.add((id(one), id(other)))
                stack.append((one.upstreams, other.upstreams))
    return True


def optional_cycles(entry: Hop) -> frozenset[tuple[str, str]]:
    """Return the calls in cycles that pods may leave out, as pairs of caller and callee.

    A call is optional if no `upstream_url` lists it.
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
    """Return the services that calls from `first` reach, and `first`."""
    reached, stack = {first}, [first]
    while stack:
        new = called.get(stack.pop(), set()) - reached
        reached |= new
        stack += new
    return reached
