"""The plan of generated manifests agrees with the real istiod.

SETS is the number of sets and SEED draws them: make test-istio SETS=2000 SEED=7.
"""

import os
from pathlib import Path

import pytest

from lanes.errors import LanesError
from lanes.planning.plan import plan
from lanes.reading.reader import read
from lanes.reading.resolve import resolve
from tests import kube
from tests.istio.comparison import Case, loaded_istiod
from tests.istio.conftest import ISTIOD
from tests.istio.entrances import entrance, given
from tests.istio.generated import TWISTS, Set, generate, placed

SETS = int(os.environ.get("SETS") or 100)
SEED = os.environ.get("SEED") or "lanes"
BATCH = 10  # per istiod: each proxy gets the configuration of all of them


def case_of(made: Set, name: str, tmp_path: Path) -> Case | str:
    """Return the set with its plan, or the error of the plan."""
    documents = placed(made, name)
    try:
        mesh = resolve(read([kube.write(tmp_path, *documents, name=f"{name}.yaml")]))
        documents += given(mesh, documents, {"istio": f"{name}-given"})
        return Case(name, documents, mesh, plan(mesh), entrance(documents))
    except LanesError as error:
        return str(error)


def differences(sets: dict[str, Set], tmp_path: Path) -> tuple[list[str], int]:
    """Return the differences of plan and istiod, and the number of compared sets."""
    cases = {name: case_of(made, name, tmp_path) for name, made in sets.items()}
    planned = [case for case in cases.values() if isinstance(case, Case)]
    wrong, compared = [], 0
    with loaded_istiod(Path(ISTIOD), planned) as istiod:
        for case in planned:
            if istiod.admits(case):
                continue
            compared += 1
            made = sets[case.name]
            wrong += [
                f"{case.name} ({', '.join(made.twists)}): {why}"
                for why in istiod.disagreements(case)
            ]
    return wrong, compared


ALONE = [(name, number) for name in TWISTS for number in range(2)]


@pytest.mark.parametrize("first", range(0, len(ALONE), BATCH))
def test_the_plan_agrees_for_each_twist_alone(first: int, tmp_path: Path) -> None:
    sets = {
        f"{name.replace(' ', '-')}-{number}": generate(f"{name} {number}", name)
        for name, number in ALONE[first : first + BATCH]
    }
    wrong, _ = differences(sets, tmp_path)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("first", range(0, SETS, BATCH))
def test_the_plan_agrees_for_generated_sets(first: int, tmp_path: Path) -> None:
    numbers = range(first, min(first + BATCH, SETS))
    sets = {f"set-{number}": generate(f"{SEED} {number}") for number in numbers}
    wrong, compared = differences(sets, tmp_path)
    assert not wrong, "\n".join(wrong)
    assert compared  # not all sets are refused
