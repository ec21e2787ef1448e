"""The sentences of a plan: what it can't be made of, and its reasons in words."""

from collections.abc import Mapping
from enum import Enum

from lanes.errors import LanesError


class Problem(Enum):
    """What a plan can't be made of, each with its sentence."""

    NO_PODS = "{sources}: no Deployment there; lanes need pods to lead to"
    NO_GATEWAY = (
        "{sources}: no VirtualService with HTTP rules and no HTTPRoute is bound to a gateway;"
        " there is no way in"
    )
    HOST_NOT_SERVED = "{sources}: the gateway does not serve {host}, only {served}"
    NO_GATEWAY_RULE = "{sources}: no rule of the gateway takes a request for {path}"
    ANSWERS_ITSELF = (
        "{rule}: answers {path} with {status} by itself, so there are no lanes;"
        " --path names another"
    )
    SEVERAL_LANE_HEADERS = (
        "{sources}: the gateway stamps {names}; each of its destinations should set one header"
        " that an ASMHeaderPropagation names, or one baggage member"
    )
    LANE_SET_TWICE = "{sources}: the gateway stamps lane {lane} at two destinations"
    UNKNOWN_CALLER = "--calls {caller}: no such service in these manifests"
    UNKNOWN_CALLEE = "--calls {caller}={target}: {target} is no Service's http port"
    NO_SERVICE_URL = "pod {pod} calls {url}, which is no Service's http URL in these manifests"
    SPLITS_AND_SETS = (
        "lane {lane}: the rule at {service} splits the lane and changes headers by destination,"
        " so the lane has no one path; match the lane before splitting"
    )
    UPSTREAMS_DIFFER = (
        "lane {lane}: the pods that answer at {service} ({versions}) call different upstreams,"
        " so the lane has no one path; route them apart"
    )
    SIDECARS_DIFFER = (
        "lane {lane}: of the pods that answer at {service} ({versions}) some make calls past their"
        " sidecars, so the lane has no one path; route them apart"
    )
    NEVER_ENDS = "lane {lane}: {cycle}: the chain never ends; break the loop"
    CHAIN_TOO_LONG = "lane {lane}: a chain of more than {most} calls is not planned"
    NO_LANE = "no lane {lane} in these manifests; there are {known}"
    NO_ENTRY_RULE = (
        "lane {lane} has no way in: requests get there {by}; a rule of the gateway's for, say,"
        " the header x-lane: {lane} would let them enter"
    )
    NO_TESTABLE_RULE = (
        "lane {lane} is entered by {methods} alone, which {because} and so is not sent; a rule"
        " of the gateway's for, say, the header x-lane: {lane} would let GET enter"
    )


class PlanError(LanesError):
    """A problem with the values of its sentence, and further sentences behind it."""

    def __init__(self, problem: Problem, *more: str, **values: object) -> None:
        super().__init__(problem.value.format(**values), *more)
        self.problem = problem


# What leads a lane off its path at a service, by the reason.
MISROUTED: Mapping[str, str] = {
    "caught": "the rule of lane {version} takes it as well",
    "shadowed": "a rule that takes every request stands before its own",
    "lost": "the lane's tag does not reach it",
    "unselected": "{rule} selects none of the pods of {version} that run there",
    "unrouted": "{version} runs there, and no rule leads to it",
}

# Why a rule of the gateway leads to no one lane.
NOT_PLANNED: Mapping[str, str] = {
    "no-weight": "answers 500: no backend has a weight above 0",
    "splits": "has a split of its own",
    "sets-no-lane": "stamps no lane",
    "no-example": "no request that comes there is known",
    "depends-on-gateway": "what answers depends on the gateway's stamp beside it",
    "other-path": "leads lane {lane} another way",
}

# Why nothing answers.
UNANSWERED: Mapping[str, str] = {
    "no-rule": "no rule takes the lane here",
    "answers-itself": "the rule says so",
    "no-weight": "no backend of the rule has a weight above 0",
    "no-service": "the rule names {hosts}, which is no Service here",
    "not-permitted": "the rule names a Service that it may not lead to",
    "no-pods": "no pod is there for it",
    "no-version": "the lane has no version here, and no fallback",
}
