"""Hints at the cause of wrong answers. A hint never changes the verdict.

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
    - no-sidecar: no sidecar of `services`, in `namespaces`, routes by lane
    - not-called: in the plan the first of `services` calls the second, which is in no answer
    - other-calls: services call others than planned
    - assumed: the plan assumes that `services` propagate `header`
    - no-lane: no answer names a lane
    - other-weights: the weights are not those of the manifests
    - not-injected: pods of `services` lack the injection that manifests ask for, and have `instead`
    - evidence-ends: the first of `services` is seen; the second, which it calls, is not
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
    """What to look at, and the names in its sentence. `namespaces`: where pods may need a restart;
    "" for an unknown namespace.
    """

    code: HintCode
    services: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    header: str = ""
    instead: tuple[str, ...] = ()


def hint(plan: Plan, answers: Iterable[Answer]) -> Hint | None:
    """Return the surest hint at why `answers` are not as planned; None for none."""
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
    """Return a hint if pods show that they lack the injection that manifests ask for.

    Lanes may hold without it: the sample instruments itself. The laptop mesh has no Operator.
    """
    namespace_of = {
        hop.service: hop.namespace for lane in plan.lanes for hop in lane.path if hop.injected
    }
    steps = (step for answer in answers for step in answer.path if step.service in namespace_of)
    missing = {step.service: step for step in steps if _lacks_injection(step)}
    if not missing:
        return None
    services = tuple(sorted(missing))
    namespaces = sorted({namespace_of[name] or missing[name].namespace or "" for name in services})
    instead = tuple(str(missing[name].instrumentation) for name in services)
    return Hint(HintCode.NOT_INJECTED, services, tuple(namespaces), instead=instead)


def evidence_ends(lane: Lane, unseen: Collection[str], answers: Iterable[Answer]) -> Iterator[Hint]:
    """Yield a hint for each call on the lane's path from a seen service to one of the `unseen`.

    `answers` are the lane's. Those without a trace of their own have no further evidence. The
    caller may not propagate a trace or the lane header, may get none, or may call past its sidecar.
    The evidence does not show which, nor whether the called service is right.
    """
    steps = (step for answer in answers if answer.trace for step in answer.path)
    seen = {step.service for step in steps if step.version or step.routed}
    for hop in lane.path:
        for called in hop.upstreams:
            if called.service in unseen and hop.names & seen and not called.names & seen:
                yield Hint(HintCode.EVIDENCE_ENDS, (hop.service, called.service))


def _lacks_injection(step: Step) -> bool:
    by, on_laptop = step.instrumentation, step.measured and step.measured.ip.startswith("127.")
    return by is not None and not by.startswith("injected") and not on_laptop


def _lost(plan: Plan, paths: Mapping[Path, int]) -> Hint | None:
    """Return the call at which the lane is lost most often: the caller has it, the callee not."""
    callers = _callers(plan)
    calls: Counter[tuple[str, str]] = Counter()
    for path, times in paths.items():
        with_lane = {step.service for step in path if step.lane is not None}
        for step in path:
            caller = callers.get(step.service)
            lost = step.version and step.lane_known and step.lane is None
            if caller in with_lane and lost:
                calls[caller, step.service] += times
    if not calls:
        return None
    ends = max(calls, key=calls.__getitem__)
    hops = [hop for lane in plan.lanes for hop in lane.path if hop.service in ends]
    injected = {hop.namespace for hop in hops if hop.injected}
    return Hint(HintCode.LOST, ends, tuple(sorted(injected)))


def _no_sidecar(plan: Plan, paths: Mapping[Path, int]) -> Hint | None:
    """Return the services whose sidecars do not route by lane, as far as answers show it.

    Each first hop is right, so the gateway routes by lane, and the hops of a path agree on the
    lane. But behind one caller, lanes planned for x are answered by y, lanes planned for y by x,
    and one lane by both: Kubernetes balances among all pods. A fallback has one direction only, and
    wrong labels give a lane the same version each time.
    """
    answers: dict[str, set[tuple[str, str, str]]] = {}
    for path in paths:
        lanes = _lanes_with(plan, path[0])
        if not lanes or any(step.lane != path[0].lane for step in path if step.version):
            return None
        if len(lanes) > 1:
            continue
        planned = {hop.service: hop.version for hop in lanes[0].path}
        for step in path[1:]:
            if step.version and planned.get(step.service):
                answer = (lanes[0].name, planned[step.service], step.version)
                answers.setdefault(step.service, set()).add(answer)
    callers = _callers(plan)
    services = list(dict.fromkeys(callers[name] for name in answers if _crossed(answers[name])))
    if not services:
        return None
    planned_in = {h.namespace for lane in plan.lanes for h in lane.path if h.service in services}
    seen_in = {step.namespace or "" for path in paths for step in path if step.service in services}
    namespaces = sorted((planned_in - {""}) or (seen_in - {""})) or [""]
    return Hint(HintCode.NO_SIDECAR, tuple(services), tuple(namespaces))


def _crossed(answers: set[tuple[str, str, str]]) -> bool:
    """Tell whether two lanes got each other's version, and one of them also its own.

    Each answer: the lane, the planned version, the version that answered.
    """
    pairs = {(planned, answered) for _, planned, answered in answers}
    return any(
        planned != answered and (answered, planned) in pairs and (lane, planned, planned) in answers
        for lane, planned, answered in answers
    )


def _other_calls(plan: Plan, paths: Collection[Path]) -> Hint | None:
    """Return a hint if services call others than planned, whichever versions answer."""
    lanes = {lane.entry.answer: lane for lane in plan.lanes}.values()
    if all(any(_calls_fit(lane, path) for lane in lanes) for path in paths):
        return None
    seen = {step.service for path in paths for step in path}
    for hop in (hop for lane in plan.lanes for hop in lane.path if hop.service in seen):
        for called in hop.upstreams:
            if called.repeats is None and called.service not in seen:
                return Hint(HintCode.NOT_CALLED, (hop.service, called.service))
    return Hint(HintCode.OTHER_CALLS)


def _calls_fit(lane: Lane, path: Path) -> bool:
    """Tell whether the lane's calls may give `path`, whichever versions answer."""
    ends = read(lane.entry, lane.optional_cycles, path, 0, lambda *_: True)
    return any(after == len(path) for after, _ in ends)


def _assumed(plan: Plan) -> Hint | None:
    """Return the services that may lose a header that services alone propagate."""
    carriers = {name: header for name, header in plan.assumed.items() if header != "baggage"}
    if not carriers:
        return None
    first = next(iter(carriers.values()))
    services = tuple(name for name, header in carriers.items() if header == first)
    return Hint(HintCode.ASSUMED, services, header=first)


def _no_lane(plan: Plan, paths: Mapping[Path, int]) -> Hint | None:
    """Return a hint if the gateway sets a lane in the baggage, and no step shows one."""
    set_by_gateway = plan.header and any(
        lane.carrier == "baggage" and not lane.client_header for lane in plan.lanes
    )
    known = any(s.lane is not None or not s.lane_known for path in paths for s in path)
    return None if not set_by_gateway or not paths or known else Hint(HintCode.NO_LANE)


def _lanes_with(plan: Plan, first: Step) -> list[Lane]:
    """Return the lanes of which `first` may be the first step."""
    return [
        lane
        for lane in plan.lanes
        if lane.weight and first.version in lane.entry.versions and first.lane in (None, lane.name)
    ]


def _callers(plan: Plan) -> dict[str, str]:
    """Return the caller of each service that services call."""
    hops = [hop for lane in plan.lanes for hop in lane.path]
    return {upstream.service: hop.service for hop in hops for upstream in hop.upstreams}
