"""What clients send to get into a lane, or out of theirs, on both providers' lanes."""

from pathlib import Path

import pytest

from tests import kube
from tests.chart.rendering import Values, render, without_tests
from tests.mesh.running import INCOMPLETE, astray, running

FORMS: dict[str, tuple[str, Values]] = {
    "asm": ("asm", {}),
    "istio": ("istio", {}),
    "istio, HTTPRoute": ("istio", {"parentRefs": [{"name": "web"}]}),
}


# Strict mode tells a lost lane by its 503; permissive mode, by the path alone.
@pytest.mark.parametrize(
    ("form", "mode", "baggage"),
    [
        *((form, "strict", baggage) for form in FORMS for baggage in ("drop", "keep")),
        ("istio", "permissive", "keep"),
    ],
)
def test_no_client_leaves_its_lane(tmp_path: Path, form: str, mode: str, baggage: str) -> None:
    provider, gateway = FORMS[form]
    values: Values = {
        "mesh": {"provider": provider},
        "lanes": {"mode": mode, "weights": INCOMPLETE},
        "gateway": gateway | {"clientBaggage": baggage},
    }
    with running(kube.write(tmp_path, *without_tests(render(values)))) as mesh:
        assert not astray(mesh)
