"""Draw mutants, try each with the unit tests that cover it, and name those that no test notices.

Exit codes: 0 done; 1 fewer than 90% of what is not known as equivalent are killed; 2 called
wrongly, or mutants can't be tried here.
"""

import argparse
import random
import re
import sys
import time
from collections import Counter
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from scripts.mutants.covering import Covering, measure
from scripts.mutants.drawing import Mutant, draw
from scripts.mutants.trying import forked_result, survives

PACKAGES = ("lanes", "services")
FOLDERS = (
    *("lanes/mesh", "lanes/reading", "lanes/planning", "lanes/envoy"),
    *("lanes/verification", "lanes/lint", "services"),
)
EQUIVALENT = Path("docs/mutants.md")
LEAST = 0.9
PYTEST = (
    *("-q", "-p", "no:cacheprovider", "--hypothesis-seed=0", "--tb=short"),
    "-Wignore::pytest.PytestAssertRewriteWarning",  # plugins are there before pytest looks for them
)


Outcomes = Counter[tuple[str, str]]
"""How many mutants, by folder and outcome."""


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
    if not all(_passes_unchanged(mutant, covering) for mutant in mutants[:1]):
        print("the tests of a mutant fail without it, in a process of their own")
        return 2
    print(f"SEED={chosen.seed} COUNT={len(mutants)}: {len(covering.seconds)} tests cover them")
    known = equivalents()
    outcomes: Outcomes = Counter()
    began = time.monotonic()
    for number, mutant in enumerate(mutants, 1):
        outcome = tried(mutant, covering, known)
        outcomes[next(f for f in FOLDERS if mutant.path.startswith(f)), outcome] += 1
        if outcome != "killed":
            print(f"\n{outcome}: {mutant.path}:{mutant.line}", *mutant.diff, sep="\n", flush=True)
        if number % 20 == 0:
            print(f"{number} in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print(f"\n{report(outcomes)}")
    return 0 if share(outcomes) >= LEAST else 1


def _measure() -> tuple[Covering, list[str]]:
    covering = measure(PACKAGES, [*PYTEST, "tests/unit"])
    own = (*PACKAGES, "scripts", "tests")
    return covering, [name for name in sys.modules if name.partition(".")[0] not in own]


def _import(libraries: list[str]) -> None:
    """Import what tests import but for the project itself, once for all the forked processes."""
    for name in libraries:
        try:
            import_module(name)
        except Exception:  # noqa: S112 what a module wants of who imports it, it may lack here
            continue


def _passes_unchanged(mutant: Mutant, covering: Covering) -> bool:
    """Whether it is the change that kills, and not how mutants are tried."""
    same = replace(mutant, source=Path(mutant.path).read_text())
    return tried(same, covering, set()) == "survived"


def tried(mutant: Mutant, covering: Covering, known: set[tuple[str, str]]) -> str:
    """Return killed, survived, or equivalent for a survivor that is known as such."""
    files = covering.tests(mutant.path, mutant.line)
    limit = 20 + 3 * sum(covering.seconds[test] for tests in files for test in tests)
    if files and not survives(mutant, files, limit, PYTEST):
        return "killed"
    return "equivalent" if mutant.change in known else "survived"


def equivalents() -> set[tuple[str, str]]:
    """Return the changes that EQUIVALENT lists: rows of a line, what it becomes, and why."""
    rows = re.findall(r"^\| `(.*?)` \| `(.*?)` \|", EQUIVALENT.read_text(), re.MULTILINE)
    return {(old.replace("\\|", "|"), new.replace("\\|", "|")) for old, new in rows}


def share(outcomes: Outcomes) -> float:
    """Return the share that is killed, 0 to 1, of what is not known as equivalent."""
    killed, survived = (
        sum(number for (_, one), number in outcomes.items() if one == outcome)
        for outcome in ("killed", "survived")
    )
    return killed / max(1, killed + survived)


def report(outcomes: Outcomes) -> str:
    """Return the outcomes, a line for each folder."""
    columns = ("killed", "survived", "equivalent")
    lines = [["", *columns]]
    for folder in sorted({folder for folder, _ in outcomes}):
        lines.append([folder, *(str(outcomes[folder, column]) for column in columns)])
    rows = ["".join([f"{first:20}", *(f"{cell:>12}" for cell in rest)]) for first, *rest in lines]
    return "\n".join([*rows, f"{share(outcomes):.1%} killed"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
