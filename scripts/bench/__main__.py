"""Measure the service beside its peers, the laptop mesh and the chart, for docs/benchmarks.md.

usage: python -m scripts.bench

No limit is checked. CPU time per request hardly depends on the machine's other load. Requests per
second and elapsed times do.
"""

import time
from statistics import median

from scripts.bench.chart import SHAPES, Values, rendered, taken_by, values
from scripts.bench.cost import Cost, costs
from scripts.bench.mesh import figures, of_pods
from scripts.bench.servers import Server, chain, instrumented, ours, ours_logging, peer
from scripts.bench.written import written_out

LEAF_REQUESTS, CHAIN_REQUESTS, MESH_REQUESTS = 1000, 400, 1000
STARTS, RUNS, MANY_PODS = 5, 3, 60
MEGABYTE = 2**20
# Services and lanes, and the part of the services that each lane changes.
SIZES = ((100, 10, 0.1), (200, 10, 0.1), (400, 10, 0.1), (500, 10, 0.1), (40, 40, 0.025))
WHOLE = ((40, 40, 1.0), (30, 30, 1.0))
PLANNED = ((100, 10, 0.1), (200, 10, 0.1), (500, 10, 0.1), (1000, 10, 0.1))
WRITTEN = ((200, 10, 0.2), (500, 10, 0.2), (1000, 10, 0.2))

PEER = "plain Flask"


def main() -> None:
    """Print the figures, a line each."""
    leaf: dict[str, Server] = {
        PEER: peer("leaf"),
        "plain Flask, instrumented": instrumented("leaf"),
        "the service": ours,
        "the service, a log line each": ours_logging,
    }
    hop = leaf | {PEER: peer("hop"), "plain Flask, instrumented": instrumented("hop")}
    table("one hop", costs({name: [leaf[name]] for name in leaf}, LEAF_REQUESTS))
    chains = {name: [hop[name], hop[name], leaf[name]] for name in leaf}
    table("chain of three", costs(chains, CHAIN_REQUESTS))
    print("one process")
    for name, server in leaf.items():
        seconds = median(started(server) for _ in range(STARTS))
        row(f"{name}: first answer", f"{seconds:.2f} s")
    sample = figures(of_pods(7), MESH_REQUESTS)
    print(f"laptop mesh, {sample.pods} pods")
    row("until the first answer", f"{sample.ready:.2f} s")
    row("memory at rest, under load", both(sample.resting, sample.loaded))
    row("largest pod, at rest, under load", both(sample.resting_pod, sample.loaded_pod))
    row("requests per second", f"{sample.per_second:.0f}")
    row("CPU for a request", f"{sample.cpu_ms:.2f} ms, {sample.envoy:.0%} of it Envoy's")
    many = figures(of_pods(MANY_PODS), MESH_REQUESTS)
    print(f"laptop mesh, {many.pods} pods")
    row("until the first answer", f"{many.ready:.1f} s")
    row("memory at rest, under load", both(many.resting, many.loaded))
    print(f"{'chart, helm template for istio':<45}s  CPU s  printed  helm test")
    for shape in SHAPES:
        for services, lanes, changed in SIZES:
            charted(
                f"{shape}, {services} services, {lanes} lanes",
                values(shape, services, lanes, changed),
            )
    for services, lanes, changed in WHOLE:
        charted(
            f"{services} services, all in {lanes} lanes", values("net", services, lanes, changed)
        )
    print(f"{'lanes, for istio':<44}plan s  CPU s  lint s  CPU s")
    for services, lanes, changed in PLANNED:
        for shape in ("tree", "net"):
            manifests = rendered(values(shape, services, lanes, changed)).printed
            planned(f"{shape}, {services} services, {lanes} lanes", manifests)
    for services, lanes, changed in WRITTEN:
        planned(
            f"{services} services, {lanes} lanes, written", written_out(services, lanes, changed)
        )


def planned(name: str, manifests: str) -> None:
    """Print a line with the fastest of RUNS runs of each command."""
    runs = [
        min((taken_by(command, manifests) for _ in range(RUNS)), key=lambda run: run.elapsed)
        for command in ("plan", "lint")
    ]
    times = "".join(f"{run.elapsed:7.2f}{run.seconds:7.2f}" for run in runs)
    row(f"{name}, {len(manifests) / MEGABYTE:.1f} MB", times)


def charted(name: str, chart_values: Values) -> None:
    run = rendered(chart_values)
    sizes = f"{len(run.printed) / MEGABYTE:6.1f} MB{run.for_verify / MEGABYTE:8.2f} MB"
    row(name, f"{run.elapsed:4.1f}{run.seconds:7.1f}{sizes}")


def table(title: str, candidates: dict[str, Cost]) -> None:
    """Print a line for each candidate, with its ratio to the peer."""
    print(f"{title:<34}  CPU ms  ratio  requests/s")
    base = candidates[PEER].cpu_ms
    for name, cost in candidates.items():
        print(f"  {name:<32}{cost.cpu_ms:8.3f}{cost.cpu_ms / base:7.2f}{cost.per_second:12.0f}")


def row(name: str, value: str) -> None:
    print(f"  {name:<42}{value}")


def both(rest: int, load: int) -> str:
    return f"{rest // MEGABYTE} MB, {load // MEGABYTE} MB"


def started(server: Server) -> float:
    """Return the seconds from the start of a server until it answers."""
    began = time.monotonic()
    with chain(server):
        return time.monotonic() - began


if __name__ == "__main__":
    main()
