"""Sentences on wrong answers, the causes of broken lanes, and hints."""

import shlex
from collections.abc import Sequence

from lanes.evidence.causes import Cause
from lanes.planning.entry_rule import NO_ENTRY_RULE
from lanes.verification.hints import Hint, HintCode
from lanes.verification.problems import Break, Problem, ProblemCode

PROBLEMS = {
    ProblemCode.OTHER_NAMESPACE: "{service} in namespace {other} answered, not {home}'s",
    ProblemCode.LANE_NOT_PLANNED: "lane {lane} is not planned",
    ProblemCode.NO_LANE: "no hop read a lane",
    ProblemCode.OTHER_LANE: "lane {lane} answered",
    ProblemCode.LANE_LOST: "lane {lane} is lost at {service}",
    ProblemCode.LANE_CHANGED: "lane {lane} is {other} at {service}",
    ProblemCode.FAILED: "lane {lane} failed",
    ProblemCode.OTHER_PATH: "lane {lane} took another path",
    ProblemCode.LEFT: "lane {lane} breaks at {service}",
    ProblemCode.UNREADABLE: "the answer cannot be read: {other}",
    ProblemCode.NO_SERVICE: "no service answered",
    ProblemCode.NO_SUCH_PATH: "no lane has this path",
}

CAUSES = {
    Cause.NOT_SET: "the gateway's call has no lane header",
    Cause.NOT_PROPAGATED: "{caller} got the lane header and did not propagate it",
    Cause.CHANGED: "{caller} sent another lane's header",
    Cause.NO_SIDECAR: "the call from {caller} passed no sidecar",
    Cause.NO_RULE: "the sidecar of {caller} has no rule for the lane",
    Cause.OTHER_RULE: "another lane's rule took the call from {caller}",
    Cause.NOT_READY: "no pod of {service} {planned} is ready",
    Cause.NO_ANSWER: "nothing answered the call from {caller}",
    Cause.CONTRADICTED: "two sources tell different versions",
    Cause.NOT_TOLD: "the evidence does not tell why",
}

FIXES = {
    Cause.NOT_SET: "Check the gateway's rule, and that it is applied.",
    Cause.NOT_PROPAGATED: "Instrument {caller} and its HTTP client, with the propagator baggage.",
    Cause.CHANGED: "Check what {caller} writes into the header.",
    Cause.NO_SIDECAR: "Check that {caller} has a sidecar, and that its calls pass it.",
    Cause.NO_RULE: "Is the rule for {service} applied? Does a Sidecar hide it?",
    Cause.OTHER_RULE: "Check the order of the rules for {service}.",
    Cause.NOT_READY: "Check the pods of {service} {planned}.",
    Cause.NO_ANSWER: "Check the pods of {service}, and what its logs say.",
    Cause.CONTRADICTED: "Check the labels of the pods of {service}.",
    Cause.NOT_TOLD: "Is {service} {planned} ready? Does {caller} propagate the lane header?",
}

HINTS = {
    HintCode.OTHER_RELEASE: ("another release has this host. Give each release its own hosts.",),
    HintCode.LOST: (
        "the lane is lost between {0} and {1}: OpenTelemetry did not propagate it.",
        "  Both need it, with the propagator baggage, and {0} for its HTTP client as well",
    ),
    HintCode.NO_SIDECAR: (
        "no sidecar seen at {services}: calls from there ignore the lane",
        "  kubectl get namespace {namespaces} -L istio-injection,istio.io/rev",
    ),
    HintCode.NOT_INJECTED: (
        "the OpenTelemetry Operator has not injected pods that need it: {services}",
    ),
    HintCode.EVIDENCE_ENDS: (
        "{1} was not seen behind {0}: the evidence ends there.",
        "  Check that {0} gets traceparent and baggage, and propagates both",
    ),
    HintCode.NOT_CALLED: (
        "no answer has {1}, which {0} calls in the plan.",
        "  Set --calls {0}=SERVICE,... or, for stand-ins, the annotation traffic-lanes/calls",
    ),
    HintCode.OTHER_CALLS: ("services call others than planned. Set --calls CALLER=SERVICE,...",),
    HintCode.ASSUMED: (
        "the plan assumes that {header} is propagated at {services}. Check that it is.",
    ),
    HintCode.NO_LANE: (
        "no answer names a lane: the first hop has read none. It needs OpenTelemetry with the",
        "  propagator baggage; on ASM, a sidecar and an ASMHeaderPropagation as well",
    ),
    HintCode.OTHER_WEIGHTS: (
        "the gateway has other weights than these manifests, or a rule before theirs",
    ),
}


def problem_text(problem: Problem | None) -> str:
    """Return what is wrong with an answer; "" for None."""
    if problem is None:
        return ""
    values = {name: getattr(problem, name) for name in ("lane", "service", "other", "home")}
    text = PROBLEMS[problem.code].format(**values)
    if problem.code is ProblemCode.FAILED and not problem.lane:
        text = "the request failed"
    return text if problem.rule == NO_ENTRY_RULE else f"by {problem.rule}: {text}"


def cause_lines(lanes: Sequence[str], broken: Break) -> list[str]:
    """Return where and why lanes break, and the fix. No `lanes`: none is known."""
    names = {"caller": broken.caller or "the gateway", "service": broken.service}
    names["planned"] = broken.planned or "another version"
    breaks = f"lane {lanes[0]} breaks" if len(lanes) == 1 else f"lanes {', '.join(lanes)} break"
    symptom = breaks if lanes else "requests have no lane"
    answered = f"{broken.service} {broken.answered}" if broken.answered else "nothing"
    wrong = broken.planned not in ("", broken.answered)
    return [
        f"{symptom} at {broken.service}: {CAUSES[broken.cause].format(**names)}",
        *([f"  {answered} answered in place of {broken.planned}."] if wrong else []),
        f"  {FIXES[broken.cause].format(**names)}",
    ]


def hint_lines(hint: Hint) -> list[str]:
    """Return a hint in lines, with commands to paste."""
    services = list(hint.services)
    if hint.code is HintCode.NOT_INJECTED:
        pairs = zip(hint.services, hint.instead, strict=True)
        services = [f"{service} ({instead})" for service, instead in pairs]
    namespaces = [shlex.quote(name or "NAME") for name in hint.namespaces]
    values = {
        "services": ", ".join(services),
        "header": hint.header,
        "namespaces": " ".join(namespaces),
    }
    lines = [line.format(*hint.services, **values) for line in HINTS[hint.code]]
    if hint.code is HintCode.LOST and namespaces:
        lines.append("  Pods that started without the Operator lack it. Restart them:")
    return [*lines, *(f"  kubectl rollout restart deployment -n {name}" for name in namespaces)]
