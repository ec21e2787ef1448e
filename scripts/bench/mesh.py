"""Figures of the laptop mesh: time until it answers, memory, CPU, and Envoy's share of the CPU."""

import tempfile
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import yaml

from lanes.mesh.model import Mesh
from lanes.reading.reader import read
from lanes.reading.resolve import resolve
from lanes.running.address import free_port
from lanes.running.runtime import run
from lanes.verification.gateway import Gateway
from lanes.verification.sending import send_repeatedly
from scripts.proc import cpu_seconds, memory

CLIENTS = 16
_WARM_UP = 300


@dataclass(frozen=True)
class Figures:
    """Figures of one mesh."""

    pods: int
    ready: float  # seconds until the first answer
    resting: int  # bytes of memory at rest, of all processes
    loaded: int  # bytes of memory under load, of all processes
    resting_pod: int  # bytes of the largest pod at rest
    loaded_pod: int  # bytes of the largest pod under load
    per_second: float  # requests
    cpu_ms: float  # milliseconds of CPU for a request
    envoy: float  # Envoy's share of them, 0 to 1


def figures(mesh: Mesh, requests: int) -> Figures:
    """Run `mesh` and send it this number of requests."""
    began = time.monotonic()
    with run(mesh, free_port()) as running:
        client = Gateway(running.url).client()
        client.send()
        ready = time.monotonic() - began
        envoy, *pods = pids = running.pids()
        resting, resting_pod = memory(*pids), max(map(memory, pods))
        load = send_repeatedly(client, _WARM_UP + requests, CLIENTS)
        for _ in islice(load, _WARM_UP):
            pass
        loading = time.monotonic()
        before = {pid: cpu_seconds(pid) for pid in pids}
        answers = list(load)
        seconds = time.monotonic() - loading
        used = {pid: cpu_seconds(pid) - before[pid] for pid in pids}
        return Figures(
            pods=len(pods),
            ready=ready,
            resting=resting,
            loaded=memory(*pids),
            resting_pod=resting_pod,
            loaded_pod=max(map(memory, pods)),
            per_second=len(answers) / seconds,
            cpu_ms=1000 * sum(used.values()) / len(answers),
            envoy=used[envoy] / sum(used.values()),
        )


def of_pods(pods: int) -> Mesh:
    """Return the sample with `pods` pods, spread over its Deployments."""
    documents = [
        document
        for file in sorted(Path("k8s/asm").glob("*.yaml"))
        for document in yaml.safe_load_all(file.read_text())
    ]
    deployments = [document for document in documents if document["kind"] == "Deployment"]
    for number, deployment in enumerate(deployments):
        deployment["spec"]["replicas"] = (pods + number) // len(deployments)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump_all(documents, file)
        file.flush()
        return resolve(read([file.name]))
