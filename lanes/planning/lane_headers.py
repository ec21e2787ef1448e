"""Lane headers that rules of the mesh match, and who hands them on.

A lane header is a header or a baggage member. OpenTelemetry propagates baggage. The sidecars of an
ASMHeaderPropagation propagate the headers that it names. Services propagate any other header.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lanes.mesh import baggage
from lanes.mesh.examples import example
from lanes.mesh.headers import AUTHORITY
from lanes.mesh.matching import Match, holds
from lanes.mesh.model import Mesh


@dataclass(frozen=True)
class LaneHeader:
    """Example headers that meet a rule of the mesh.

    `name`: of the lane. `header`: the lane header. `headers`: names and values.
    """

    name: str
    header: str
    headers: tuple[tuple[str, str], ...]

    @property
    def words(self) -> str:
        """The headers in words."""
        return " and ".join(f"{name}: {value}" for name, value in self.headers)


def assumed_headers(mesh: Mesh) -> frozenset[str]:
    """Return the headers that rules of the mesh match and only services can propagate."""
    matched = {name for match in _matches(mesh) for name in (*match.headers, *match.without)}
    return frozenset(
        name
        for name in matched - {"baggage", AUTHORITY}
        if not any(pod.propagation.covers(name) for pod in mesh.pods)
    )


def matched_headers(mesh: Mesh, known: Iterable[Mapping[str, str]]) -> tuple[LaneHeader, ...]:
    """Return the lane headers that rules of the mesh match, except those of `known` lanes."""
    lanes = list(known)
    found: dict[tuple[tuple[str, str], ...], LaneHeader] = {}
    for match in _matches(mesh):
        if not match.headers or any(_headers_meet(match, headers) for headers in lanes):
            continue
        examples = {name: example(condition) for name, condition in match.headers.items()}
        if header := _lane_header(examples):
            found.setdefault(header.headers, header)
    for name, value in _excluded(mesh):
        if not any(name in headers for headers in (*lanes, *map(dict, found))):
            header = LaneHeader(f"{name}: {value}", name, ((name, value),))
            found.setdefault(header.headers, header)
    return tuple(found.values())


def _excluded(mesh: Mesh) -> Iterator[tuple[str, str]]:
    """Yield examples of headers with which a request does not meet a rule."""
    for match in _matches(mesh):
        for name, condition in match.without.items():
            excludes_empty = condition.kind != "present" and holds(condition, "")
            if not excludes_empty and (value := example(condition)) and name != AUTHORITY:
                yield name, value


def _matches(mesh: Mesh) -> Iterator[Match]:
    for port in mesh.ports:
        for route in port.all_routes:
            yield from route.matches


def _headers_meet(match: Match, headers: Mapping[str, str]) -> bool:
    return all(holds(condition, headers.get(name)) for name, condition in match.headers.items())


def _lane_header(examples: Mapping[str, str | None]) -> LaneHeader | None:
    """Return the lane header; None if a header has no example, or if all are empty."""
    headers = tuple((name, value) for name, value in examples.items() if value is not None)
    if len(headers) < len(examples):
        return None
    if len(headers) > 1:
        words = " and ".join(value for _, value in headers if value)
        return LaneHeader(words, headers[0][0], headers) if words else None
    ((name, value),) = headers
    members = baggage.members(value) if name == "baggage" else {}
    if len(members) == 1:
        ((name, value),) = members.items()
    return LaneHeader(value, name, headers) if value else None
