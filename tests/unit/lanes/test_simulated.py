"""Drawn meshes, sound and broken: what each source lets verification say.

SIMULATED sets how many of each; docs/verify.md has the figures of 500.
"""

import json
import os
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from lanes.evidence.access_logs import calls, line_of
from lanes.evidence.calls import Forest
from lanes.evidence.causes import Cause
from lanes.evidence.source import with_hops
from lanes.evidence.spans import path
from lanes.evidence.steps import Answer
from lanes.evidence.traces import spans_in
from lanes.verification.hints import HintCode
from lanes.verification.performance import performance
from lanes.verification.targets import Target
from lanes.verification.verdict import Holds, Verdict
from lanes.verification.verify import verify
from tests.unit.lanes.simulated import (
    CAUSES,
    LANES,
    Break,
    Drawn,
    Made,
    World,
    draw,
    entered_by,
    walk,
)
from tests.unit.lanes.simulated_sources import IstioLogs, answer, as_call, otlp

SEED = os.environ.get("SEED", "1")
MESHES = int(os.environ.get("SIMULATED", "40"))
REQUESTS = 5  # into each lane

Requests = Sequence[tuple[str, str, Made]]
Complete = Callable[[Drawn, Requests, list[Answer], str], list[Answer]]


def by_laptop(mesh: Drawn, requests: Requests, answers: list[Answer], seed: str) -> list[Answer]:
    """A run with requests of other clients at the same time."""
    rng, others = random.Random(seed), World(mesh, f"{seed} others")
    told = [as_call(made) for _, _, root in requests for made in walk(root)]
    if rng.random() < 0.5:
        others.now += rng.uniform(0, 0.01)
        strangers = [others.request(rng.choice(LANES), "") for _ in range(REQUESTS)]
        told += [as_call(made) for root in strangers for made in walk(root)]
    rng.shuffle(told)
    forest = Forest(told)
    return [with_hops(answer, forest.path(answer.trace)) for answer in answers]


def by_logs(named: bool) -> Complete:
    def complete(mesh: Drawn, requests: Requests, answers: list[Answer], seed: str) -> list[Answer]:
        # Two clocks are compared where calls pass no sidecar alone.
        skew = 0.0005 if mesh.how is Break.NO_SIDECAR else 5.0
        logs = IstioLogs(seed, named, skew)
        lines = [line for _, t, root in requests for line in logs.lines(root, f"lanes/{t}")]
        random.Random(seed).shuffle(lines)
        read = [found for line in ["ready", *lines, "{}"] if (found := line_of(line))]
        forest = Forest(calls(read, mesh.workloads(), "version"))
        return [with_hops(answer, forest.path(answer.trace)) for answer in answers]

    return complete


def by_traces(sidecars: bool, baggage: bool = False) -> Complete:
    def complete(mesh: Drawn, requests: Requests, answers: list[Answer], seed: str) -> list[Answer]:
        rng, names = random.Random(seed), mesh.workloads()
        texts = [json.dumps(otlp(root, rng, sidecars, baggage)) for _, _, root in requests]
        paths = [path(spans_in(text), names, "version") for text in texts]
        return [with_hops(answer, hops) for answer, hops in zip(answers, paths, strict=True)]

    return complete


def entered(
    mesh: Drawn, complete: Complete, seed: str, each: int = REQUESTS, slow: str = ""
) -> list[tuple[Target, Answer]]:
    """Return the answers to `each` requests into each lane, with the source's hops."""
    world, rng = World(mesh, seed, slow), random.Random(seed)
    lanes = [lane for lane in LANES for _ in range(each)]
    rng.shuffle(lanes)
    traces = [f"{rng.getrandbits(128):032x}" for _ in lanes]
    requests = [(n, t, world.request(n, t)) for n, t in zip(lanes, traces, strict=True)]
    answers = complete(mesh, requests, [answer(mesh, root, t) for _, t, root in requests], seed)
    targets = [Target(lane, entered_by(lane)) for lane in lanes]
    return list(zip(targets, answers, strict=True))


def verified(mesh: Drawn, complete: Complete, seed: str) -> Verdict:
    return verify(mesh.plan(), [], entered(mesh, complete, seed))


SOURCES = {
    "lanes up": by_laptop,
    "access logs of named pods": by_logs(named=True),
    "access logs alone": by_logs(named=False),
    "traces of services": by_traces(sidecars=False),
    "traces of sidecars": by_traces(sidecars=True),
    "traces of sidecars with baggage": by_traces(sidecars=True, baggage=True),
}


def evidence_ends(verdict: Verdict) -> set[tuple[str, ...]]:
    """Return the calls, as caller and callee, at which a hint says that evidence ends."""
    return {one.services for one in verdict.hints if one.code is HintCode.EVIDENCE_ENDS}


@pytest.mark.parametrize("source", SOURCES)
def test_a_right_mesh_has_no_problem(source: str) -> None:
    hinted = 0
    for number in range(MESHES):
        seed = f"{SEED} sound {number}"
        mesh = draw(seed, broken=False)
        verdict = verified(mesh, SOURCES[source], seed)
        ends = evidence_ends(verdict)
        hinted += bool(ends)
        silent = set(mesh.calls) - mesh.tracing
        assert all(silent & {*mesh.before(caller), caller} for caller, _ in ends), (seed, ends)
        assert verdict.holds is not Holds.DO_NOT_HOLD, (seed, verdict.unexpected)
        if source == "lanes up":
            assert verdict.holds is Holds.HOLD, (seed, [lane.unseen for lane in verdict.lanes])
    print(f"{source}: in {hinted} of {MESHES} the evidence ends before the last hop")


@pytest.mark.parametrize("source", [name for name in SOURCES if name != "access logs alone"])
def test_a_slow_pod_is_found_where_answers_tell_nothing(source: str) -> None:
    for number in range(5):
        seed = f"{SEED} slow {number}"
        mesh = draw(seed, broken=False)
        mesh = replace(mesh, foreign=frozenset(mesh.calls), tracing=frozenset(mesh.calls))
        service = random.Random(seed).choice([n for n, own in mesh.versions.items() if "v2" in own])
        sound, slow = (
            performance(mesh.plan(), (), entered(mesh, SOURCES[source], seed, 25, pod))
            for pod in ("", f"{service}-v2")
        )
        assert not sound.worse, seed
        assert {lane.name for lane in slow.worse} == {"v2"}, seed
        found = {difference.at for lane in slow.worse for difference in lane.worse}
        assert found == {f"{service} v2"}, seed


@pytest.mark.parametrize("source", ["lanes up", "access logs of named pods"])
def test_a_broken_mesh_is_named_at_its_hop_with_its_cause(source: str) -> None:
    missed = Counter[Break]()
    for number in range(MESHES):
        seed = f"{SEED} broken {number}"
        mesh = draw(seed, broken=True)
        verdict = verified(mesh, SOURCES[source], seed)
        found = {(at.caller, at.service, at.cause) for _, at, _ in verdict.breaks}
        assert mesh.how is not None
        if found != {(mesh.caller, mesh.service, CAUSES[mesh.how])}:
            missed[mesh.how] += 1
            print(seed, mesh, found)
    print(f"{source}: {MESHES - missed.total()} of {MESHES}", dict(missed))
    assert missed.total() <= MESHES // 100, missed


@pytest.mark.parametrize("source", [name for name in SOURCES if name.startswith("traces")])
def test_a_trace_accuses_the_broken_hop_or_one_behind(source: str) -> None:
    """It sees what went elsewhere alone, while the trace goes on, and names no wrong cause.

    Where the trace ends before, a hint names the call behind which nothing is seen.
    """
    right = behind = caused = hinted = before = 0
    for number in range(MESHES):
        seed = f"{SEED} broken {number}"
        mesh = draw(seed, broken=True)
        verdict = verified(mesh, SOURCES[source], seed)
        accused = {at.service for _, at, _ in verdict.breaks}
        assert accused <= {mesh.service, *mesh.behind(mesh.service)}, seed
        assert mesh.how is not None
        causes = {at.cause for _, at, _ in verdict.breaks if at.service == mesh.service}
        assert causes <= {CAUSES[mesh.how], Cause.NOT_TOLD}, seed
        right += mesh.service in accused
        caused += CAUSES[mesh.how] in causes
        behind += bool(accused) and mesh.service not in accused
        ends = evidence_ends(verdict)
        if mesh.service not in accused:
            named = (mesh.caller, mesh.service) in ends
            hinted += named
            before += not named and any(mesh.service in mesh.behind(at) for _, at in ends)
    print(f"{source}: {right} of {MESHES} at the hop, {caused} with its cause, {behind} behind it")
    print(f"{hinted} by a hint alone, {before} by a hint at a call before it")
