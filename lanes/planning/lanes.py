"""Lanes: the header that names them, their weights, and what is no lane and why."""

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
    """A lane before its path is known: where the gateway forwards its requests, by what weight.

    `header` is the lane header. `sent` is what a client has to send since no gateway sets it; {}
    where one does.
    """

    name: str
    header: str
    forwarded: tuple[ForwardedRequest, ...]
    weight: int = 0
    sent: Mapping[str, str] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """The version that is the lane's own; "": any."""
        return "" if self.name == UNTAGGED else self.name

    @property
    def carried(self) -> Mapping[str, str]:
        """The headers that rules in the mesh may see of it."""
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
    """A gateway rule, in words, that leads to no one lane, and why.

    `lane` is of other-path alone, `status` of answers-itself, `why` of not-supported and, the rule
    that takes the requests, of shadowed and taken.
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

    `header` is the lane header that the gateway sets; "": none. `unset`: lane headers that rules of
    the mesh ask for, that no gateway sets, and that none lets clients send.
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
        """The names of those that have a version of their own."""
        return frozenset(spec.name for spec in self.by_gateway) - {UNTAGGED}


def name_lanes(ingress: Ingress) -> Lanes:
    """Name the lanes that the default route splits requests into, and that other rules lead to.

    Raises LanesError where the gateway sets several lane headers, or a lane in two places, and
    where no rule leads to a lane.
    """
    header = _lane_header(ingress)
    forwarded = _by_lane(ingress, header)
    weights = {name: sum(one.weighted.weight for one in led) for name, led in forwarded.items()}
    header = header or _only_header((*ingress.alternatives, *ingress.other_hosts))
    leads = [_lead(one, header, ingress.default) for one in ingress.alternatives]
    leads_elsewhere = [_lead(one, header, ingress.default) for one in ingress.other_hosts]
    candidates = tuple(one for one in (*leads, *leads_elsewhere) if isinstance(one, Candidate))
    for candidate in candidates:
        forwarded.setdefault(candidate.lane, (candidate.forwarded,))
    if not forwarded:
        raise _no_lane(ingress)
    return Lanes(
        header,
        tuple(LaneSpec(name, header, led, weights.get(name, 0)) for name, led in forwarded.items()),
        candidates,
        tuple(one for one in leads if isinstance(one, NotPlanned)),
    )


def _lane_header(ingress: Ingress) -> str:
    """Return the one header that the default route sets; "": none."""
    if not ingress.default:
        return ""
    named = [set(one.tags) for one in ingress.default]
    names = set.intersection(*named) or set.union(*named)
    if len(names) > 1:
        found = ", ".join(sorted(names))
        raise PlanError(Problem.SEVERAL_LANE_HEADERS, sources=ingress.sources, names=found)
    return next(iter(names), "")


def _no_lane(ingress: Ingress) -> PlanError:
    """Return why there is no lane at all."""
    route, path = ingress.route, ingress.probe.path
    if route is None:
        return PlanError(Problem.NO_GATEWAY_RULE, sources=ingress.sources, path=path)
    place = route.place
    rule = ": ".join((place.file or ingress.sources, place.resource, place.field))
    return PlanError(Problem.ANSWERS_ITSELF, rule=rule, path=path, status=route.status)


def _by_lane(ingress: Ingress, header: str) -> dict[str, tuple[ForwardedRequest, ...]]:
    """Return where the default route forwards each lane's requests."""
    found: dict[str, tuple[ForwardedRequest, ...]] = {}
    for one in ingress.default:
        name = one.tags.get(header, UNTAGGED)
        if name in found and name != UNTAGGED:
            raise PlanError(Problem.LANE_SET_TWICE, sources=ingress.sources, lane=name)
        found[name] = (*found.get(name, ()), one)
    return found


def _only_header(alternatives: Iterable[Alternative]) -> str:
    """Return the one header that these rules set; "": none, or several."""
    names = {name for other in alternatives for one in other.forwarded for name in one.tags}
    return names.pop() if len(names) == 1 else ""


def _lead(
    alternative: Alternative, header: str, default: tuple[ForwardedRequest, ...]
) -> Candidate | NotPlanned | None:
    """Return the lane that a rule may lead to, or why none; None: it splits as the default does."""
    words, rule = alternative.words, alternative.rule
    if alternative.unsupported:
        return NotPlanned(words, "not-supported", why=alternative.unsupported)
    if _split(alternative.forwarded, header) == _split(default, header):
        return None
    if rule is None and alternative.wholly:
        return NotPlanned(words, "shadowed", why=alternative.taken_by)
    led = [one for one in alternative.forwarded if one.weighted.weight]
    if alternative.status is not None:
        return NotPlanned(words, "answers-itself", status=alternative.status)
    if not led:
        return NotPlanned(words, "no-weight")
    if len(led) > 1:
        return NotPlanned(words, "splits")
    if header not in led[0].tags and any(one.tags for one in default):
        return NotPlanned(words, "sets-no-lane")
    if rule is None and alternative.taken_by:
        return NotPlanned(words, "taken", why=alternative.taken_by)
    if rule is None:
        return NotPlanned(words, "no-example")
    # Where nobody's requests get a lane header, the rule is all that names the lane.
    return Candidate(led[0].tags.get(header, words), rule, led[0])


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
