"""Rules that no request meets: earlier ones take all of theirs, or no gateway sets their lane."""

from collections.abc import Iterator, Sequence

from lanes.mesh.match_index import MatchIndex
from lanes.mesh.matching import Match
from lanes.mesh.model import Mesh, Route
from lanes.planning.result import Plan


def unmet_rules(mesh: Mesh, plan: Plan) -> dict[str, str]:
    """Return where each rule stands that no request meets, by what the rule is."""
    found: dict[str, str] = {}
    for routes in (*(host.routes for host in mesh.gateway), *(port.routes for port in mesh.ports)):
        for route in _covered(routes):
            place = route.place
            where = ": ".join(filter(None, (place.file, place.resource, place.field)))
            found.setdefault(f"{place.resource} {route.matches!r}", where)
    for header in plan.unset_headers:
        text = f"{header.header}: {header.name}"
        found.setdefault(text, f"rules for {text}: no gateway sets it")
    return found


def _covered(routes: Sequence[Route]) -> Iterator[Route]:
    """Yield the routes all of whose requests earlier ones take."""
    earlier: MatchIndex[None] = MatchIndex()
    for route in routes:
        matches = route.matches or (Match(),)
        if all(any(True for _ in earlier.covering(match)) for match in matches):
            yield route
        for match in matches:
            earlier.add(match, None)
