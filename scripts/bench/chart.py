"""What the chart takes: CPU time of `helm template`, and how much it prints, by size and shape."""

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
class Rendering:
    """Seconds by the clock and of CPU; characters that were printed, and that `helm test` reads."""

    elapsed: float
    seconds: float
    printed: int
    judged: int


# Whom the service of a number calls, of so many.
SHAPES: Mapping[str, Callable[[int, int], Sequence[int]]] = {
    "chain": lambda number, count: range(number + 1, min(number + 2, count)),
    "fan-out": lambda number, count: range(1, count) if number == 0 else (),
    "random": lambda number, count: random.Random(number).sample(  # noqa: S311
        range(number + 1, count), min(3, count - number - 1)
    ),
}


def values(shape: str, services: int, lanes: int, changed: float) -> Values:
    """So many services, called in a `shape`; each lane has a version of a part of them."""
    names = [f"service-{number:03}" for number in range(services)]
    tags = [f"lane-{number:02}" for number in range(lanes)]
    chosen = random.Random(services)  # noqa: S311
    return {
        "lanes": {
            "baseline": tags[0],
            "weights": {"v1": None, "v2": None, "v3": None}
            | dict.fromkeys(tags, 0)
            | {tags[0]: 100},
        },
        "services": dict.fromkeys(("mocka", "mockb", "mockc"))
        | {
            name: {
                "versions": {t: {} for t in tags if t == tags[0] or chosen.random() < changed},
                "upstreams": [names[other] for other in SHAPES[shape](number, services)],
            }
            for number, name in enumerate(names)
        },
        "gateway": {"services": {names[0]: {}}},
    }


def rendered(values: Values, provider: str = "istio") -> Rendering:
    """What rendering `values` takes. Raises CalledProcessError where the chart refuses them."""
    beside = Path(sys.executable).with_name("helm")
    helm = str(beside) if beside.exists() else shutil.which("helm") or "helm"
    before = os.times()
    began = time.monotonic()
    command = [helm, "template", "demo", str(CHART), "--values", "-", "--set"]
    done = subprocess.run(
        [*command, f"mesh.provider={provider}"],
        input=json.dumps(values),
        capture_output=True,
        text=True,
        check=True,
    )
    elapsed = time.monotonic() - began
    after = os.times()
    used = after.children_user + after.children_system
    seconds = used - before.children_user - before.children_system
    test = next(part for part in done.stdout.split("\n---\n") if "\nkind: List\n" in f"\n{part}")
    items = yaml.load(test, _Loader)["items"]  # noqa: S506
    judged = [text for item in items for text in item.get("data", {}).values()]
    return Rendering(elapsed, seconds, len(done.stdout), sum(map(len, judged)))
