"""What a pattern of wrong answers points to: a hint at the cause, never the verdict."""

import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from lanes.evidence.answers import Answer, Step
from lanes.planning.result import Lane, Plan
from lanes.verification.path_matching import read

Path = tuple[Step, ...]
Lines = tuple[str, ...]


class PodNamespaces:
    """The namespaces that a plan's pods have, to tell whether a pod is one of them.

    Only what both sides tell is compared: an answer may tell no namespace, and manifests that
    name none are applied to any.
    """

    def __init__(self, plan: Plan) -> None:
        self._of: dict[str, set[str]] = {}
        for lane in plan.lanes:
            for hop in lane.path:
                if hop.versions:
                    self._of.setdefault(hop.service, set()).add(hop.namespace)
        self._all = set().union(*self._of.values())

    def expected_instead(self, step: Step) -> str:
        """Where the pod that answered should have been; "" where it may be the plan's own."""
        namespaces = self._of.get(step.service, self._all)
        known = step.namespace is not None and all(namespaces)
        return ", ".join(sorted(namespaces)) if known and step.namespace not in namespaces else ""


def hints(plan: Plan, answers: Iterable[Answer]) -> Lines:
    """What to look at where `answers` are not as planned. A surer cause hides the others."""
    answers = list(answers)
    paths = Counter(answer.path for answer in answers if answer.path)
    namespaces = PodNamespaces(plan)
    if any(namespaces.expected_instead(path[0]) for path in paths):
        return ("another release has this host. Give each release its own hosts.",)
    whole = {answer.path for answer in answers if answer.path and answer.status < 400}
    return (
        _lost(plan, paths)
        or _no_sidecar(plan, paths)
        or _other_calls(plan, whole)
        or _assumed(plan)
        or _no_lane(plan, paths)
    )


def missing_injection(plan: Plan, answers: Iterable[Answer]) -> Lines:
    """Name the services whose pods tell that they lack the injection that manifests ask for.

    Lanes may hold all the same: the sample instruments itself. The laptop mesh has no Operator.
    """
    asked = {hop.service: hop.namespace for lane in plan.lanes for hop in lane.path if hop.injected}
    steps = (step for answer in answers for step in answer.path if step.service in asked)
    missing = {step.service: step for step in steps if _lacks_injection(step)}
    if not missing:
        return ()
    named = ", ".join(f"{name} ({missing[name].instrumentation})" for name in sorted(missing))
    namespaces = {asked[name] or step.namespace or "NAME" for name, step in missing.items()}
    return (
        f"the OpenTelemetry Operator has not injected pods that ask for it: {named}",
        *_restart(namespaces),
    )


def _lacks_injection(step: Step) -> bool:
    told, on_laptop = step.instrumentation, step.measured and step.measured.ip.startswith("127.")
    return told is not None and not told.startswith("injected") and not on_laptop


def _restart(namespaces: Iterable[str]) -> Lines:
    """What makes pods anew; the names may be an answer's, and are to be pasted."""
    quoted = (shlex.quote(name) for name in sorted(namespaces))
    return tuple(f"  kubectl rollout restart deployment -n {name}" for name in quoted)


def _lost(plan: Plan, paths: Mapping[Path, int]) -> Lines:
    """Between which services the lane is lost: the caller read it, who was called did not."""
    callers = _callers(plan)
    edges: Counter[tuple[str, str]] = Counter()
    for path, times in paths.items():
        read = {step.service for step in path if step.lane is not None}
        for step in path:
            caller = callers.get(step.service)
            if caller in read and step.version and step.lane is None:
                edges[caller, step.service] += times
    if not edges:
        return ()
    (caller, service), _ = edges.most_common(1)[0]
    ends = [h for lane in plan.lanes for h in lane.path if h.service in (caller, service)]
    injected = {hop.namespace or "NAME" for hop in ends if hop.injected}
    return (
        f"the lane is lost between {caller} and {service}: OpenTelemetry did not propagate it.",
        f"  Both need it, with the propagator baggage, and {caller} for its HTTP client as well",
        *(["  Pods that started without the Operator lack it. Restart them:"] if injected else []),
        *_restart(injected),
    )


def _no_sidecar(plan: Plan, paths: Mapping[Path, int]) -> Lines:
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
            return ()
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
        return ()
    named = {hop.namespace for lane in plan.lanes for hop in lane.path if hop.service in blind}
    told = {step.namespace or "" for path in paths for step in path if step.service in blind}
    namespaces = sorted((named - {""}) or (told - {""})) or ["NAME"]
    quoted = map(shlex.quote, namespaces)
    return (
        f"no sidecar seen at {', '.join(blind)}: calls from there ignore the lane",
        f"  kubectl get namespace {' '.join(quoted)} -L istio-injection,istio.io/rev",
        *_restart(namespaces),
    )


def _crossed(edges: set[tuple[str, str, str]]) -> bool:
    """Whether two of these (lane, planned, answered) got each other's, and one its own as well."""
    pairs = {(planned, answered) for _, planned, answered in edges}
    return any(
        planned != answered and (answered, planned) in pairs and (lane, planned, planned) in edges
        for lane, planned, answered in edges
    )


def _other_calls(plan: Plan, paths: Collection[Path]) -> Lines:
    """Where services call others than the plan has them call, whichever versions answer."""
    lanes = {lane.entry.answer: lane for lane in plan.lanes}.values()
    if all(any(_made(lane, path) for lane in lanes) for path in paths):
        return ()
    met = {step.service for path in paths for step in path}
    for hop in (hop for lane in plan.lanes for hop in lane.path if hop.service in met):
        for called in hop.upstreams:
            if called.repeats is None and called.service not in met:
                return (
                    f"no answer has {called.service}, which {hop.service} calls in the plan.",
                    f"  Set --calls {hop.service}=SERVICE,... or, for stand-ins, the annotation"
                    " traffic-lanes/calls",
                )
    return ("services call others than planned. Set --calls CALLER=SERVICE,...",)


def _made(lane: Lane, path: Path) -> bool:
    """Whether `path` may have come by the lane's calls."""
    ends = read(lane.entry, lane.optional_cycles, path, 0, lambda *_: True)
    return any(after == len(path) for after, _ in ends)


def _assumed(plan: Plan) -> Lines:
    """Where a header may be lost that nothing but the services hands on."""
    assumed = {name: header for name, header in plan.assumed.items() if header != "baggage"}
    for header in list(assumed.values())[:1]:
        services = ", ".join(name for name, held in assumed.items() if held == header)
        return (f"the plan assumes that {header} is handed on at {services}. Check that it is.",)
    return ()


def _no_lane(plan: Plan, paths: Mapping[Path, int]) -> Lines:
    set_by_gateway = plan.header and any(
        lane.carrier == "baggage" and not lane.client_header for lane in plan.lanes
    )
    if not set_by_gateway or not paths or any(s.lane is not None for path in paths for s in path):
        return ()
    return (
        "no answer names a lane: the first hop has read none. It needs OpenTelemetry with the",
        "  propagator baggage; on ASM, a sidecar and an ASMHeaderPropagation as well",
    )


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
