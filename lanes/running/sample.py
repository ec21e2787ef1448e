"""The sample service as a stand-in: its program, variables and management port."""

import os
import sys

from lanes.envoy.tracing import Collector
from lanes.mesh.model import SIDECAR_PORT, Pod
from lanes.running.telemetry import telemetry
from lanes.running.variables import SAMPLE, known_propagators, of_sample

# With -P, Python does not import a folder `services` of the current directory.
SERVICE = (sys.executable, "-P", "-m", "services")
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONDONTWRITEBYTECODE")
# In a cluster, a pod logs each request and drains for five seconds.
_ON_A_LAPTOP = {"log_level": "warning", "drain": "1"}


def inherited() -> dict[str, str]:
    """Return the variables that the mesh's processes inherit from this one."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ}


def pod_environment(pod: Pod, address: str, collector: Collector | None = None) -> dict[str, str]:
    """Return all variables of a stand-in for a pod at `address`."""
    proxy = f"http://{address}:{SIDECAR_PORT}"
    variables = {**of_sample(pod.env), **telemetry(pod, collector)}
    if propagators := variables.get("OTEL_PROPAGATORS"):
        variables["OTEL_PROPAGATORS"] = known_propagators(propagators)
    return {
        **inherited(),
        **variables,
        **_ON_A_LAPTOP,
        **{name: address for name in pod.ip_env if name in SAMPLE},
        "app": pod.app,
        "version": pod.version,
        "host": address,
        "port": str(pod.port),
        "management_port": str(management_port(pod)),
        # Calls by https end at the sidecar too: stand-ins call nothing outside of the mesh.
        "http_proxy": proxy,
        "https_proxy": proxy,
    }


def management_port(pod: Pod) -> int:
    """Return the port of the readiness probe; without a probe, a port that nobody calls."""
    if pod.readiness:
        return pod.readiness.port
    return 8001 if pod.port != 8001 else 8002
