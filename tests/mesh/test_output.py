"""The last output of a pod that ends is printed without control characters."""

import subprocess

import pytest

from lanes.running.address import free_port
from tests import kube
from tests.mesh.processes import lanes
from tests.mesh.running import ROOT

NASTY = r"\033]0;owned\007\033[2J\233\342\200\256[red]\rLanes hold."


@pytest.mark.parametrize("command", ["up", "demo"])
def test_the_last_output_of_a_pod_is_printed(
    command: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    documents = kube.asm({"mocka": (("v1",), ())}, {"v1": 100})
    manifests = kube.write(tmp_path_factory.mktemp("manifests"), *documents)
    own = f"mocka=printf '{NASTY}'; exit 3"
    line = lanes(command, manifests, "--port", str(free_port()), "--run", own)
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "lanes: pod mocka-v1 ended by itself (exit code 3); it said last:",
        "  \\x1b]0;owned\\x07\\x1b[2J\ufffd\\u202e[red]",
        "  Lanes hold.",
    ]
