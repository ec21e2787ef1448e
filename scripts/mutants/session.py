"""Draw mutants, try each with the unit tests that cover it, and print those that no test notices.

Exit codes: 0 done; 1 if fewer than 90% are killed, without the known equivalents; 2 wrong usage, or
mutants cannot be tried here.
"""

import argparse
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from scripts.mutants.covering import Covering, measure
from scripts.mutants.drawing import Mutant, draw
from scripts.mutants.swapping import swap_of
from scripts.mutants.trying import Trying, forked_result

PACKAGES = ("lanes", "services")
FOLDERS = (
    *("lanes/mesh", "lanes/reading", "lanes/planning", "lanes/envoy"),
    *("lanes/verification", "lanes/lint", "services"),
)
EQUIVALENT = Path("docs/mutants.md")
LEAST = 0.9
TESTS = "tests/unit"
PYTEST = (
    *("-q", "-p", "no:cacheprovider", "--hypothesis-seed=0", "--tb=short"),
    "-Wignore::pytest.PytestAssertRewriteWarning",  # plugins are imported before pytest finds them
)


Outcomes = Counter[tuple[str, str]]
"""The number of mutants by folder and outcome."""


def main(arguments: list[str]) -> int:
    """Run a session and print its report; return the exit code."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--count", type=int, default=300)
    chosen = parser.parse_args(arguments)
    covering, libraries = forked_result(_measure, 1200)
    if covering.failed:
        print("left out, since they fail without any mutant:", *sorted(covering.failed), sep="\n  ")
    _import(libraries)
    folders = [folder for folder in map(Path, FOLDERS) if folder.is_dir()]
    mutants = draw(folders, chosen.seed, chosen.count)
    print(f"SEED={chosen.seed} COUNT={len(mutants)}: {len(covering.seconds)} tests cover them")
    trying, tally = Trying(covering, PYTEST), _Tally()
    swapped = [mutant for mutant in mutants if swap_of(mutant)]
    imported = [mutant for mutant in mutants if mutant not in swapped]
    try:
        tally.add(imported, trying.survives_import)
        trying.collected(TESTS, lambda survives: tally.add(swapped, survives))
    except RuntimeError as error:
        print(error)
        return 2
    print(f"\n{report(tally.outcomes)}")
    return 0 if share(tally.outcomes) >= LEAST else 1


def _measure() -> tuple[Covering, list[str]]:
    covering = measure(PACKAGES, [*PYTEST, TESTS])
    own = (*PACKAGES, "scripts", "tests")
    return covering, [name for name in sys.modules if name.partition(".")[0] not in own]


def _import(libraries: list[str]) -> None:
    """Import the tests' libraries, without the project itself, once for all forked processes."""
    for name in libraries:
        try:
            import_module(name)
        except Exception:  # noqa: S112 a module may need something that is missing here
            continue


class _Tally:
    """The outcomes of the mutants that have been tried."""

    def __init__(self) -> None:
        self.outcomes: Outcomes = Counter()
        self._known = equivalents()
        self._began = time.monotonic()

    def add(self, mutants: Sequence[Mutant], survives: Callable[[Mutant], bool]) -> None:
        """Try the mutants. Raises RuntimeError if tests fail without a change."""
        for mutant in mutants[:1]:
            if not survives(replace(mutant, source=Path(mutant.path).read_text())):
                raise RuntimeError(f"{mutant.path}: tests fail without a change, when forked")
        for mutant in mutants:
            self._count(mutant, survives(mutant))

    def _count(self, mutant: Mutant, survived: bool) -> None:
        outcome = "killed"
        if survived:
            known = (mutant.path, *mutant.change) in self._known
            outcome = "equivalent" if known else "survived"
            print(f"\n{outcome}: {mutant.path}:{mutant.line}", *mutant.diff, sep="\n", flush=True)
        self.outcomes[next(f for f in FOLDERS if mutant.path.startswith(f)), outcome] += 1
        if (number := self.outcomes.total()) % 20 == 0:
            took = time.monotonic() - self._began
            print(f"{number} in {took:.0f} s", file=sys.stderr, flush=True)


def equivalents() -> set[tuple[str, str, str]]:
    """Return the changes that EQUIVALENT lists. A row has file, line, new line and reason."""
    rows = re.findall(r"^\| `(.*?)` \| `(.*?)` \| `(.*?)` \|", EQUIVALENT.read_text(), re.MULTILINE)
    return {(path, old.replace("\\|", "|"), new.replace("\\|", "|")) for path, old, new in rows}


def share(outcomes: Outcomes) -> float:
    """Return the share of killed mutants, 0 to 1, without the known equivalents."""
    killed, survived = (
        sum(number for (_, one), number in outcomes.items() if one == outcome)
        for outcome in ("killed", "survived")
    )
    return killed / max(1, killed + survived)


def report(outcomes: Outcomes) -> str:
    """Return the outcomes as a table with a line for each folder."""
    columns = ("killed", "survived", "equivalent")
    lines = [["", *columns]]
    for folder in sorted({folder for folder, _ in outcomes}):
        lines.append([folder, *(str(outcomes[folder, column]) for column in columns)])
    rows = ["".join([f"{first:20}", *(f"{cell:>12}" for cell in rest)]) for first, *rest in lines]
    return "\n".join([*rows, f"{share(outcomes):.1%} killed"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
