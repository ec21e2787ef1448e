"""What a pattern of wrong answers points to: a hint at the cause, never the verdict.

A hint is a code with values; lanes/report has the sentences.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lanes.evidence.steps import Answer, Step
from lanes.planning.result import Lane, Plan
from lanes.verification.classification import failed
from lanes.verification.namespaces import PodNamespaces
from lanes.verification.path_matching import read

Path = tuple[Step, ...]


class HintCode(StrEnum):
    """What to look at.

    - other-release: another release has the host
    - lost: the lane is lost between `services`, caller and callee
    - no-sidecar: at `services` no sidecar chooses by lane; `namespaces` are theirs
    - not-called: no answer has the second of `services`, which the first calls in the plan
    - other-calls: services call others than planned
    - assumed: the plan assumes that `header` is handed on at `services`
    - no-lane: no answer names a lane
    - other-weights: the shares are not the manifests'
    - not-injected: pods of `services` lack the injection that manifests ask for; `instead` is what
      each has instead
    - evidence-ends: the first of `services` is seen, and nothing of the second, which it calls
    """

    OTHER_RELEASE = "other-release"
    LOST = "lost"
    NO_SIDECAR = "no-sidecar"
    NOT_CALLED = "not-called"
    OTHER_CALLS = "other-calls"
    ASSUMED = "assumed"
    NO_LANE = "no-lane"
    OTHER_WEIGHTS = "other-weights"
    NOT_INJECTED = "not-injected"
    EVIDENCE_ENDS = "evidence-ends"


@dataclass(frozen=True)
class Hint:
    """What to look at, and the names that its sentence needs. `namespaces` may need a restart of
    their pods; "" is one that nothing names.
    """

    code: HintCode
    services: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    header: str = ""
    instead: tuple[str, ...] = ()


def hint(plan: Plan, answers: Iterable[Answer]) -> Hint | None:
    """What to look at where `answers` are not as planned. A surer cause hides the others."""
    answers = list(answers)
    paths = Counter(answer.path for answer in answers if answer.path)
    namespaces = PodNamespaces(plan)
    if any(namespaces.expected_instead(path[0]) for path in paths):
        return Hint(HintCode.OTHER_RELEASE)
    whole = {answer.path for answer in answers if answer.whole and not failed(answer)}
    return (
        _lost(plan, paths)
        or _no_sidecar(plan, paths)
        or _other_calls(plan, whole)
        or _assumed(plan)
        or _no_lane(plan, paths)
    )


def missing_injection(plan: Plan, answers: Iterable[Answer]) -> Hint | None:
    """Name the services whose pods tell that they lack the injection that manifests ask for.

    Lanes may hold all the same: the sample instruments itself. The laptop mesh has no Operator.
    """
    asked = {hop.service: hop.namespace for lane in plan.lanes for hop in lane.path if hop.injected}
    steps = (step for answer in answers for step in answer.path if step.service in asked)
    missing = {step.service: step for step in steps if _lacks_injection(step)}
    if not missing:
        return None
    services = tuple(sorted(missing))
    namespaces = sorted({asked[name] or missing[name].namespace or "" for name in services})
    instead = tuple(str(missing[name].instrumentation) for name in services)
    return Hint(HintCode.NOT_INJECTED, services, tuple(namespaces), instead=instead)


def evidence_ends(lane: Lane, unseen: Collection[str], answers: Iterable[Answer]) -> Iterator[Hint]:
    """Name each call on the path of `lane` from a service that is seen to one of the `unseen`.

    `answers` are the lane's; those without a trace of their own have no evidence that could end.
    The caller may not hand on a trace or the lane header, may get none, or may call past its
    sidecar. Nothing tells which, nor whether the service that was called is right.
    """
    steps = (step for answer in answers if answer.trace for step in answer.path)
    told = {step.service for step in steps if step.version or step.routed}
    for hop in lane.path:
        for called in hop.upstreams:
            if called.service in unseen and hop.names & told and not called.names & told:
                yield Hint(HintCode.EVIDENCE_ENDS, (hop.service, called.service))


def _lacks_injection(step: Step) -> bool:
    whose, on_laptop = step.instrumentation, step.measured and step.measured.ip.startswith("127.")
    return whose is not None and not whose.startswith("injected") and not on_laptop


def _lost(plan: Plan, paths: Mapping[Path, int]) -> Hint | None:
    """Between which services the lane is lost: the caller read it, who was called did not."""
    callers = _callers(plan)
    edges: Counter[tuple[str, str]] = Counter()
    for path, times in paths.items():
        read = {step.service for step in path if step.lane is not None}
        for step in path:
            caller = callers.get(step.service)
            lost = step.version and step.lane_known and step.lane is None
            if caller in read and lost:
                edges[caller, step.service] += times
    if not edges:
        return None
    ends = max(edges, key=edges.__getitem__)
    hops = [hop for lane in plan.lanes for hop in lane.path if hop.service in ends]
    injected = {hop.namespace for hop in hops if hop.injected}
    return Hint(HintCode.LOST, ends, tuple(sorted(injected)))


def _no_sidecar(plan: Plan, paths: Mapping[Path, int]) -> Hint | None:
    """At which services no sidecar chooses by lane, as far as answers can show it.

    Each first hop is its lane's own, so the gateway does choose, and all hops read one lane, or
    none does. But behind a caller, lanes planned for x are answered by y, and lanes planned for y
    by x, and one lane by both, as where Kubernetes balances among all pods. No fallback does that:
    it has one direction. Nor do labels that were mixed up: they give a lane one version always.
    """
    seen: dict[str, set[tuple[str, str, str]]] = {}
    for path in paths:
        lanes = _lanes(plan, path[0])
        if not lanes or any(step.lane != path[0].lane for step in path if step.version):
            return None
        if len(lanes) > 1:
            continue
        planned = {hop.service: hop.version for hop in lanes[0].path}
        for step in path[1:]:
            if step.version and planned.get(step.service):
                edge = (lanes[0].name, planned[step.service], step.version)
                seen.setdefault(step.service, set()).add(edge)
    callers = _callers(plan)
    blind = list(dict.fromkeys(callers[s] for s, edges in seen.items() if _crossed(edges)))
    if not blind:
        return None
    named = {hop.namespace for lane in plan.lanes for hop in lane.path if hop.service in blind}
    where = {step.namespace or "" for path in paths for step in path if step.service in blind}
    namespaces = sorted((named - {""}) or (where - {""})) or [""]
    return Hint(HintCode.NO_SIDECAR, tuple(blind), tuple(namespaces))


def _crossed(edges: set[tuple[str, str, str]]) -> bool:
    """Whether two of these (lane, planned, answered) got each other's, and one its own as well."""
    pairs = {(planned, answered) for _, planned, answered in edges}
    return any(
        planned != answered and (answered, planned) in pairs and (lane, planned, planned) in edges
        for lane, planned, answered in edges
    )


def _other_calls(plan: Plan, paths: Collection[Path]) -> Hint | None:
    """Where services call others than the plan has them call, whichever versions answer."""
    lanes = {lane.entry.answer: lane for lane in plan.lanes}.values()
    if all(any(_made(lane, path) for lane in lanes) for path in paths):
        return None
    met = {step.service for path in paths for step in path}
    for hop in (hop for lane in plan.lanes for hop in lane.path if hop.service in met):
        for called in hop.upstreams:
            if called.repeats is None and called.service not in met:
                return Hint(HintCode.NOT_CALLED, (hop.service, called.service))
    return Hint(HintCode.OTHER_CALLS)


def _made(lane: Lane, path: Path) -> bool:
    """Whether `path` may have come by the lane's calls."""
    ends = read(lane.entry, lane.optional_cycles, path, 0, lambda *_: True)
    return any(after == len(path) for after, _ in ends)


def _assumed(plan: Plan) -> Hint | None:
    """Where a header may be lost that nothing but the services hands on."""
    assumed = {name: header for name, header in plan.assumed.items() if header != "baggage"}
    for header in list(assumed.values())[:1]:
        services = tuple(name for name, held in assumed.items() if held == header)
        return Hint(HintCode.ASSUMED, services, header=header)
    return None


def _no_lane(plan: Plan, paths: Mapping[Path, int]) -> Hint | None:
    set_by_gateway = plan.header and any(
        lane.carrier == "baggage" and not lane.client_header for lane in plan.lanes
    )
    known = any(s.lane is not None or not s.lane_known for path in paths for s in path)
    return None if not set_by_gateway or not paths or known else Hint(HintCode.NO_LANE)


def _lanes(plan: Plan, first: Step) -> list[Lane]:
    """The lanes for which `first` is right, by what it read or, where it read none, at all."""
    return [
        lane
        for lane in plan.lanes
        if lane.weight and first.version in lane.entry.versions and first.lane in (None, lane.name)
    ]


def _callers(plan: Plan) -> dict[str, str]:
    """Who calls each service behind the first."""
    hops = [hop for lane in plan.lanes for hop in lane.path]
    return {upstream.service: hop.service for hop in hops for upstream in hop.upstreams}
