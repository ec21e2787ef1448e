"""Drawn meshes, as in test_simulated.py, on the laptop mesh: real Envoy, real services.

A mesh is started once, and verified several times: sound, or broken while it runs. DRAWN is the
number of meshes, CASES how often each is verified sound and how often broken. SEED draws them.
docs/verify.md has the figures of 1,000 cases.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from lanes.errors import LanesError
from lanes.evidence.laptop import laptop
from lanes.verification.gateway import Gateway
from lanes.verification.hints import HintCode
from lanes.verification.http_client import Limits
from lanes.verification.load_profile import LoadProfile
from lanes.verification.run import VerificationRun
from lanes.verification.targets import entry_targets
from lanes.verification.verdict import Holds, Verdict
from tests.mesh.breaking import PROVIDERS, Broken, breaking
from tests.mesh.running import under_load
from tests.unit.lanes.simulated import CAUSES, Break, Drawn, draw_cases

SEED = os.environ.get("SEED", "1")
DRAWN = int(os.environ.get("DRAWN", "1"))
CASES = int(os.environ.get("CASES", "2"))
REQUESTS = 5  # into each lane
TRIES = 10  # of a case


@pytest.mark.parametrize("number", range(DRAWN))
def test_verify_fails_only_while_the_mesh_is_broken(number: int, tmp_path: Path) -> None:
    seed = f"{SEED} {number}"
    rng, cases = Random(seed), draw_cases(seed, CASES, CASES)
    missed = []
    with breaking(cases[0], rng.choice(list(PROVIDERS)), tmp_path) as mesh:
        for case in cases:
            verdict = verified(mesh, case, beside=rng.random() < 0.5)
            wrong = why_wrong(case, verdict)
            print(f"{seed}: {case.how or 'sound'}: {wrong or 'right'}", flush=True)
            if wrong:
                missed.append((case, wrong))
    assert not missed


def why_wrong(case: Drawn, verdict: Verdict) -> str:
    """Return why the verdict is wrong for the case; "": it is right."""
    if case.how is None:
        sound = verdict.holds is Holds.HOLD and not verdict.unexpected
        return "" if sound else told(verdict)
    if case.how is Break.NO_SIDECAR:
        # Envoy is all sidecars at once, and logs no call that it does not send.
        unseen = verdict.holds is Holds.AS_FAR_AS_SEEN and not verdict.unexpected
        ends = {(hint.code, *hint.services) for hint in verdict.hints}
        right = unseen and ends == {(HintCode.EVIDENCE_ENDS, case.caller, case.service)}
        return "" if right else told(verdict)
    found = {(at.caller, at.service, at.cause) for _, at, _ in verdict.breaks}
    return "" if found == {(case.caller, case.service, CAUSES[case.how])} else told(verdict)


def told(verdict: Verdict) -> str:
    """Return a summary of the verdict."""
    wrong = [f"{one.problem} {one.count} times" for one in verdict.unexpected]
    unseen = [lane.unseen for lane in verdict.lanes]
    return f"{verdict.holds}, {wrong}, not seen: {unseen}, {verdict.hints}"


def verified(mesh: Broken, case: Drawn, beside: bool) -> Verdict:
    """Return the verdict of the case; with `beside`, others send requests meanwhile."""
    tries = (tried(mesh, case, beside) for _ in range(TRIES))
    verdict = next(filter(None, tries), None)
    assert verdict, f"pods were late {TRIES} times: {case}"
    return verdict


def tried(mesh: Broken, case: Drawn, beside: bool) -> Verdict | None:
    """Return the verdict, or None if a pod answered a probe or a request too late.

    That happens on a busy machine, and is a case of its own.
    """
    load = LoadProfile(0, entry_targets(mesh.planned, mesh.planned.lanes, REQUESTS), 8)
    gateway = Gateway(mesh.mesh.url, limits=Limits(seconds=60))
    with mesh.broken(case):
        failed = mesh.failed_probes()
        with laptop(*gateway.at) as evidence, others(mesh, 3 * REQUESTS if beside else 0):
            assert evidence is not None
            run = VerificationRun(mesh.planned, (), load)
            try:
                verdict = run.run(gateway, lambda x, _: iter(x), evidence).verdict
            except LanesError as error:
                print(f"again: {error}", flush=True)
                return None
        late = mesh.failed_probes() > failed and case.how is not Break.NOT_READY
    if late or verdict.errors:
        print(f"again: {verdict.errors} errors, or probes", flush=True)
        return None
    return verdict


@contextmanager
def others(mesh: Broken, requests: int) -> Iterator[None]:
    """Send requests by weight, one after the other, in a thread."""
    thread = threading.Thread(target=lambda: list(under_load(mesh.mesh, requests, 1)))
    thread.start()
    yield
    thread.join()
