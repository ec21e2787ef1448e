"""Soak the laptop mesh: faults of its pods and misbehaving clients, under steady load.

usage: python -m tests.soak [--seconds N] [--seed N] [MANIFESTS...]

Prints one line of JSON. Errors go to standard error, one on each line. Exit codes: 0 everything
held, 1 something did not, 2 the mesh did not start. The same seed gives the same faults and hostile
headers in the same order.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import yaml

from lanes.errors import LanesError
from lanes.mesh.model import Mesh
from lanes.planning.hop import Reason
from lanes.planning.plan import plan
from lanes.reading.reader import read
from lanes.reading.resolve import resolve
from lanes.running.address import free_port
from lanes.running.runtime import RunningMesh, run
from tests import kube
from tests.soak.clients import Crowd, Exchange
from tests.soak.expectation import MEGABYTE, Expectation, not_flat, settled
from tests.soak.faults import NotBackError, Trouble, healthy, suffer
from tests.soak.scale import Scale

# Shares of the time: without faults at first, and again at the end.
_BEFORE, _AFTER = 0.15, 0.15
_SHOWN = 20


def main(arguments: Sequence[str]) -> int:
    """Soak as the command line says; return the exit code."""
    parser = argparse.ArgumentParser(prog="soak", description="Soak the laptop mesh.")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("manifests", nargs="*", default=["k8s/asm"])
    options = parser.parse_args(arguments)
    seed = random.randrange(2**32) if options.seed is None else options.seed
    try:
        with tempfile.TemporaryDirectory() as folder:
            mesh = with_two_baselines(options.manifests, Path(folder))
        report, wrong = soak(mesh, seed, options.seconds)
    except LanesError as error:
        print(f"soak: {error}", file=sys.stderr)
        return 2
    for line in wrong[:_SHOWN]:
        print(f"soak: {line}", file=sys.stderr)
    if len(wrong) > _SHOWN:
        print(f"soak: and {len(wrong) - _SHOWN} more", file=sys.stderr)
    print(json.dumps({"seed": seed, "manifests": options.manifests, **report}))
    return 1 if wrong else 0


def with_two_baselines(paths: Sequence[str], folder: Path) -> Mesh:
    """Return the mesh of these manifests, with two pods of each Deployment that lanes fall back to.

    So another pod can answer for each pod with a fault: both of them for a lane's own pod, and
    each for the other.
    """
    lanes = plan(resolve(read(list(paths)))).lanes
    baselines = {
        hop.version for lane in lanes for hop in lane.path if hop.reason == Reason.FALLBACK
    }
    documents = [
        document
        for path in paths
        for file in sorted(Path(path).glob("*.yaml") if Path(path).is_dir() else [Path(path)])
        for document in yaml.safe_load_all(file.read_text())
    ]
    doubled = [
        kube.put(document, "spec.replicas", 2)
        if document["kind"] == "Deployment"
        and document["spec"]["template"]["metadata"]["labels"].get("version") in baselines
        else document
        for document in documents
    ]
    return resolve(read([kube.write(folder, *doubled)]))


def soak(mesh: Mesh, seed: int, seconds: float) -> tuple[dict[str, object], list[str]]:
    """Run for about `seconds`; return the figures, and the errors as sentences."""
    troubles: list[Trouble] = []
    wrong: list[str] = []
    with run(mesh, free_port()) as running, Scale(running) as scale:
        with Crowd(running.url, seed) as crowd:
            began = time.monotonic()
            time.sleep(_BEFORE * seconds)
            try:
                run_faults(running, seed, began + (1 - _AFTER) * seconds, troubles)
            except NotBackError as error:
                wrong.append(str(error))
            time.sleep(_AFTER * seconds)
            ended = time.monotonic()
        if not healthy(running, mesh.pods):
            wrong.append("Envoy has unhealthy pods, or does not answer")
    expected = Expectation(plan(mesh))
    exchanges = crowd.exchanges
    failed = [described(e, began, troubles) for e in exchanges if expected.failed(e)]
    misrouted = [
        f"{reason}: {described(exchange, began, troubles)}"
        for exchange in exchanges
        if (reason := expected.misrouted(exchange))
    ]
    early, late = {}, {}
    for name, samples in scale.samples.items():
        early[name], late[name] = settled(samples)
        wrong += not_flat(name, early[name], late[name])
    return {
        "seconds": round(ended - began),
        "requests": len(exchanges),
        "hostile": sum(e.tries is not None for e in exchanges),
        "failed": len(failed),
        "wrong_lane": len(misrouted),
        "fallbacks": sum(expected.fell_back(e) for e in exchanges),
        "unprompted_fallbacks": sum(expected.unprompted(e, troubles) for e in exchanges),
        "slowest_ms": round(1000 * max(e.ended - e.began for e in exchanges)),
        "faults": dict(Counter(trouble.fault for trouble in troubles)),
        "rude": dict(crowd.rude),
        "memory_mb": {n: [early[n].memory // MEGABYTE, late[n].memory // MEGABYTE] for n in early},
        "open_files": {n: [early[n].files, late[n].files] for n in early},
    }, [*failed, *misrouted, *wrong]


def run_faults(running: RunningMesh, seed: int, until: float, into: list[Trouble]) -> None:
    """Run the faults of all services side by side, until that time and the last fault is over."""
    services = sorted({pod.app for pod in running.mesh.pods})
    waiting = [suffer(running, service, seed, until, into.append) for service in services]
    while waiting:
        waiting = [faults for faults in waiting if next(faults, "over") is None]
        time.sleep(0.01)


def described(exchange: Exchange, began: float, troubles: Sequence[Trouble]) -> str:
    """Return a sentence about a request: its time, purpose, answer, and the faults meanwhile."""
    meanwhile = "; ".join(
        f"{t.service} {t.version} {t.fault} at {t.began - began:.1f} to {t.ended - began:.1f} s"
        for t in troubles
        if t.began <= exchange.ended and exchange.began <= t.ended
    )
    return (
        f"at {exchange.began - began:.1f} s, {exchange.ended - exchange.began:.1f} s long"
        f"{f', {exchange.tries}' if exchange.tries else ''}: {exchange.answer.status}"
        f" {exchange.answer.text[:300]}"
        f" ({meanwhile or 'no fault'})"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
