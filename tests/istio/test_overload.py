"""More clients at once than the pods have threads for, under the real istiod."""

from collections import Counter

from tests.istio.mesh import IstioMesh
from tests.mesh.running import failed, judged, under_load


def test_a_refusal_ejects_no_pod_and_is_not_asked_again(istio_mesh: IstioMesh) -> None:
    def counted(pattern: str) -> int:
        proxies = istio_mesh.proxies().values()
        return sum(sum(proxy.counters(pattern).values()) for proxy in proxies)

    ejections, statuses = "ejections_enforced_total$", "retry.*upstream_rq_429$"
    before = counted(ejections), counted(statuses)
    answers = list(under_load(istio_mesh, 2000, clients=400))
    others = [text for text in failed(answers) if not text.startswith("429 busy: ")]
    assert others == []
    assert Counter(answer.status for answer in answers)[429] > 0
    assert (counted(ejections), counted(statuses)) == before
    assert judged(istio_mesh).ok, "and afterwards all is well"
