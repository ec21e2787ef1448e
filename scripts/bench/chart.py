"""Times of rendering the chart, and of `lanes plan` and `lanes lint`, by size and shape."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parents[2] / "helm" / "traffic-lanes"
Values = dict[str, Any]
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Run:
    """Elapsed seconds and seconds of CPU of a command, and its output."""

    elapsed: float
    seconds: float
    printed: str

    @property
    def for_verify(self) -> int:
        """Return the number of characters of a rendering that `helm test` reads."""
        documents = self.printed.split("\n---\n")
        test = next(part for part in documents if "\nkind: List\n" in f"\n{part}")
        items = yaml.load(test, _Loader)["items"]  # noqa: S506
        return sum(len(text) for item in items for text in item.get("data", {}).values())


def _tree(number: int, count: int) -> Sequence[int]:
    return range(2 * number + 1, min(2 * number + 3, count))


def _net(number: int, count: int) -> Sequence[int]:
    """Return the callees of the tree, and two at random."""
    later = range(number + 1, count)
    two = random.Random(number).sample(later, min(2, len(later)))  # noqa: S311
    return sorted({*_tree(number, count), *two})


# The numbers of the services that a service calls, by its own number and the count of services.
SHAPES: Mapping[str, Callable[[int, int], Sequence[int]]] = {
    "chain": lambda number, count: range(number + 1, min(number + 2, count)),
    "tree": _tree,
    "net": _net,
    "fan-out": lambda number, count: range(1, count) if number == 0 else (),
}


def values(shape: str, services: int, lanes: int, changed: float) -> Values:
    """Return values with services that call each other in a `shape`.

    Each lane has a version of the share `changed` of the services.
    """
    names = [f"service-{number:03}" for number in range(services)]
    tags = [f"lane-{number:02}" for number in range(lanes)]
    luck = random.Random(services)  # noqa: S311
    return {
        "lanes": {
            "baseline": tags[0],
            "weights": dict.fromkeys(tags, 0) | {tags[0]: 100},
        },
        "services": {
            name: {
                "versions": {t: {} for t in tags if t == tags[0] or luck.random() < changed},
                "upstreams": [names[other] for other in SHAPES[shape](number, services)],
            }
            for number, name in enumerate(names)
        },
        "gateway": {"services": {names[0]: {}}},
    }


def rendered(values: Values, provider: str = "istio") -> Run:
    """Measure the rendering of `values`. Raises CalledProcessError if the chart refuses them."""
    beside = Path(sys.executable).with_name("helm")
    helm = str(beside) if beside.exists() else shutil.which("helm") or "helm"
    command = [helm, "template", "demo", str(CHART), "--values", "-", "--set"]
    return _run([*command, f"mesh.provider={provider}"], json.dumps(values))


def taken_by(command: str, manifests: str) -> Run:
    """Measure `lanes plan` or `lanes lint` on manifests."""
    return _run([sys.executable, "-m", "lanes", command, "-"], manifests)


def _run(command: Sequence[str], stdin: str) -> Run:
    before, began = os.times(), time.monotonic()
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=True)
    after, elapsed = os.times(), time.monotonic() - began
    used = after.children_user + after.children_system
    return Run(elapsed, used - before.children_user - before.children_system, done.stdout)
