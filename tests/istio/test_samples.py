"""The plan of Istio's own samples agrees with the real istiod."""

from pathlib import Path

import pytest

from lanes.planning.plan import plan
from lanes.reading.reader import read
from lanes.reading.resolve import resolve
from tests import kube
from tests.istio.comparison import Case, loaded_istiod
from tests.istio.conftest import ISTIOD
from tests.istio.entrances import entrance, given
from tests.istio.samples import CALLS, combinations, documents

SAMPLES = Path(ISTIOD).parent / "samples"
COMBINATIONS = 51  # as docs/plan.md says
BATCH = 6  # per istiod: each proxy gets the configuration of all of them


@pytest.mark.parametrize("first", range(0, COMBINATIONS, BATCH))
def test_samples_are_planned_and_istiod_agrees(first: int, tmp_path: Path) -> None:
    combined = list(combinations(SAMPLES).items())
    assert len(combined) == COMBINATIONS
    cases = [case_of(*each, tmp_path) for each in combined[first : first + BATCH]]
    with loaded_istiod(Path(ISTIOD), cases) as istiod:
        refused = {case.name: why for case in cases if (why := istiod.admits(case))}
        wrong = [f"{case.name}: {why}" for case in cases for why in istiod.disagreements(case)]
    assert not refused
    assert not wrong, "\n".join(wrong)


def case_of(name: str, files: list[Path], tmp_path: Path) -> Case:
    """Return a combination with its plan."""
    applied = documents(files, name)
    mesh = resolve(read([kube.write(tmp_path, *applied, name=f"{name}.yaml")]))
    calls = CALLS if any(port.host.name == "productpage" for port in mesh.ports) else {}
    planned = plan(mesh, calls=calls)
    applied += given(mesh, applied, {"istio": name})
    return Case(name, applied, mesh, planned, entrance(applied), calls)
