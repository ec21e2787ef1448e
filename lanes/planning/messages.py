"""The sentences of a plan: errors and reasons."""

from collections.abc import Mapping
from enum import Enum

from lanes.errors import LanesError


class Problem(Enum):
    """Why a plan is not possible, with the sentence."""

    NO_PODS = "{sources}: no Deployment found. Add the Deployments of the services."
    NO_GATEWAY = (
        "{sources}: no VirtualService with HTTP rules and no HTTPRoute is bound to a gateway."
        " Bind one with spec.gateways or spec.parentRefs, or begin with lanes init."
    )
    HOST_NOT_SERVED = "{sources}: the gateway does not serve {host}. It serves {served}."
    NO_GATEWAY_RULE = (
        "{sources}: no rule of the gateway matches a request for {path}. Name another with --path."
    )
    NOT_SUPPORTED = (
        "The gateway's rule for {path} is not supported, so nothing can be planned: {why}."
        " Name another path with --path."
    )
    ANSWERS_ITSELF = (
        "{rule}: the rule answers {path} with {status} by itself, so there are no lanes."
        " Name another path with --path."
    )
    SEVERAL_LANE_HEADERS = (
        "{sources}: the gateway sets {names}. Set one header at each destination, which an"
        " ASMHeaderPropagation names, or one baggage member."
    )
    LANE_SET_TWICE = "{sources}: the gateway sets lane {lane} at two destinations. Set it at one."
    UNKNOWN_CALLER = (
        "--calls {caller}: no such service in these manifests. Name one that lanes plan shows."
    )
    UNKNOWN_CALLEE = (
        "--calls {caller}={target}: {target} is no Service here with an HTTP port. Correct it."
    )
    UNKNOWN_PORT = (
        "--port {name}={port}: {name} has no HTTP port {port} here, but {known}. Correct it."
    )
    NO_SERVICE_URL = "pod {pod} calls {url}, not the http URL of a Service here. Correct it."
    SPLITS_AND_SETS = (
        "lane {lane}: the rule at {service} splits the lane and changes headers by destination,"
        " so the lane has several paths. Match the lane before splitting."
    )
    UPSTREAMS_DIFFER = (
        "lane {lane}: the pods that answer at {service} ({versions}) call different upstreams,"
        " so the lane has several paths. Route to each of them by a rule of its own."
    )
    SIDECARS_DIFFER = (
        "lane {lane}: the calls of the pods that answer at {service} ({versions}) meet other rules,"
        " so the lane has several paths. Route to each of them by a rule of its own."
    )
    TOO_MUCH_TO_PLAN = (
        "{sources}: {lanes:,} lanes at {services:,} ports with {rules:,} rules are more than can be"
        " planned together. Give the manifests of fewer lanes, or of fewer services."
    )
    NEVER_ENDS = "lane {lane}: {cycle}: these calls never end. Break the cycle."
    CHAIN_TOO_LONG = "lane {lane}: a chain of more than {most} calls is not supported"
    NO_LANE = "no lane {lane} in these manifests. The lanes are {known}."
    NO_ENTRY_RULE = (
        "lane {lane} has no entry rule, so requests enter it by {weight}. Add a gateway rule"
        " for, say, the header x-lane: {lane}."
    )
    NO_TESTABLE_RULE = (
        "lane {lane} is entered by {methods} alone, which {because}, so no request is sent."
        " Add a gateway rule that matches GET, for, say, the header x-lane: {lane}."
    )


class PlanError(LanesError):
    """A problem with the values of its sentence, followed by further sentences."""

    def __init__(self, problem: Problem, *more: str, **values: object) -> None:
        super().__init__(problem.value.format(**values), *more)
        self.problem, self.values = problem, values


# Why a lane leaves its path at a service.
MISROUTED: Mapping[str, str] = {
    "caught": "the rule of lane {version} also matches this lane",
    "shadowed": "a rule that matches every request precedes the lane's own",
    "lost": "the lane header does not reach this service",
    "unselected": "{rule} selects none of the {version} pods that run here",
    "mixed": "{rule} selects pods of other versions beside {version}",
    "no-failover": (
        "{rule} selects pods of other versions beside {version}: its failoverPriority has no effect"
        " without outlierDetection"
    ),
    "unrouted": "{version} runs here, and no rule routes to it",
}

# Why a gateway rule leads to no single lane.
NOT_PLANNED: Mapping[str, str] = {
    "no-weight": "answers 500: no backend has a weight above 0",
    "answers-itself": "answers {status} by itself",
    "splits": "splits requests itself",
    "sets-no-lane": "sets no lane",
    "not-supported": "{why}",
    "shadowed": "all of its requests go to {why}",
    "taken": "the requests that were tried go to {why}",
    "no-example": "no example of what it matches is known",
    "depends-on-gateway": "what answers also depends on the lane that the gateway sets",
    "other-path": "leads lane {lane} to other versions",
}

# Why no pod answers.
UNANSWERED: Mapping[str, str] = {
    "no-rule": "no rule matches the lane",
    "answers-itself": "the rule answers by itself",
    "no-weight": "no backend of the rule has a weight above 0",
    "no-service": "the rule names {hosts}, which is not a Service here",
    "not-permitted": "the rule names a Service that it may not route to",
    "tls-refused": "the calls have no TLS, and a PeerAuthentication of the pods requires it",
    "no-subset": "no DestinationRule here defines the subset that the rule names",
    "no-port": "the rule names no port, and {hosts} has none of the number that is called",
    "no-pods": "the destination has no pods",
    "no-version": "the lane has no version here, and no fallback",
}
