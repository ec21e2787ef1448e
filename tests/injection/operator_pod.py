"""Packages and environment variables that the OpenTelemetry Operator adds to a pod of the chart.

The packages are a folder that pip fills, as in the Operator's own image, for the Python of that
image. Pods of any Python get it. The variables come from the Instrumentation that the chart
renders.
"""

import fcntl
import hashlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.chart.rendering import ROOT, Resource, Values, of_kind, parse, render

CACHE = Path(sys.prefix) / "injection"
AUTOMATIC = Path("opentelemetry/instrumentation/auto_instrumentation")

# What the Operator of the guide sets for Python before anything that the user asks for, and what
# a current one sets where the user asks for nothing.
OTLP_BEFORE = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf",
}
OTLP_BEHIND = {
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_LOGS_EXPORTER": "otlp",
}


def injected_version(values_file: str, language: str = "python") -> str:
    """Return the tag of the packages that the Operator injects if installed by that file."""
    (values,) = parse((ROOT / "helm" / "opentelemetry-operator" / values_file).read_text())
    return str(values["manager"]["autoInstrumentationImage"][language]["tag"])


def packages(version: str) -> Path:
    """Return the folder that autoinstrumentation-python of that version mounts, filled once."""
    lock = Path(__file__).with_name(f"operator-{version}.txt")
    machine = platform.machine()
    text = lock.read_text()
    digest = hashlib.sha256(f"{machine}\n{text}".encode()).hexdigest()[:12]
    built_for = re.search(r"--python-version (\S+)", text)
    assert built_for, f"{lock} does not say which Python its packages are for"
    kinds = ["manylinux2014", "manylinux_2_17", "manylinux_2_28"]
    with filling(CACHE / f"{version}-{digest}") as (target, empty):
        if empty:
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
            built = ["--only-binary=:all:", f"--python-version={built_for[1]}"]
            platforms = [f"--platform={kind}_{machine}" for kind in kinds]
            listed = ["--require-hashes", "--no-deps", "--requirement", str(lock)]
            into = ["--target", str(empty)]
            done = subprocess.run(
                [*pip, *built, *platforms, *listed, *into],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
    return target


def without_pkg_resources(folder: Path) -> Path:
    """Return a copy of the folder with today's setuptools, which lacks `pkg_resources`."""
    with filling(folder.with_name(f"{folder.name}-today")) as (target, empty):
        if empty:
            assert (folder / "pkg_resources").is_dir(), f"{folder} needs no setuptools"
            missing = shutil.ignore_patterns("pkg_resources", "__pycache__")
            shutil.copytree(folder, empty, ignore=missing, dirs_exist_ok=True)
    return target


@contextmanager
def filling(target: Path) -> Iterator[tuple[Path, Path | None]]:
    """Give the target and, where it is not there yet, an empty folder that becomes it: whole or
    not at all, and by one process at a time.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.is_dir():
            yield target, None
            return
        with tempfile.TemporaryDirectory(dir=target.parent) as work:
            empty = Path(work, "folder")
            empty.mkdir()
            yield target, empty
            empty.rename(target)


def python_path(folder: Path) -> str:
    """Return PYTHONPATH as the Operator sets it for packages that are mounted there."""
    return f"{folder / AUTOMATIC}:{folder}"


def operator_environ(folder: Path, instrumentation: Values, before: bool) -> dict[str, str]:
    """Return a pod's OpenTelemetry variables and PYTHONPATH: the image's, changed by the Operator.

    `instrumentation` is a part of the chart's values. `before` selects the guide's Operator, whose
    own variables beat the resource's `env`.
    """
    resources = render({"instrumentation": {"mode": "operator", **instrumentation}})
    behind = {} if before else OTLP_BEHIND
    made = instrumentation_environ(resources, "python", OTLP_BEFORE if before else {}, behind)
    path = {"PYTHONPATH": python_path(folder)}
    return image_environ() | made | container_environ(resources) | path


def instrumentation_environ(
    resources: list[Resource], language: str, before: Mapping[str, str], behind: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables that the Operator makes from the rendered Instrumentation.

    Its own variables come `before` the resource's `env`, or `behind` everything else.
    """
    (resource,) = of_kind(resources, "Instrumentation").values()
    spec = resource["spec"]
    own = _named(spec.get(language, {}).get("env", []))
    general = _named(spec.get("env", []))
    sdk = {
        "OTEL_SERVICE_NAME": "mocka-v1",
        "OTEL_RESOURCE_ATTRIBUTES": "k8s.container.name=default,k8s.pod.name=mocka-v1-0",
        "OTEL_PROPAGATORS": ",".join(spec["propagators"]),
        "OTEL_TRACES_SAMPLER": spec["sampler"]["type"],
        "OTEL_TRACES_SAMPLER_ARG": spec["sampler"]["argument"],
    }
    if "exporter" in spec:
        sdk["OTEL_EXPORTER_OTLP_ENDPOINT"] = spec["exporter"]["endpoint"]
    return {**behind, **sdk, **general, **before, **own}


def container_environ(resources: list[Resource]) -> dict[str, str]:
    """Return the OpenTelemetry variables that the chart sets in the containers."""
    deployment = of_kind(resources, "Deployment")["mocka-v1"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    variables = _named([item for item in container["env"] if "value" in item])
    return {name: value for name, value in variables.items() if name.startswith("OTEL_")}


def image_environ() -> dict[str, str]:
    """Return the OpenTelemetry variables that the image sets."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    return dict(re.findall(r"^(?:ENV|   ) ?(OTEL_\w+)=(\S+)", dockerfile, re.MULTILINE))


def _named(variables: list[dict[str, str]]) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in variables}
