"""The development container's settings, without Docker."""

import json
import subprocess
from pathlib import Path

from lanes.cli.up import up_command

ROOT = Path(__file__).parents[2]


def test_it_sets_up_what_the_demo_needs_and_forwards_its_ports() -> None:
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    make, target = container["postCreateCommand"].split()
    subprocess.run((make, "-n", target), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    assert "demo: $(VENV)/mesh.done" in (ROOT / "Makefile").read_text()
    (port,) = (each.default for each in up_command.params if each.name == "port")
    assert container["forwardPorts"] == [port, 8081]
