"""A short fuzzing run. `make fuzz` takes any number of sets."""

from tests.fuzz.corpus import corpus
from tests.fuzz.run import Fault, outcomes
from tests.fuzz.sets import fuzzed_set

SEED, SETS = 17, 150


def test_no_set_ends_by_a_fault_of_ours() -> None:
    sets = corpus(offline=True)
    faults = {
        f"python -m tests.fuzz --seed {SEED} --first {number} --show": end
        for number in range(SETS)
        for end in outcomes(fuzzed_set(sets, SEED, number))
        if isinstance(end, Fault)
    }
    assert faults == {}
