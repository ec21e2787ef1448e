"""Measure the laptop mesh: start, memory, throughput, and what a killed pod costs.

usage: python scripts/bench.py [MANIFESTS]

The figures of README.md come from here. Nothing is judged: `make test` does that.
"""

import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from lanes.address import free_port
from lanes.answers import Answer
from lanes.manifests import read
from lanes.model import Pod
from lanes.resolve import resolve
from lanes.runtime import RunningMesh, run
from lanes.traffic import Client, Gateway, drive

REQUESTS = 2000
CONCURRENCY = 16
VICTIMS = ("mocka-v2", "mocka-v3", "mockb-v3", "mockc-v2")


def main(paths: list[str]) -> None:
    """Print the figures, a line each."""
    mesh = resolve(read(paths or ["k8s/asm"]))
    began = time.monotonic()
    with run(mesh, free_port()) as running:
        client = Gateway(running.url).client(CONCURRENCY)
        client.ask()
        print(f"first answer after        {time.monotonic() - began:.2f} s")
        print(f"resident memory           {resident(running) / 2**20:.0f} MB")
        began = time.monotonic()
        list(drive(client, REQUESTS, CONCURRENCY))
        print(f"requests per second       {REQUESTS / (time.monotonic() - began):.0f}")
        for pod in (p for p in mesh.pods if p.name in VICTIMS):
            print(f"kill -9 {pod.name:17} {ended(running, client, pod, running.kill_pod)}")
            print(f"SIGTERM {pod.name:17} {ended(running, client, pod, running.ask_to_stop)}")


def ended(running: RunningMesh, client: Client, pod: Pod, end: Callable[[Pod], None]) -> str:
    """What it costs to end `pod` after a quarter of the requests; it is back afterwards."""
    load = drive(client, REQUESTS, CONCURRENCY)
    answers: list[Answer] = list(islice(load, REQUESTS // 4))
    end(pod)
    answers += load
    while running.runs(pod):
        time.sleep(0.05)
    running.start_pod(pod)
    running.wait_ready([pod])
    time.sleep(1)
    return f"{sum(a.status != 200 for a in answers)} of {len(answers)} failed"


def resident(running: RunningMesh) -> int:
    """Bytes that every process of the mesh holds, shared pages counted each time."""
    return sum(
        int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
        for first in running.pids()
        for pid in [first, *children(first)]
    )


def children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


if __name__ == "__main__":
    main(sys.argv[1:])
