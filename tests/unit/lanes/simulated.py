"""Meshes that are drawn, sound or broken in one of ten ways, and requests through them.

Nothing here knows how evidence is judged.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from lanes.evidence.causes import Cause
from lanes.evidence.workloads import Workload, Workloads
from lanes.planning.entry_rule import EntryRule
from lanes.planning.hop import Hop, Reason
from lanes.planning.result import Lane, Plan

LANES = ("v1", "v2", "v3")
Json = dict[str, Any]


class Break(StrEnum):
    """A fault of a mesh. The first four differ in what else services propagate."""

    NOT_INSTRUMENTED = "not instrumented"
    B3_ALONE = "b3 alone"
    TRACE_ALONE = "traceparent alone"
    ASYNC = "lost in every second request"
    CHANGED = "another lane's value"
    NOT_SET = "the gateway sets none"
    OLD_RULE = "a rule that is out of date, or hidden"
    NO_SIDECAR = "calls that pass no sidecar"
    NOT_READY = "pods that are not ready"
    OTHER_RULE = "another lane's rule before the lane's"


CAUSES = {
    Break.NOT_INSTRUMENTED: Cause.NOT_PROPAGATED,
    Break.B3_ALONE: Cause.NOT_PROPAGATED,
    Break.TRACE_ALONE: Cause.NOT_PROPAGATED,
    Break.ASYNC: Cause.NOT_PROPAGATED,
    Break.CHANGED: Cause.CHANGED,
    Break.NOT_SET: Cause.NOT_SET,
    Break.OLD_RULE: Cause.NO_RULE,
    Break.NO_SIDECAR: Cause.NO_SIDECAR,
    Break.NOT_READY: Cause.NOT_READY,
    Break.OTHER_RULE: Cause.OTHER_RULE,
}


@dataclass(frozen=True)
class Drawn:
    """A mesh: whom each service calls, its versions, which are foreign, and which hand traces on.

    `how` it is broken, "" for sound; the call from `caller` to `service` is the first wrong hop of
    `lane`.
    """

    calls: Mapping[str, tuple[str, ...]]
    versions: Mapping[str, tuple[str, ...]]
    foreign: frozenset[str]
    tracing: frozenset[str]
    how: Break | None = None
    lane: str = ""
    caller: str = ""
    service: str = ""

    @property
    def entry(self) -> str:
        return next(iter(self.calls))

    def behind(self, service: str) -> Iterator[str]:
        """Return the services that it calls, and those that these call."""
        for called in self.calls[service]:
            yield called
            yield from self.behind(called)

    def before(self, service: str) -> list[str]:
        """Return the services on the path to it."""
        return [name for name in self.calls if service in self.behind(name)]

    def plan(self) -> Plan:
        lanes = (Lane(n, 1, self._hop(self.entry, n), (entered_by(n),)) for n in LANES)
        return Plan("version", "*", tuple(lanes))

    def _hop(self, service: str, lane: str) -> Hop:
        own = lane in self.versions[service]
        version, reason = (lane, Reason.MATCH) if own else ("v1", Reason.FALLBACK)
        called = tuple(self._hop(name, lane) for name in self.calls[service])
        return Hop(service, (version,), reason, called)

    def workloads(self) -> Workloads:
        pairs = [(s, v) for s, versions in self.versions.items() for v in versions]
        chosen = {cluster(s, v): frozenset({v}) for s, v in pairs}
        return Workloads(
            {f"{s}-{v}": Workload(s, v) for s, v in pairs},
            {s: s for s in self.calls},
            chosen,
            {cluster(s, v): frozenset({v, "v1"}) for s, v in pairs},
        )


def draw(seed: str, broken: bool) -> Drawn:
    """Draw a mesh of 3 to 12 services, each called by an earlier one; right or broken."""
    rng = random.Random(seed)
    mesh = _sound(rng)
    return _broken(mesh, rng.choice(list(Break)), rng) if broken else mesh


def draw_cases(seed: str, sound: int, broken: int) -> list[Drawn]:
    """One mesh that is sound at times, and at others broken, each time in another way of ten.

    Each time, other services hand traces on. The times come in any order, but for pods that are not
    ready, the last: what they leave behind in a proxy takes half a minute to pass.
    """
    rng = random.Random(seed)
    mesh = _sound(rng)
    cases = [mesh] * sound
    for how in rng.sample(list(Break), broken):
        mesh = _broken(mesh, how, rng)
        cases.append(mesh)
    rng.shuffle(cases)
    cases.sort(key=lambda case: case.how is Break.NOT_READY)
    names = list(mesh.calls)
    cases = [replace(case, versions=mesh.versions, foreign=mesh.foreign) for case in cases]
    return [replace(case, tracing=_some(names, 0.6, rng)) for case in cases]


def _sound(rng: random.Random) -> Drawn:
    names = [f"s{number}" for number in range(rng.randint(3, 12))]
    calls: dict[str, tuple[str, ...]] = dict.fromkeys(names, ())
    for number, name in enumerate(names[1:], start=1):
        caller = names[rng.randrange(max(0, number - 3), number)]
        calls[caller] = (*calls[caller], name)
    versions = {
        name: ("v1", *(lane for lane in LANES[1:] if rng.random() < 0.6 or name == names[0]))
        for name in names
    }
    return Drawn(calls, versions, foreign=_some(names, 0.5, rng), tracing=_some(names, 0.6, rng))


def _some(names: Sequence[str], share: float, rng: random.Random) -> frozenset[str]:
    return frozenset(name for name in names if rng.random() < share)


def _broken(mesh: Drawn, how: Break, rng: random.Random) -> Drawn:
    """Return the mesh with a fault at a service of several versions, where it shows."""
    names, versions = list(mesh.calls), dict(mesh.versions)
    callers = {called: caller for caller, each in mesh.calls.items() for called in each}
    at_gateway = how is Break.NOT_SET
    fewest = 3 if how is Break.OTHER_RULE else 2
    services = [names[0]] if at_gateway else [n for n in names[1:] if len(versions[n]) >= fewest]
    if not services:
        versions[names[1]] = LANES
        services = [names[1]]
    service = rng.choice(services)
    lane = rng.choice([v for v in versions[service] if v != "v1"])
    caller = "" if at_gateway else callers[service]
    # What is broken is beyond what answers tell: somebody on the way is foreign.
    foreign = mesh.foreign | {caller or names[0]}
    return replace(
        mesh, versions=versions, foreign=foreign, how=how, lane=lane, caller=caller, service=service
    )


def entered_by(lane: str) -> EntryRule:
    return EntryRule({"x-lane": lane})


def cluster(service: str, version: str) -> str:
    return f"outbound|8000|{version}|{service}.default.svc.cluster.local"


@dataclass
class Made:
    """A call. `behind`: the calls that the service made for it."""

    number: int
    caller: str
    caller_pod: str
    service: str
    version: str
    lane: str | None
    chosen: str
    trace: str
    proxied: bool
    began: float
    ended: float = 0.0
    behind: list["Made"] = field(default_factory=list)

    @property
    def pod(self) -> str:
        return f"{self.service}-{self.version}"


class World:
    """Runs requests through a mesh, by a clock in seconds. The pod `slow` takes 30 ms more."""

    def __init__(self, mesh: Drawn, seed: str, slow: str = "") -> None:
        self.mesh, self._rng, self._slow = mesh, random.Random(seed), slow
        self.now, self._number = 1_700_000_000.0, 0

    def request(self, lane: str, trace: str) -> Made:
        """Run a request. The next begins when this one has ended."""
        at_gateway = self.mesh.how is Break.NOT_SET
        header = None if at_gateway else lane
        root = self._call("", "gateway", self.mesh.entry, header, trace, self._rng.random() < 0.5)
        self.now += self._rng.uniform(0.001, 0.01)
        return root

    def _call(
        self, caller: str, pod: str, service: str, lane: str | None, trace: str, coin: bool
    ) -> Made:
        mesh, here = self.mesh, (caller, service) == (self.mesh.caller, self.mesh.service)
        how = mesh.how if here else None
        there = mesh.versions[service]
        chosen = lane if lane in there else "v1"
        if how is Break.OLD_RULE:
            chosen = "v1"
        elif how is Break.OTHER_RULE and lane == mesh.lane:
            chosen = next((v for v in there if v not in ("v1", lane)), "v1")
        version = chosen or "v1"
        if how is Break.NOT_READY and chosen == mesh.lane:
            version = "v1"
        if how is Break.NO_SIDECAR:
            version = self._rng.choice(there)
        self.now += self._rng.uniform(0.0005, 0.002)
        self._number += 1
        made = Made(
            self._number, caller, pod, service, version, lane, chosen or "v1", trace,
            how is not Break.NO_SIDECAR, self.now,
        )  # fmt: skip
        self.now += self._rng.uniform(0.0005, 0.002)
        for called in mesh.calls[service]:
            sent, trace_sent = self._handed_on(service, called, lane, trace, coin)
            made.behind.append(self._call(service, made.pod, called, sent, trace_sent, coin))
        self.now += self._rng.uniform(0.0005, 0.002) + 0.03 * (made.pod == self._slow)
        made.ended = self.now
        return made

    def _handed_on(
        self, service: str, called: str, lane: str | None, trace: str, coin: bool
    ) -> tuple[str | None, str]:
        traced = trace if service in self.mesh.tracing else ""
        if (service, called) != (self.mesh.caller, self.mesh.service):
            return lane, traced
        match self.mesh.how:
            case Break.NOT_INSTRUMENTED:
                return None, ""
            case Break.B3_ALONE | Break.TRACE_ALONE:
                return None, trace
            case Break.ASYNC:
                return (None, "") if coin else (lane, traced)
            case Break.CHANGED:
                return next(v for v in LANES if v != lane), traced
        return lane, traced


def walk(made: Made) -> Iterator[Made]:
    yield made
    for behind in made.behind:
        yield from walk(behind)
