"""Merges the rules that several VirtualServices have for one domain of a gateway."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lanes.mesh.diagnostics import Diagnostics
from lanes.mesh.match_index import MatchIndex
from lanes.mesh.matching import Match, is_catch_all
from lanes.mesh.model import Route
from lanes.reading import kinds
from lanes.reading.age import age_of, ages_differ, why_first
from lanes.reading.manifests import Resource
from lanes.reading.virtual_services import require_few


@dataclass(frozen=True)
class Brought:
    """A VirtualService's rules for one domain.

    `level`: how the VirtualService is exported to the gateway's namespace (see `level_in`).
    """

    resource: Resource
    metadata: kinds.Metadata
    level: int
    routes: tuple[Route, ...]


def merged(brought: list[Brought], diagnostics: Diagnostics) -> tuple[Route, ...]:
    """Return the rules of several VirtualServices, in Istio's order.

    VirtualServices of the gateway's namespace alone come first, then those exported to it by name,
    then those exported to all; of each, the oldest. Rules for every request go last, except rules
    that match the scheme.
    """
    if len(brought) == 1:
        return brought[0].routes
    ordered = sorted(brought, key=lambda each: (each.level, age_of(each.metadata)))
    routes = [route for each in ordered for route in _reachable(each.routes)]
    require_few(ordered[-1].resource, "spec.http", routes)
    _warn_of_overlaps(ordered, diagnostics)
    single = [replace(r, matches=(m,)) for r in routes for m in r.matches or (Match(),)]
    whole = [replace(r, matches=()) if is_catch_all(r.matches[0]) else r for r in single]
    return tuple(sorted(whole, key=lambda route: not route.matches and not route.by_scheme))


def _warn_of_overlaps(ordered: list[Brought], diagnostics: Diagnostics) -> None:
    """Warn of VirtualServices whose rules match the same requests, if only names order them."""
    earlier: MatchIndex[Brought] = MatchIndex()
    for each in ordered:
        matches = [m for r in _reachable(each.routes) for m in r.matches if not is_catch_all(m)]
        overlapping = (other for match in matches for other in earlier.meeting(match))
        by_name = (
            other
            for other in overlapping
            if other.level == each.level and not ages_differ(other.metadata, each.metadata)
        )
        if other := next(by_name, None):
            why = why_first(other.metadata, each.metadata)
            message = f"its rules overlap with those of {other.resource.name}, {why}"
            diagnostics.warn(each.resource.finding("order", "spec.http", message))
        for match in matches:
            earlier.add(match, each)


def _reachable(routes: tuple[Route, ...]) -> Iterator[Route]:
    """Yield the rules up to the first for every request; Istio drops the others."""
    for route in routes:
        yield route
        if not route.matches:
            return
