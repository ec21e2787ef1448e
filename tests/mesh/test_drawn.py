"""Drawn meshes, as in test_simulated.py, run by the laptop mesh: real Envoy, real services.

DRAWN sets how many of each; SEED which.
"""

import os
from pathlib import Path

import pytest

from lanes.verification.verdict import Holds
from tests import kube
from tests.mesh.running import eventually, pod
from tests.mesh.test_evidence import PAGE, left, telling, verified
from tests.unit.lanes.simulated import CAUSES, Break, Drawn, draw

SEED = os.environ.get("SEED", "1")
DRAWN = int(os.environ.get("DRAWN", "1"))
HOWS = {
    Break.NOT_INSTRUMENTED: "",
    Break.B3_ALONE: "b3",
    Break.TRACE_ALONE: "traceparent",
    Break.ASYNC: "half",
    Break.CHANGED: "changed",
    Break.NOT_READY: None,
}


def commands(mesh: Drawn) -> list[str]:
    """What runs in the place of foreign services."""
    found = []
    for name in sorted(mesh.foreign):
        handed_on = "baggage,traceparent" if name in mesh.tracing else "baggage"
        how = HOWS.get(mesh.how) if mesh.how and name == mesh.caller else None
        place = mesh.calls[name].index(mesh.service) if how is not None else 0
        broken = "" if how is None else f"BROKEN={place}={how} "
        found.append(f"{name}=HANDS_ON={handed_on} {broken}{PAGE}")
    return found


def manifests(mesh: Drawn, folder: Path) -> str:
    chain = {name: (mesh.versions[name], mesh.calls[name]) for name in mesh.calls}
    return kube.write(folder, *kube.asm(chain, {"v1": 34, "v2": 33, "v3": 33}))


@pytest.mark.parametrize("number", range(DRAWN))
def test_a_sound_mesh_holds(number: int, tmp_path: Path) -> None:
    mesh = draw(f"{SEED} sound {number}", broken=False, most=5)
    with telling(*commands(mesh), manifests=manifests(mesh, tmp_path)) as running:
        verdict = verified(running, 45).verdict
    assert (verdict.holds, verdict.unexpected) == (Holds.HOLD, ()), mesh


@pytest.mark.parametrize("number", range(DRAWN))
def test_a_broken_mesh_is_named_at_its_hop_with_its_cause(number: int, tmp_path: Path) -> None:
    mesh = draw(f"{SEED} broken {number}", broken=True, most=5, hows=list(HOWS))
    assert mesh.how is not None
    with telling(*commands(mesh), manifests=manifests(mesh, tmp_path)) as running:
        if mesh.how is Break.NOT_READY:
            gone = pod(running, f"{mesh.service}-{mesh.lane}")
            running.kill_pod(gone)
            eventually(lambda: not running.runs(gone))
        found = left(verified(running, 45))
    assert {at[1:] for at in found} == {(mesh.caller, mesh.service, CAUSES[mesh.how])}, mesh
