"""What several VirtualServices for one domain make of a gateway's rules."""

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
    """A VirtualService's rules for one domain; `level`: how they are exported to the gateway."""

    resource: Resource
    metadata: kinds.Metadata
    level: int
    routes: tuple[Route, ...]


def merged(brought: list[Brought], diagnostics: Diagnostics) -> tuple[Route, ...]:
    """The rules of several VirtualServices, in Istio's order.

    First what is exported to the gateway's namespace alone, then by its name, then to all; of each
    the older's. Those for every request go last, but for those that ask for its scheme.
    """
    if len(brought) == 1:
        return brought[0].routes
    ordered = sorted(brought, key=lambda one: (one.level, age_of(one.metadata)))
    routes = [route for one in ordered for route in _reached(one.routes)]
    require_few(ordered[-1].resource, "spec.http", routes)
    _warn_where_met(ordered, diagnostics)
    single = [replace(r, matches=(m,)) for r in routes for m in r.matches or (Match(),)]
    whole = [replace(r, matches=()) if is_catch_all(r.matches[0]) else r for r in single]
    return tuple(sorted(whole, key=lambda route: not route.matches and not route.by_scheme))


def _warn_where_met(ordered: list[Brought], diagnostics: Diagnostics) -> None:
    """Warn of rules that may take the same requests as others, where only names order them.

    Those for every request go last.
    """
    before: MatchIndex[Brought] = MatchIndex()
    for one in ordered:
        reached = (match for route in _reached(one.routes) for match in route.matches)
        narrow = [match for match in reached if not is_catch_all(match)]
        met = (other for match in narrow for other in before.meeting(match))
        equal = (
            other
            for other in met
            if other.level == one.level and not ages_differ(other.metadata, one.metadata)
        )
        if other := next(equal, None):
            why = why_first(other.metadata, one.metadata)
            message = f"its rules overlap with those of {other.resource.name}, {why}"
            diagnostics.warn(one.resource.finding("order", "spec.http", message))
        for match in narrow:
            before.add(match, one)


def _reached(routes: tuple[Route, ...]) -> Iterator[Route]:
    """The rules up to the first that takes everything, behind which Istio drops the others."""
    for route in routes:
        yield route
        if not route.matches:
            return
