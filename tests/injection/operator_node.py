"""Packages and environment variables that the OpenTelemetry Operator adds to a Node.js pod."""

import json
import shutil
from pathlib import Path

from tests.chart.rendering import Values, render
from tests.injection.operator_pod import instrumentation_environ
from tests.languages import programs

HERE = Path(__file__).parent
GUIDE = HERE / "nodejs-0.49.1"
# The hops of tests/languages have the packages of upstream's image, so that one lock serves both.
UPSTREAM = programs.HERE / "node"
INSTRUMENTATIONS = "@opentelemetry/auto-instrumentations-node"
ENTRY = "autoinstrumentation.js"
# The variable that a current Operator sets by default.
BEHIND = {"OTEL_METRICS_EXPORTER": "otlp"}


def packages(version: str) -> Path:
    """Return the folder that autoinstrumentation-nodejs of that version mounts, with its entry."""
    name = f"nodejs-{version}"
    if name == GUIDE.name:
        folder = programs.node_packages(GUIDE, name)
        shutil.copy(GUIDE / ENTRY, folder)
        return folder
    locked = json.loads((UPSTREAM / "package.json").read_text())["dependencies"]
    assert locked[INSTRUMENTATIONS] == version, f"{UPSTREAM} locks another version"
    folder = programs.node_packages(UPSTREAM, name)
    # As the image's Dockerfile does.
    built = folder / "node_modules" / INSTRUMENTATIONS / "build/src"
    shutil.copytree(built, folder, dirs_exist_ok=True)
    shutil.copy(folder / "register.js", folder / ENTRY)
    return folder


def operator_environ(
    folder: Path, instrumentation: Values, before: bool, options: str = ""
) -> dict[str, str]:
    """Return the variables that the Operator adds.

    `instrumentation` is a part of the chart's values. `before` selects the guide's Operator.
    `options` are the NODE_OPTIONS that the container has already.
    """
    values = {"instrumentation": {"mode": "operator", **instrumentation}}
    resources = render(values | {"defaults": {"language": "nodejs"}})
    made = instrumentation_environ(resources, "nodejs", {}, {} if before else BEHIND)
    return {
        **made,
        "NODE_OPTIONS": f"{options} --require {folder / ENTRY}",
        # Without its detectors, which ask clouds for their metadata.
        "OTEL_NODE_RESOURCE_DETECTORS": "none",
    }
