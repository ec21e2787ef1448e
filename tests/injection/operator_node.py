"""What the OpenTelemetry Operator puts into a Node.js pod: packages, and environment."""

import shutil
from pathlib import Path

from tests.chart.rendering import Values, render
from tests.injection.operator_pod import instrumentation_environ
from tests.languages.programs import node_packages

HERE = Path(__file__).parent
ENTRY = "autoinstrumentation.js"
# What a current Operator sets where nobody asks for anything.
BEHIND = {"OTEL_METRICS_EXPORTER": "otlp"}


def packages(version: str) -> Path:
    """The folder that autoinstrumentation-nodejs of that version brings, with its entry."""
    source = HERE / f"nodejs-{version}"
    folder = node_packages(source)
    if (source / ENTRY).exists():
        shutil.copy(source / ENTRY, folder)
    else:  # as the image's Dockerfile does
        built = "node_modules/@opentelemetry/auto-instrumentations-node/build/src"
        shutil.copytree(folder / built, folder, dirs_exist_ok=True)
        shutil.copy(folder / "register.js", folder / ENTRY)
    return folder


def operator_environ(
    folder: Path, instrumentation: Values, before: bool, options: str = ""
) -> dict[str, str]:
    """The variables that the Operator adds; `options` are the container's own NODE_OPTIONS.

    `instrumentation` is that of the chart's values. `before` means the guide's Operator.
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
