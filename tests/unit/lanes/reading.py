"""From manifests as dicts to what the code under test makes of them."""

import io
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from lanes.console import Console
from lanes.envoy import NO_PORTS, bootstrap
from lanes.errors import LanesError
from lanes.mesh.model import Mesh
from lanes.planning.messages import PlanError, Problem
from lanes.planning.plan import plan
from lanes.planning.result import Plan
from lanes.reading.commands import Command
from lanes.reading.reader import read
from lanes.reading.resolve import resolve
from lanes.report.plan import one_line
from tests.kube import Document, write

Json = dict[str, Any]
ADMIN = "/proc/self/fd/9/admin"
REPOSITORY = Path(__file__).parents[3]


def mesh_of(*documents: Document, commands: Iterable[str] = ()) -> Mesh:
    """The mesh that `documents` describe, read from a file as a user's would be, with commands in
    place of stand-ins.
    """
    with tempfile.TemporaryDirectory() as folder:
        return resolve(read([write(Path(folder), *documents)]), map(Command.of, commands))


def plan_of(*documents: Document, **where: Any) -> Plan:
    """The plan of that mesh."""
    return plan(mesh_of(*documents), **where)


def lanes_of(*documents: Document, **where: Any) -> dict[str, str]:
    """Each lane's path in words, as the command line says it."""
    return {lane.name: one_line(lane) for lane in plan_of(*documents, **where).lanes}


def entry_rules_of(planned: Plan) -> dict[str, list[str]]:
    """Each lane's entry rules in words."""
    return {lane.name: list(map(str, lane.entry_rules)) for lane in planned.lanes}


def printed(show: Callable[..., None], *values: object) -> list[str]:
    """Return the lines that `show` prints of `values` on a console of 80 columns."""
    out = io.StringIO()
    show(*values, Console(file=out, width=80))
    return out.getvalue().splitlines()


def refusal(*documents: Document) -> str:
    """The sentence that refuses `documents`, from reading to plan, without its file's name."""
    with tempfile.TemporaryDirectory() as folder:
        file = write(Path(folder), *documents)
        with pytest.raises(LanesError) as caught:
            plan(resolve(read([file])))
    return str(caught.value).removeprefix(f"{file}: ")


def problem_of(*documents: Document, **where: Any) -> tuple[Problem, dict[str, object]]:
    """What a plan of `documents` can't be made of, and the values of its sentence."""
    with pytest.raises(PlanError) as caught:
        plan_of(*documents, **where)
    values = caught.value.values.items()
    return caught.value.problem, {name: value for name, value in values if name != "sources"}


def addresses_of(mesh: Mesh) -> dict[str, str]:
    """An address for each pod, by the pod's key."""
    return {pod.key: f"127.0.9.{number}" for number, pod in enumerate(mesh.pods, start=1)}


def config_of(mesh: Mesh, ports: Mapping[str, int] = NO_PORTS) -> Json:
    """Envoy's configuration for `mesh`, whose own code listens at `ports`."""
    return bootstrap(mesh, addresses_of(mesh), 8080, ADMIN, ports)
