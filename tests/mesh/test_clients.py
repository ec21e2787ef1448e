"""Clients that try to enter a lane, or to leave theirs, with each provider."""

from pathlib import Path

import pytest

from tests import kube
from tests.chart.rendering import Values, render, without_tests
from tests.mesh.running import INCOMPLETE, misrouted, running

FORMS: dict[str, tuple[str, Values]] = {
    "asm": ("asm", {}),
    "istio": ("istio", {}),
    "istio, HTTPRoute": ("istio", {"parentRefs": [{"name": "web"}]}),
}


# Strict mode tells a lost lane by its 503.
@pytest.mark.parametrize(("provider", "gateway"), FORMS.values(), ids=FORMS)
def test_hostile_headers_do_not_leave_the_lane(
    tmp_path: Path, provider: str, gateway: Values
) -> None:
    values: Values = {
        "mesh": {"provider": provider},
        "lanes": {"mode": "strict", "weights": INCOMPLETE},
        "gateway": gateway,
    }
    with running(kube.write(tmp_path, *without_tests(render(values)))) as mesh:
        assert not misrouted(mesh)
