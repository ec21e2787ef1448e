"""More concurrent clients than the pods have threads, under the real istiod."""

import re
from collections import Counter
from pathlib import Path

from tests.istio import mesh as istio
from tests.istio.conftest import ISTIOD
from tests.istio.variants import with_env
from tests.mesh.running import failed, under_load, verdict_of


def test_a_refusal_of_an_overloaded_pod_ejects_no_pod_and_is_not_retried(tmp_path: Path) -> None:
    # A slow pod: few clients overload it, and the cores stay free.
    late = with_env(tmp_path, "mockc-v1", "fault_delay", "1000")
    with istio.run(Path(ISTIOD), late) as mesh:

        def counted(pattern: str) -> int:
            return sum(sum(proxy.counters(pattern).values()) for proxy in mesh.proxies().values())

        ejections, statuses = "ejections_enforced_total$", "retry.*upstream_rq_429$"
        before = counted(ejections), counted(statuses)
        answers = list(under_load(mesh, 600, clients=150))
        # Any hop may be overloaded; the hops before it pass its status on.
        others = [text for text in failed(answers) if not re.match("429 .*busy: ", text)]
        assert others == []
        assert Counter(answer.status for answer in answers)[429] > 0
        assert (counted(ejections), counted(statuses)) == before
        assert verdict_of(mesh).ok
