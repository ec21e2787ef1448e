"""A run of `lanes verify` against a gateway that says itself how long it took."""

import random
from dataclasses import dataclass, replace
from typing import cast

from lanes.evidence.steps import Answer, Measured, Step
from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule
from lanes.planning.result import Plan
from lanes.verification.gateway import Gateway
from lanes.verification.load_profile import LoadProfile
from lanes.verification.result import Result
from lanes.verification.run import VerificationRun
from lanes.verification.targets import entry_targets
from tests import kube
from tests.kube import SAMPLE, asm
from tests.unit.lanes.reading import plan_of

PATHS = {"v1": "v1 v1 v1", "v2": "v2 v1 v2", "v3": "v3 v3 v1"}
PLAN = plan_of(*asm())
BESIDE = plan_of(*kube.base(SAMPLE, {"v1": 100}), *kube.lane("v3", SAMPLE))
# Lane v3 is entered by a second header as well.
TWO_WAYS = plan_of(
    *kube.base(SAMPLE, {"v1": 100}),
    *kube.lane("v3", SAMPLE),
    kube.http_route(
        "web-v3-too",
        kube.to_gateway(),
        kube.route_rule(
            kube.backend("mocka-v3", kube.sets("baggage", "version=v3")),
            matches=[kube.takes(headers={"x-also": "v3"})],
        ),
    ),
)


@dataclass
class Clock:
    """A gateway that says itself how long it took: `slow` is a lane that takes 30 ms more, and
    `wrong` the number of a request that fails, and the answer to it what it `says`."""

    slow: str = ""
    wrong: int = -1
    says: str = "no healthy upstream"
    by_weight: tuple[str, ...] = ("v1",) * 4 + ("v2",) * 3 + ("v3",) * 3
    sets: str = ""  # the lane that the gateway sets for who enters one, where it is another
    heeds: str = "x-also"  # by what header a lane is entered, beside x-lane
    address: str = "http://gateway/"
    traced: bool = False

    def __post_init__(self) -> None:
        self.asked: list[str] = []

    def client(self) -> "Clock":
        return self

    def require_reachable(self) -> None:
        pass

    def send(self, rule: EntryRule = NO_ENTRY_RULE, due: float | None = None) -> Answer:
        number = len(self.asked)
        entered = rule.headers.get("x-lane") or rule.headers.get(self.heeds)
        drawn = self.by_weight[number % len(self.by_weight)]
        lane = (self.sets or entered) if entered else drawn
        self.asked.append(str(rule))
        steps = zip(("mocka", "mockb", "mockc"), PATHS[lane].split(), strict=True)
        told = [Measured(depth, "::1", 200, 3.0 - depth, 1.0) for depth in range(3)]
        path = tuple(
            Step(service, version, lane, None, measured)
            for (service, version), measured in zip(steps, told, strict=True)
        )
        took = random.Random(number).lognormvariate(2, 0.3) + 30 * (lane == self.slow)
        answer = Answer(200, lane, path, due or float(number), took, 0.0)
        wrong = replace(answer, status=503, path=(), text=self.says)
        return wrong if number == self.wrong else answer


def tried(
    gateway: Clock,
    plan: Plan = PLAN,
    *,
    requests: int = 100,
    alone: bool = False,
    no_worse: bool = False,
    fail_fast: bool = False,
) -> Result:
    asking = LoadProfile(requests, entry_targets(plan, plan.enterable, 50), concurrency=1)
    run = VerificationRun(plan, ("mesh.yaml",), asking, alone, None, no_worse, fail_fast)
    return run.run(cast(Gateway, gateway), lambda answers, _: iter(answers))
