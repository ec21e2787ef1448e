"""More clients at once than the mesh has threads for."""

from collections import Counter
from collections.abc import Iterator

import pytest
import urllib3

from lanes.running.runtime import RunningMesh
from tests.mesh.running import ROOT, failed, judged, running, under_load


@pytest.fixture
def mesh() -> Iterator[RunningMesh]:
    with running(str(ROOT / "k8s/asm")) as mesh:
        yield mesh


def counted(mesh: RunningMesh, pattern: str) -> int:
    """The sum of Envoy's own counts whose names match."""
    stats = urllib3.request("GET", f"{mesh.admin_url}stats?format=json&filter={pattern}").json()
    return sum(stat["value"] for stat in stats["stats"] if "name" in stat)


def test_what_is_too_much_is_refused_and_no_pod_is_taken_for_dead(mesh: RunningMesh) -> None:
    answers = list(under_load(mesh, 3000, clients=600))
    statuses = Counter(answer.status for answer in answers)
    others = [text for text in failed(answers) if not text.startswith("429")]
    assert statuses.keys() == {200, 429}, others[:10]
    assert statuses[200] > 100
    refused = {answer.text for answer in answers if answer.status == 429}
    assert refused <= {
        "busy: 16 requests are being answered and 128 wait",
        "busy: no thread was free within 2 s",
    }
    assert counted(mesh, "health_check.failure$") == 0
    assert counted(mesh, "ejections_enforced_total$") == 0
    assert counted(mesh, "upstream_rq_retry$") == 0, "a refusal is not asked again"
    assert judged(mesh).ok, "and afterwards all is well"
