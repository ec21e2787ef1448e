"""Calls that go round: which of them never end, and whether two ways answer alike all the same."""

from collections.abc import Iterable, Mapping, Set
from graphlib import CycleError, TopologicalSorter

from lanes.errors import LanesError
from lanes.model import Host
from lanes.planning.hop import Hop
from lanes.planning.walk import Walk

NEVER_ENDS = "the chain never ends; break the loop"


def require_ends(walk: Walk) -> None:
    """Raises LanesError where calls that pods always make go round, or where pods that answer as
    one call past their sidecars and that makes a difference.
    """
    try:
        TopologicalSorter(walk.always if walk.back else {}).prepare()
    except CycleError as error:
        hosts = (host for host, *_ in reversed(error.args[1]))
        raise LanesError(f"{walk.name}: {joined(hosts)}: {NEVER_ENDS}") from None
    for one, other, problem in walk.alike:
        if not alike(walk, one, other):
            raise LanesError(problem)


def joined(hosts: Iterable[Host]) -> str:
    """A way through these in words."""
    return " -> ".join(host.name for host in hosts)


def alike(walk: Walk, ones: tuple[Hop, ...], others: tuple[Hop, ...]) -> bool:
    """Whether these hops of one walk answer alike in pairs, and all that they call."""
    compared: set[tuple[int, int]] = set()
    ahead = [(ones, others)]
    while ahead:
        ones, others = ahead.pop()
        if len(ones) != len(others):
            return False
        for one, other in zip(map(walk.whole, ones), map(walk.whole, others), strict=True):
            if one.own != other.own:
                return False
            if one is not other and (id(one), id(other)) not in compared:
                compared.add((id(one), id(other)))
                ahead.append((one.upstreams, other.upstreams))
    return True


def going_round(entry: Hop) -> frozenset[tuple[str, str]]:
    """The calls, by the services' names, that lead back to who makes them, and that these may leave
    out, since no `upstream_url` says that they are always made.
    """
    hops = tuple(entry.walk())
    calls = [(hop, upstream) for hop in hops for upstream in hop.upstreams]
    if all(upstream.repeats is None for _, upstream in calls):
        return frozenset()
    called: dict[str, set[str]] = {}
    for hop, upstream in calls:
        called.setdefault(hop.service, set()).add(upstream.service)
    told = {(hop.service, upstream.service) for hop, upstream in calls if hop.may_stop}
    return frozenset((one, other) for one, other in told if one in _reached(called, other))


def _reached(called: Mapping[str, Set[str]], first: str) -> Set[str]:
    """What is called behind a service, itself included."""
    found, ahead = {first}, [first]
    while ahead:
        new = called.get(ahead.pop(), set()) - found
        found |= new
        ahead += new
    return found
