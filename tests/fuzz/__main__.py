"""Fuzz plan, lint and `up` with odd manifests, drawn by a seed.

usage: python -m tests.fuzz [--seed N] [--count N] [--first N] [--show]

Prints one line of JSON. Each fault goes to standard error with the command that shows its set. Exit
codes: 0 no fault, 1 faults.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence

from tests.fuzz.corpus import corpus
from tests.fuzz.run import outcomes
from tests.fuzz.sets import fuzzed_set


def main(arguments: Sequence[str]) -> int:
    """Fuzz as the command line says; return the exit code."""
    parser = argparse.ArgumentParser(prog="fuzz", description="Fuzz plan, lint and up.")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first set")
    parser.add_argument("--show", action="store_true", help="print the first set and try none")
    options = parser.parse_args(arguments)
    seed = random.randrange(2**32) if options.seed is None else options.seed
    sets = corpus(offline=False)
    if options.show:
        print(fuzzed_set(sets, seed, options.first))
        return 0
    numbers = range(options.first, options.first + options.count)
    began = time.monotonic()
    endings: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    for number in numbers:
        for outcome in outcomes(fuzzed_set(sets, seed, number)):
            if isinstance(outcome, str):
                endings[outcome] += 1
                continue
            what = f"{outcome.step}: {outcome.what}"
            faults[what] += 1
            if faults[what] == 1:
                again = f"python -m tests.fuzz --seed {seed} --first {number} --show"
                print(f"fuzz: {what}: {again}\n{outcome.trace}", file=sys.stderr, flush=True)
    print(
        json.dumps(
            {
                "seed": seed,
                "sets": len(numbers),
                "corpus": len(sets),
                "seconds": round(time.monotonic() - began),
                "ended": dict(sorted(endings.items())),
                "faults": dict(faults.most_common()),
            }
        )
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
