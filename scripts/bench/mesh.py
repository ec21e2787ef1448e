"""What the laptop mesh takes: time until it answers, memory, CPU, and Envoy's share of that."""

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
    """Of a mesh: seconds until its first answer; bytes of memory, of the whole and of the largest
    pod, at rest and under load; requests in a second; of one request the milliseconds of CPU, and
    Envoy's part of them, 0 to 1.
    """

    pods: int
    ready: float
    resting: int
    loaded: int
    resting_pod: int
    loaded_pod: int
    per_second: float
    cpu_ms: float
    envoy: float


def figures(mesh: Mesh, requests: int) -> Figures:
    """Run `mesh`, and ask it so often."""
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
    """The sample with so many pods, shared out among its Deployments."""
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
