"""`--run`: a team's own program in place of stand-ins, which listens on any address."""

import sys
from pathlib import Path

from tests import kube
from tests.mesh.running import ROOT, ask_in_lane, eventually, pod, running, versions

HOP = f"{sys.executable} {ROOT / 'tests/languages/plain/server.py'}"


def test_own_code_is_a_hop_of_each_lane_and_is_started_again(tmp_path: Path) -> None:
    chain = {**kube.PAIR, "mockb": (("v1", "v2"), ("mockc",)), "mockc": (("v1",), ())}
    manifests = kube.write(tmp_path, *kube.asm(chain, kube.HALVES))
    with running(manifests, commands=[f"mockb=app=mockb version=own {HOP}"]) as mesh:
        # Both versions listen on all addresses; neither is in the other's way.
        assert versions(ask_in_lane(mesh, "v1")) == ["mocka v1", "mockb own", "mockc v1"]
        assert versions(ask_in_lane(mesh, "v2")) == ["mocka v2", "mockb own", "mockc v1"]
        own = pod(mesh, "mockb-v2")
        mesh.kill_pod(own)
        eventually(lambda: not mesh.runs(own))
        answer = ask_in_lane(mesh, "v2")
        assert mesh.address(pod(mesh, "mockb-v1")) in answer.text
        mesh.start_pod(own)
        mesh.wait_ready([own])
