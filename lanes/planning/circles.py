"""Calls that go round: which of them never end, and whether two ways answer alike all the same."""

from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter

from lanes.errors import LanesError
from lanes.model import Host
from lanes.planning.hops import Hop
from lanes.planning.walk import Walk

NEVER_ENDS = "the chain never ends; break the loop"


def require_ends(walk: Walk) -> None:
    """Raises LanesError where calls that pods always make go round, or where pods that answer as
    one call past their sidecars and that makes a difference.
    """
    try:
        TopologicalSorter(walk.always).prepare()
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
