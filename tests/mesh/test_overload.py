"""More concurrent clients than the mesh has threads."""

import json
from collections import Counter
from pathlib import Path

from lanes.running.runtime import RunningMesh
from tests import kube
from tests.mesh.running import failed, running, under_load, verdict_of

NARROW = {"threads": "8"}  # as many as ask when all is verified


def counted(mesh: RunningMesh, pattern: str) -> int:
    """Return the sum of Envoy's counters whose names match."""
    told = json.loads(mesh.admin.page(f"/stats?format=json&filter={pattern}") or "")
    return sum(stat["value"] for stat in told["stats"] if "name" in stat)


def test_an_overloaded_pod_refuses_requests_and_stays_healthy(tmp_path: Path) -> None:
    # Narrow entries: a busy machine's clients are too many for them as well.
    documents = [
        kube.deployment("mocka", d["metadata"]["name"].removeprefix("mocka-"), "mockb", env=NARROW)
        if d["kind"] == "Deployment" and d["metadata"]["name"].startswith("mocka-")
        else d
        for d in kube.asm(kube.PAIR, kube.HALVES)
    ]
    with running(kube.write(tmp_path, *documents)) as mesh:
        answers = list(under_load(mesh, 600, clients=100))
        statuses = Counter(answer.status for answer in answers)
        others = [text for text in failed(answers) if not text.startswith("429")]
        assert statuses.keys() == {200, 429}, others[:10]
        assert statuses[200] > 20
        refused = {answer.text for answer in answers if answer.status == 429}
        assert refused == {"busy: 8 requests are being answered"}
        assert counted(mesh, "health_check.failure$") == 0
        assert counted(mesh, "ejections_enforced_total$") == 0
        assert counted(mesh, "upstream_rq_retry$") == 0, "a refusal is not asked again"
        assert verdict_of(mesh).ok, "and afterwards all is well"
