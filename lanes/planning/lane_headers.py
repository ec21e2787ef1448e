"""Lane headers that the mesh's rules ask for, and who hands them on.

A lane header is a header, or a member of the baggage. OpenTelemetry carries baggage, and the
sidecars of an ASMHeaderPropagation the headers that it names; any other header a service has to
hand on by itself.
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
    """What a request has to carry for rules of the mesh to route it by themselves, by example.

    `name` is that of its lane, and `header` the lane header.
    """

    name: str
    header: str
    headers: tuple[tuple[str, str], ...]

    @property
    def words(self) -> str:
        """The headers in words."""
        return " and ".join(f"{name}: {value}" for name, value in self.headers)


def assumed_headers(mesh: Mesh) -> frozenset[str]:
    """Return the headers that rules of the mesh ask for and only services can hand on."""
    asked = {name for match in _matches(mesh) for name in (*match.headers, *match.without)}
    return frozenset(
        name
        for name in asked - {"baggage", AUTHORITY}
        if not any(pod.propagation.covers(name) for pod in mesh.pods)
    )


def asked_for(mesh: Mesh, known: Iterable[Mapping[str, str]]) -> tuple[LaneHeader, ...]:
    """Return the lane headers that rules of the mesh ask for, but those of `known` lanes."""
    lanes = list(known)
    found: dict[tuple[tuple[str, str], ...], LaneHeader] = {}
    for match in _matches(mesh):
        if not match.headers or any(_fit(match, headers) for headers in lanes):
            continue
        one = _lane_header({name: example(asked) for name, asked in match.headers.items()})
        if one is not None:
            found.setdefault(one.headers, one)
    for name, value in _excluded(mesh):
        if not any(name in headers for headers in (*lanes, *map(dict, found))):
            one = LaneHeader(f"{name}: {value}", name, ((name, value),))
            found.setdefault(one.headers, one)
    return tuple(found.values())


def _excluded(mesh: Mesh) -> Iterator[tuple[str, str]]:
    """Yield the headers, by example, that rules take no request with."""
    for match in _matches(mesh):
        for name, asked in match.without.items():
            absent = asked.kind != "present" and holds(asked, "")  # which counts as empty there
            if not absent and (value := example(asked)) and name != AUTHORITY:
                yield name, value


def _matches(mesh: Mesh) -> Iterator[Match]:
    for port in mesh.ports:
        for route in port.all_routes:
            yield from route.matches


def _fit(match: Match, headers: Mapping[str, str]) -> bool:
    return all(holds(asked, headers.get(name)) for name, asked in match.headers.items())


def _lane_header(examples: Mapping[str, str | None]) -> LaneHeader | None:
    """Return these headers as one; None where one has no example, and where all are empty."""
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
