"""How often verification calls a lane worse, for the figures of docs/verify.md.

usage: python -m scripts.simulate [--runs N] [--seed N]

The simulation makes the comparison of `lanes verify` on lanes that are as good as their baseline,
and on lanes that are not. Requests are distributed by weight, eight at a time. A request takes some
9 ms; one in 50 takes another 30 ms on average. On a busy machine, a lane's pods also wait for a
processor by turns, which delays all of their requests.
"""

import argparse
import math
import random
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import heapreplace

from lanes.verification import blocks
from lanes.verification.performance import Figures, LanePerformance, allowed, compared

RUNS = 10_000
AT_A_TIME = 8


@dataclass(frozen=True)
class Scenario:
    """The behavior of the lanes in a simulated run. The first lane is the baseline."""

    name: str
    requests: int
    weights: tuple[int, ...] = (40, 30, 30)
    slowed: Callable[[float], float] = float  # the second lane's time, from the ordinary time
    failing: float = 0.0  # share of the second lane's requests that fail
    others_failing: float = 0.0  # share of the other lanes' requests that fail
    bursts: bool = False  # all lanes are slow by turns
    busy: float = 0.0  # mean seconds for which each lane waits by turns; 0: never

    def worse(self, luck: random.Random) -> bool:
        """Simulate one run; tell whether verification calls any lane worse."""
        names = range(len(self.weights))
        answered: list[tuple[int, float, float]] = []  # lane, start in seconds, milliseconds
        failed = dict.fromkeys(names, 0)
        waits = [self._waits(luck) for _ in names]
        free = [0.0] * AT_A_TIME
        slow = 1.0
        for number, lane in enumerate(luck.choices(names, self.weights, k=self.requests)):
            if self.bursts and number % 50 == 0:
                slow = luck.choice((1.0, 1.0, 1.0, 3.0))
            if luck.random() < (self.failing if lane == 1 else self.others_failing):
                failed[lane] += 1
                continue
            began = free[0]
            took = 9 * slow * luck.lognormvariate(0, 0.35)
            took += luck.expovariate(1 / 30) if luck.random() < 0.02 else 0.0
            took += waits[lane](began)
            took = self.slowed(took) if lane == 1 else took
            heapreplace(free, began + took / 1000)
            answered.append((lane, began, took))
        at = blocks.cut([(began, took) for _, began, took in answered])
        times: dict[int, dict[int, list[float]]] = {name: defaultdict(list) for name in names}
        for (lane, _, took), block in zip(answered, at, strict=True):
            times[lane][block].append(took)
        base, *others = (_lane(f"v{lane}", failed[lane], times[lane]) for lane in names)
        seen = [lane for lane in others if lane.figures.count]
        return any(lane.worse for lane in compared(seen, base))

    def _waits(self, luck: random.Random) -> Callable[[float], float]:
        """Return a function from a time, in s, to how much longer a lane's pods wait, in ms."""
        turns = self._turns(luck)
        begins, ends = next(turns)

        def left(now: float) -> float:
            nonlocal begins, ends
            while ends < now:
                begins, ends = next(turns)
            return max(0.0, ends - now) * 1000 if begins <= now else 0.0

        return left

    def _turns(self, luck: random.Random) -> Iterator[tuple[float, float]]:
        """Yield the start and end, in s, of each time that the pods wait."""
        if not self.busy:
            yield math.inf, math.inf
        now = 0.0
        while True:
            begins = now + luck.expovariate(1 / self.busy)
            now = begins + luck.expovariate(1 / self.busy)
            yield begins, now


def _lane(name: str, failed: int, times: dict[int, list[float]]) -> LanePerformance:
    every = sorted(took for each in times.values() for took in each)
    return LanePerformance(name, Figures(len(every) + failed, failed, tuple(every)), (), times)


def later(ms: float) -> float:
    return ms + 30


SOUND = (
    Scenario("alike", 100),
    Scenario("alike", 1000),
    Scenario("alike, 95:5", 1000, (95, 5)),
    Scenario("alike, and 5 % fail in all", 1000, failing=0.05, others_failing=0.05),
    Scenario("alike, all slow by turns", 1000, bursts=True),
    Scenario("alike, each waits by turns", 60, busy=0.03),
    Scenario("alike, each waits by turns", 100, busy=0.03),
    Scenario("alike, each waits by turns", 1000, busy=0.03),
    Scenario("slower by as much as is allowed", 1000, slowed=allowed),
)
BAD = (
    Scenario("30 ms later, 5 % fail", 100, slowed=later, failing=0.05),
    Scenario("30 ms later, 5 % fail", 1000, slowed=later, failing=0.05),
    Scenario("30 ms later, 5 % fail, 95:5", 1000, (95, 5), slowed=later, failing=0.05),
    Scenario("5 % fail", 1000, failing=0.05),
    Scenario("5 % fail, 95:5", 1000, (95, 5), failing=0.05),
    Scenario("3 ms later", 1000, slowed=lambda ms: ms + 3),
    Scenario("twice as long", 100, slowed=lambda ms: 2 * ms),
    Scenario("30 ms later, each waits by turns", 1000, slowed=later, busy=0.03),
    Scenario("twice as long, each waits by turns", 1000, slowed=lambda ms: 2 * ms, busy=0.03),
)


def main() -> int:
    """Print for each scenario how many runs call a lane worse."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(f"{'':<34}requests   worse, of {options.runs:,} runs")
    for kind, scenarios in (("sound", SOUND), ("not sound", BAD)):
        print(kind)
        for scenario in scenarios:
            luck = random.Random(options.seed)  # noqa: S311 no secret
            worse = sum(scenario.worse(luck) for _ in range(options.runs))
            print(f"  {scenario.name:<32}{scenario.requests:>8}{worse:>8}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
