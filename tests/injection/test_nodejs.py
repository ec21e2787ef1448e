"""Lanes under the OpenTelemetry Operator's injection into Node.js pods.

Two hops of each kind run between services of ours, in one mesh of real Envoy, with the chart's own
Instrumentation.
"""

import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.chart.rendering import Values
from tests.injection.operator_node import operator_environ, packages
from tests.injection.operator_pod import injected_version
from tests.languages.chains import Told, arrived, ask, rendered
from tests.languages.programs import node
from tests.mesh.running import eventually, running

GUIDE = injected_version("values-asm.yaml", "nodejs")
UPSTREAM = injected_version("values-upstream.yaml", "nodejs")
PROVIDERS = {GUIDE: "asm", UPSTREAM: "istio"}
LOADER = "node_modules/@opentelemetry/instrumentation/hook.mjs"


@dataclass(frozen=True)
class Program:
    """A program, its client if it has several, and further values of the chart."""

    file: str
    client: str = "http"
    instrumentation: Values | None = None
    loader: bool = False  # NODE_OPTIONS of its own, by which ES modules are instrumented

    def command(self, version: str) -> str:
        """Return the command for `--run`."""
        folder = packages(version)
        options = f"--experimental-loader={folder / LOADER}" if self.loader else ""
        asked = self.instrumentation or {}
        environ = operator_environ(folder, asked, version == GUIDE, options)
        environ["CLIENT"] = self.client
        variables = shlex.join(f"{name}={value}" for name, value in environ.items())
        return f"cd {node()} && exec env {variables} node {self.file}"


PROGRAMS = {
    "http": Program("server.js"),
    "observed": Program("server.js", instrumentation={"collector": "http://127.0.0.1:9"}),
    "fetch": Program("server.js", "fetch"),
    "modules": Program("modules.mjs"),
    "loaded": Program("modules.mjs", loader=True),
}
# By which of them the lane crosses. The guide's packages know no fetch and no ES modules; no
# --require reaches the ES modules of a program that has no other.
CROSS = {
    GUIDE: {"http", "observed"},
    UPSTREAM: {"http", "observed", "fetch", "loaded"},
}


@pytest.fixture(scope="module", params=PROVIDERS)
def told(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Told]:
    """Return the injected version, and the answers of each program's first hop in lane v2."""
    if missing := [name for name in ("node", "npm") if shutil.which(name) is None]:
        pytest.skip(f"not here: {', '.join(missing)}")
    version, hops, commands = request.param, {}, []
    for name, program in PROGRAMS.items():
        for hop, upstream in ((name, f"{name}-again"), (f"{name}-again", "tail")):
            hops[hop] = {"versions": {"v1": {}}, "upstreams": [upstream], "language": "nodejs"}
            commands.append(f"{hop}={program.command(version)}")
    file = Path(tmp_path_factory.mktemp("nodejs"), "mesh.yaml")
    file.write_text(yaml.safe_dump_all(rendered(PROVIDERS[version], list(PROGRAMS), hops)))
    with running(str(file), commands=commands) as mesh:
        # The programs are slow at first.
        eventually(lambda: all("name" in h for h in ask(mesh, list(PROGRAMS)).values()), 60)
        return version, ask(mesh, list(PROGRAMS))


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_lane_and_foreign_baggage_cross_two_hops(told: tuple[str, Told], name: str) -> None:
    version, first = told[0], told[1][name]
    (again,) = first["upstreams"]
    assert (first["name"], again["name"]) == (name, f"{name}-again")
    kept = ("v2", "v2", "Amélie") if name in CROSS[version] else ("v1", "", "")
    assert arrived(again) == kept
