"""The rules and the ports of the mesh that a plan leaves out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lanes.mesh.diagnostics import Place
from lanes.mesh.matching import Match, holds
from lanes.mesh.model import Host, Route
from lanes.planning.call_graph import CallGraph
from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule, rule_by
from lanes.planning.hop import Hop


@dataclass(frozen=True)
class OtherRule:
    """A rule in the mesh, by path, query or method, that no planned call takes."""

    service: str
    rule: str
    place: Place

    def __str__(self) -> str:
        """Return the rule in words: cart, path /items."""
        return f"{self.service}, {self.rule}"


@dataclass(frozen=True)
class PlannedPort:
    """The planned port of a Service with several HTTP ports, and the others."""

    service: str
    port: int
    others: tuple[int, ...]

    def __str__(self) -> str:
        """Return the ports in words: cart is planned at port 80, and not at 81."""
        others = ", ".join(map(str, self.others))
        return f"{self.service} is planned at port {self.port}, and not at {others}"


def other_rules(graph: CallGraph, hops: Iterable[Hop]) -> tuple[OtherRule, ...]:
    """Return the rules by path, query or method that none of these hops takes."""
    hops = list(hops)
    taken = {hop.place for hop in hops}
    called = {(hop.hosts[0], hop.port): hop.service for hop in hops if hop.hosts and hop.port}
    found: dict[OtherRule, None] = {}
    for (host, number), service in called.items():
        port = graph.ports.get(host, {}).get(number)
        for route in port.all_routes if port else ():
            if route.place not in taken:
                rules = _examples(route)
                found |= {OtherRule(service, str(rule), route.place): None for rule in rules}
    return tuple(found)


def _examples(route: Route) -> Iterator[EntryRule]:
    """Yield an example of each match that GET / does not meet."""
    for match in route.matches:
        rule = None if _may_take_root(match) else rule_by(match, "/")
        if rule is not None and rule != NO_ENTRY_RULE:
            yield rule


def _may_take_root(match: Match) -> bool:
    by_path = match.uri is not None and not holds(match.uri, "/")
    by_method = match.method is not None and not holds(match.method, "GET")
    return not (by_path or by_method or match.query)


def planned_ports(graph: CallGraph, hops: Iterable[Hop]) -> tuple[PlannedPort, ...]:
    """Return the ports of these hops whose Services have other HTTP ports."""
    planned: dict[Host, dict[int, None]] = {}
    for hop in hops:
        for host in hop.hosts[:2] if hop.port else ():
            if host in graph.ports:
                planned.setdefault(host, {})[hop.port] = None
                break
    found: list[PlannedPort] = []
    for host, numbers in planned.items():
        http = [number for number, port in graph.ports[host].items() if port.is_hop]
        others = tuple(number for number in http if number not in numbers)
        if others:
            found.append(PlannedPort(host.name, next(iter(numbers)), others))
    return tuple(found)
