"""What is printed does not depend on the order of sets, which differs from run to run."""

import os
import subprocess
import sys
from pathlib import Path

from tests.istio.generated import generate
from tests.kube import rule, to, virtual_service, web, write

SETS = 12
SAY = """
import sys
from lanes.console import Console
from lanes.errors import LanesError
from lanes.lint.check import lint
from lanes.planning.plan import plan
from lanes.reading.reader import read
from lanes.reading.resolve import resolve
from lanes.report.plan import show_plan
from lanes.report.plan_json import plan_json

for path in sys.argv[1:]:
    print(path, *lint([path]).findings, sep="\\n")
    try:
        mesh = resolve(read([path]))
        print(*mesh.warnings, *mesh.not_run, sep="\\n")
        planned = plan(mesh)
    except LanesError as error:
        print(error)
    else:
        print(plan_json(mesh, planned))
        show_plan(planned, Console())
"""


def test_two_runs_print_the_same(tmp_path: Path) -> None:
    sets = [generate(f"order {number}").documents for number in range(SETS)]
    lost = (virtual_service(f"{n}.org", rule(to("web")), gateways=[f"x{n}"]) for n in range(6))
    sets.append([*web(), *lost])  # of which there are many warnings
    files = [write(tmp_path, *made, name=f"{n}.yaml") for n, made in enumerate(sets)]
    first, second = (_said(files, seed) for seed in ("1", "2"))
    assert len(first.splitlines()) > SETS
    assert first == second


def _said(files: list[str], seed: str) -> str:
    command = [sys.executable, "-c", SAY, *files]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    return subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout
