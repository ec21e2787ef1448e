"""Lanes: their header, their weights, and the gateway rules that lead to no single lane."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from lanes.mesh import baggage
from lanes.planning.entry_rule import EntryRule
from lanes.planning.ingress import Alternative, ForwardedRequest, Ingress
from lanes.planning.lane_headers import LaneHeader
from lanes.planning.messages import NOT_PLANNED, PlanError, Problem

# The lane of requests that carry no lane header.
UNTAGGED = "untagged"


@dataclass(frozen=True)
class LaneSpec:
    """A lane before its path is known: its requests as the gateway forwards them, and its weight.

    `header`: the lane header. `sent`: the headers that a client has to send; {} if the gateway
    sets the lane header.
    """

    name: str
    header: str
    forwarded: tuple[ForwardedRequest, ...]
    weight: int = 0
    sent: Mapping[str, str] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """The lane's own version; "": any."""
        return "" if self.name == UNTAGGED else self.name

    @property
    def carried(self) -> Mapping[str, str]:
        """The headers that name the lane in the mesh."""
        if not self.version:
            return {}
        in_baggage = baggage.with_member("", self.header, self.name)
        return self.sent or {"baggage": in_baggage, self.header: self.name}


@dataclass(frozen=True)
class Candidate:
    """A rule that may lead to a lane, and the request as the gateway forwards it."""

    lane: str
    rule: EntryRule
    forwarded: ForwardedRequest


@dataclass(frozen=True)
class NotPlanned:
    """A gateway rule, in words, that leads to no single lane, and the reason.

    `lane`: of other-path. `status`: of answers-itself. `why`: of not-supported; of shadowed and
    taken, the rule that takes the requests.
    """

    rule: str
    reason: Literal[
        "no-weight",
        "answers-itself",
        "splits",
        "sets-no-lane",
        "not-supported",
        "shadowed",
        "taken",
        "no-example",
        "depends-on-gateway",
        "other-path",
    ]
    lane: str = ""
    status: int | None = None
    why: str = ""

    def __str__(self) -> str:
        template = NOT_PLANNED[self.reason]
        return f"{self.rule} ({template.format(lane=self.lane, status=self.status, why=self.why)})"


@dataclass(frozen=True)
class Lanes:
    """The lanes of a plan, and the rules that may lead to them.

    `header`: the lane header that the gateway sets; "": none. `unset`: lane headers that rules of
    the mesh match, and that neither the gateway sets nor clients can send.
    """

    header: str
    specs: tuple[LaneSpec, ...]
    candidates: tuple[Candidate, ...] = ()
    not_planned: tuple[NotPlanned, ...] = ()
    unset: tuple[LaneHeader, ...] = ()

    @property
    def by_gateway(self) -> tuple[LaneSpec, ...]:
        """The lanes for which no client has to send a header."""
        return tuple(spec for spec in self.specs if not spec.sent)

    @property
    def names(self) -> frozenset[str]:
        """The names of the lanes that the gateway sets."""
        return frozenset(spec.name for spec in self.by_gateway) - {UNTAGGED}


def name_lanes(ingress: Ingress) -> Lanes:
    """Return the lanes of the default route, and those that other rules lead to.

    Raises LanesError if the gateway sets several lane headers, or a lane at two destinations, or
    if no rule leads to a lane.
    """
    header = _lane_header(ingress)
    forwarded = _by_lane(ingress, header)
    weights = {name: sum(one.weighted.weight for one in to) for name, to in forwarded.items()}
    header = header or _only_header((*ingress.alternatives, *ingress.other_hosts))
    here = [_candidate(one, header, ingress.default) for one in ingress.alternatives]
    other_hosts = [_candidate(one, header, ingress.default) for one in ingress.other_hosts]
    candidates = tuple(one for one in (*here, *other_hosts) if isinstance(one, Candidate))
    for candidate in candidates:
        forwarded.setdefault(candidate.lane, (candidate.forwarded,))
    if not forwarded:
        raise _no_lane(ingress)
    return Lanes(
        header,
        tuple(LaneSpec(name, header, to, weights.get(name, 0)) for name, to in forwarded.items()),
        candidates,
        tuple(one for one in here if isinstance(one, NotPlanned)),
    )


def _lane_header(ingress: Ingress) -> str:
    """Return the one header that the default route sets; "": none."""
    if not ingress.default:
        return ""
    of_destinations = [set(one.tags) for one in ingress.default]
    names = set.intersection(*of_destinations) or set.union(*of_destinations)
    if len(names) > 1:
        listed = ", ".join(sorted(names))
        raise PlanError(Problem.SEVERAL_LANE_HEADERS, sources=ingress.sources, names=listed)
    return next(iter(names), "")


def _no_lane(ingress: Ingress) -> PlanError:
    """Return the error of a gateway without lanes."""
    route, path = ingress.route, ingress.probe.path
    if route is None:
        return PlanError(Problem.NO_GATEWAY_RULE, sources=ingress.sources, path=path)
    place = route.place
    rule = ": ".join((place.file or ingress.sources, place.resource, place.field))
    return PlanError(Problem.ANSWERS_ITSELF, rule=rule, path=path, status=route.status)


def _by_lane(ingress: Ingress, header: str) -> dict[str, tuple[ForwardedRequest, ...]]:
    """Return the requests of each lane as the default route forwards them."""
    by_lane: dict[str, tuple[ForwardedRequest, ...]] = {}
    for one in ingress.default:
        name = one.tags.get(header, UNTAGGED)
        if name in by_lane and name != UNTAGGED:
            raise PlanError(Problem.LANE_SET_TWICE, sources=ingress.sources, lane=name)
        by_lane[name] = (*by_lane.get(name, ()), one)
    return by_lane


def _only_header(alternatives: Iterable[Alternative]) -> str:
    """Return the one header that these rules set; "": none, or several."""
    names = {name for other in alternatives for one in other.forwarded for name in one.tags}
    return names.pop() if len(names) == 1 else ""


def _candidate(
    alternative: Alternative, header: str, default: tuple[ForwardedRequest, ...]
) -> Candidate | NotPlanned | None:
    """Return the rule as a candidate, or the reason why not; None: it splits as the default."""
    words, rule = alternative.words, alternative.rule
    if alternative.unsupported:
        return NotPlanned(words, "not-supported", why=alternative.unsupported)
    if _split(alternative.forwarded, header) == _split(default, header):
        return None
    if rule is None and alternative.wholly:
        return NotPlanned(words, "shadowed", why=alternative.taken_by)
    used = [one for one in alternative.forwarded if one.weighted.weight]
    if alternative.status is not None:
        return NotPlanned(words, "answers-itself", status=alternative.status)
    if not used:
        return NotPlanned(words, "no-weight")
    if len(used) > 1:
        return NotPlanned(words, "splits")
    if header not in used[0].tags and any(one.tags for one in default):
        return NotPlanned(words, "sets-no-lane")
    if rule is None and alternative.taken_by:
        return NotPlanned(words, "taken", why=alternative.taken_by)
    if rule is None:
        return NotPlanned(words, "no-example")
    # If no request gets a lane header, the lane is named after the rule.
    return Candidate(used[0].tags.get(header, words), rule, used[0])


def _split(
    forwarded: Iterable[ForwardedRequest], header: str
) -> set[tuple[str | None, str, Fraction]]:
    """Return the lanes of a split, each with its destination and its share."""
    forwarded = list(forwarded)
    total = sum(one.weighted.weight for one in forwarded) or 1
    return {
        (
            one.tags.get(header),
            one.weighted.destination.name,
            Fraction(one.weighted.weight, total),
        )
        for one in forwarded
    }
