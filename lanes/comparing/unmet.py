"""Finds rules that no request matches: earlier rules match all, or no gateway sets the header."""

from collections.abc import Iterator, Sequence

from lanes.mesh.match_index import MatchIndex
from lanes.mesh.matching import Match
from lanes.mesh.model import Mesh, Route
from lanes.planning.result import Plan


def unmet_rules(mesh: Mesh, plan: Plan) -> dict[str, str]:
    """Return the place of each rule that no request matches. Keys identify the rules."""
    places: dict[str, str] = {}
    for routes in (*(host.routes for host in mesh.gateway), *(port.routes for port in mesh.ports)):
        for route in _covered(routes):
            place = route.place
            text = ": ".join(filter(None, (place.file, place.resource, place.field)))
            places.setdefault(f"{place.resource} {route.matches!r}", text)
    for header in plan.unset_headers:
        text = f"{header.header}: {header.name}"
        places.setdefault(text, f"rules for {text}: no gateway sets it")
    return places


def _covered(routes: Sequence[Route]) -> Iterator[Route]:
    """Yield the routes whose requests all match earlier routes."""
    earlier: MatchIndex[None] = MatchIndex()
    for route in routes:
        matches = route.matches or (Match(),)
        if all(any(True for _ in earlier.covering(match)) for match in matches):
            yield route
        for match in matches:
            earlier.add(match, None)
