"""How often the judge calls a lane worse: `python -m scripts.simulate`, figures of docs/verify.md.

Requests are drawn as a gateway draws them, and their times from a model of a service: some 9 ms,
one in 50 held up by 30 ms more on the average. What is tried is the comparison that `lanes verify`
makes, on lanes that are as good as their baseline, and on ones that are not.
"""

import argparse
import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lanes.verification.performance import Figures, LanePerformance, allowed, compared

RUNS = 10_000


@dataclass(frozen=True)
class Scenario:
    """`weights` of the lanes, the first the baseline; what becomes of the second lane's time, and
    how many of its requests, and of the others', fail.
    """

    name: str
    requests: int
    weights: tuple[int, ...] = (40, 30, 30)
    slowed: Callable[[float], float] = float
    failing: float = 0.0
    others_failing: float = 0.0
    bursts: bool = False

    def worse(self, luck: random.Random) -> bool:
        """Whether one run calls any lane worse."""
        names = range(len(self.weights))
        times: Mapping[int, list[float]] = {name: [] for name in names}
        failed = dict.fromkeys(names, 0)
        busy = 1.0
        for number, lane in enumerate(luck.choices(names, self.weights, k=self.requests)):
            if self.bursts and number % 50 == 0:
                busy = luck.choice((1.0, 1.0, 1.0, 3.0))
            if luck.random() < (self.failing if lane == 1 else self.others_failing):
                failed[lane] += 1
                continue
            took = 9 * busy * luck.lognormvariate(0, 0.35)
            took += luck.expovariate(1 / 30) if luck.random() < 0.02 else 0.0
            times[lane].append(self.slowed(took) if lane == 1 else took)
        base, *others = (
            LanePerformance(
                f"v{lane}",
                Figures(len(times[lane]) + failed[lane], failed[lane], tuple(sorted(times[lane]))),
                (),
            )
            for lane in names
        )
        seen = [lane for lane in others if lane.figures.count]
        return any(lane.worse for lane in compared(seen, base))


def later(ms: float) -> float:
    return ms + 30


SOUND = (
    Scenario("alike", 100),
    Scenario("alike", 1000),
    Scenario("alike, 95:5", 1000, (95, 5)),
    Scenario("alike, and 5 % fail in all", 1000, failing=0.05, others_failing=0.05),
    Scenario("alike, all slow by turns", 1000, bursts=True),
    Scenario("slower by as much as is allowed", 1000, slowed=allowed),
)
BAD = (
    Scenario("30 ms later, 5 % fail", 100, slowed=later, failing=0.05),
    Scenario("30 ms later, 5 % fail", 1000, slowed=later, failing=0.05),
    Scenario("30 ms later, 5 % fail, 95:5", 1000, (95, 5), slowed=later, failing=0.05),
    Scenario("5 % fail", 1000, failing=0.05),
    Scenario("5 % fail, 95:5", 1000, (95, 5), failing=0.05),
    Scenario("3 ms later", 1000, slowed=lambda ms: ms + 3),
)


def main() -> int:
    """Print how often each scenario's run is called worse."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print(f"{'':<34}requests   worse, of {given.runs:,} runs")
    for kind, scenarios in (("sound", SOUND), ("not sound", BAD)):
        print(kind)
        for scenario in scenarios:
            luck = random.Random(given.seed)  # noqa: S311 no secret
            worse = sum(scenario.worse(luck) for _ in range(given.runs))
            print(f"  {scenario.name:<32}{scenario.requests:>8}{worse:>8}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
