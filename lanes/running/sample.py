"""The sample service as a stand-in's process: its program, variables and management port."""

import os
import sys

from lanes.envoy.tracing import Collector
from lanes.mesh.model import SIDECAR_PORT, Pod
from lanes.running.telemetry import telemetry
from lanes.running.variables import SAMPLE, known_propagators, of_sample

# With -P, a folder `services` where `lanes` was started is not taken for ours.
SERVICE = (sys.executable, "-P", "-m", "services")
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONDONTWRITEBYTECODE")
# What a pod does otherwise than in a cluster: each request's log line would only fill a disk, and
# nobody waits five seconds for a pod to drain.
_ON_A_LAPTOP = {"log_level": "warning", "drain": "1"}


def inherited() -> dict[str, str]:
    """What this process hands on of its own variables."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ}


def pod_environment(pod: Pod, address: str, collector: Collector | None = None) -> dict[str, str]:
    """All the variables that a pod's process gets on this machine, at its own `address`."""
    proxy = f"http://{address}:{SIDECAR_PORT}"
    traced = telemetry(pod, collector)
    if "OTEL_PROPAGATORS" in traced:
        traced = traced | {"OTEL_PROPAGATORS": known_propagators(traced["OTEL_PROPAGATORS"])}
    return {
        **inherited(),
        **of_sample(pod.env),
        **traced,
        **_ON_A_LAPTOP,
        **{name: address for name in pod.ip_env if name in SAMPLE},
        "app": pod.app,
        "version": pod.version,
        "host": address,
        "port": str(pod.port),
        "management_port": str(management_port(pod)),
        # A call of https ends there, too: no stand-in asks anybody outside of the mesh.
        "http_proxy": proxy,
        "https_proxy": proxy,
    }


def management_port(pod: Pod) -> int:
    """The port of the readiness probe; without a probe, one that nobody calls."""
    if pod.readiness:
        return pod.readiness.port
    return 8001 if pod.port != 8001 else 8002
