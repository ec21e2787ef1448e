"""What a plan leaves out of the mesh: rules that no call of it meets, and further ports."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lanes.mesh.diagnostics import Place
from lanes.mesh.matching import Match, holds
from lanes.mesh.model import (
    Host,
    Route,
)
from lanes.planning.call_graph import CallGraph
from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule, rule_by
from lanes.planning.hop import Hop


@dataclass(frozen=True)
class OtherRule:
    """A rule for callers in the mesh, by path, query or method, that no planned call meets."""

    service: str
    rule: str
    place: Place

    def __str__(self) -> str:
        """Return the rule in words: cart, path /items."""
        return f"{self.service}, {self.rule}"


@dataclass(frozen=True)
class PlannedPort:
    """The port that is planned of a Service with several that carry HTTP, and the others."""

    service: str
    port: int
    others: tuple[int, ...]

    def __str__(self) -> str:
        """Return the ports in words: cart is planned at port 80, and not at 81."""
        others = ", ".join(map(str, self.others))
        return f"{self.service} is planned at port {self.port}, and not at {others}"


def other_rules(graph: CallGraph, hops: Iterable[Hop]) -> tuple[OtherRule, ...]:
    """Return the rules by path, query or method that none of these hops is led by."""
    hops = list(hops)
    met = {hop.place for hop in hops}
    called = {(hop.hosts[0], hop.port): hop.service for hop in hops if hop.hosts and hop.port}
    found: dict[OtherRule, None] = {}
    for (host, number), service in called.items():
        port = graph.ports.get(host, {}).get(number)
        for route in port.all_routes if port else ():
            if route.place not in met:
                found |= dict.fromkeys(
                    OtherRule(service, str(rule), route.place) for rule in _asked(route)
                )
    return tuple(found)


def _asked(route: Route) -> Iterator[EntryRule]:
    """Yield what a rule asks for besides what a call for "/" has."""
    for match in route.matches:
        rule = rule_by(match, "/") if _is_elsewhere(match) else None
        if rule is not None and rule != NO_ENTRY_RULE:
            yield rule


def _is_elsewhere(match: Match) -> bool:
    by_path = match.uri is not None and not holds(match.uri, "/")
    by_method = match.method is not None and not holds(match.method, "GET")
    return by_path or by_method or bool(match.query)


def planned_ports(graph: CallGraph, hops: Iterable[Hop]) -> tuple[PlannedPort, ...]:
    """Return the ports of Services that these hops are at, where there are others with HTTP."""
    planned: dict[Host, dict[int, None]] = {}
    for hop in hops:
        for host in hop.hosts[:2] if hop.port else ():
            if host in graph.ports:
                planned.setdefault(host, {})[hop.port] = None
                break
    found: list[PlannedPort] = []
    for host, numbers in planned.items():
        there = [number for number, port in graph.ports[host].items() if port.is_hop]
        others = tuple(number for number in there if number not in numbers)
        if others:
            found.append(PlannedPort(host.name, next(iter(numbers)), others))
    return tuple(found)
