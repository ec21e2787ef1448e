"""Measure the live map in a browser: frame times at 60 requests per second, for docs/benchmarks.md.

usage: python -m scripts.bench.frames (after make .venv/browser.done; a Chromium on PATH)

The page and its pictures are those of `lanes up`. The calls are made up from the planned paths, so
that no pod takes CPU time from the browser.
"""

import json
import logging
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from statistics import median, quantiles
from threading import Thread
from typing import Any

from playwright.sync_api import Page, sync_playwright
from werkzeug.serving import make_server

from lanes.page import picture, server
from lanes.page.calls import GATEWAY, Call, node
from lanes.page.counts import Counts
from lanes.page.load import RATES
from lanes.planning.plan import plan
from lanes.reading.reader import read
from lanes.reading.resolve import resolve
from lanes.running.address import free_port
from lanes.verification.gateway import Gateway
from scripts.bench.chart import rendered, values

SERVICES, LANES, CHANGED = 12, 5, 0.1
PER_SECOND, TICK, SECONDS = 60, 0.25, 10
WIDTHS = {"desk": (1280, 900), "phone": (390, 844)}
_GATEWAY = "http://127.0.0.1/"
FRAMES = """seconds => new Promise(done => {
  const times = []
  const frame = now => {
    times.push(now)
    now - times[0] < seconds * 1000 ? requestAnimationFrame(frame) : done(times)
  }
  requestAnimationFrame(frame)
})"""


class Drawn:
    """The page's view of a mesh without pods, in which all lanes get equally many requests."""

    stop_pod = kill_pod = start_pod = set_fault = set_weights = switch_load = None

    def __init__(self, manifests: str) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(manifests)
            file.flush()
            self._mesh = resolve(read((file.name,)))
        self._plan = plan(self._mesh)

    def pictures(self) -> Iterator[str]:
        """Yield a picture each tick."""
        counts, due = Counts(), time.monotonic()
        lanes = picture.Lanes(self._plan, Gateway(_GATEWAY))
        while True:
            now = time.monotonic()
            for lane in self._plan.lanes:
                for link in picture.planned_links(lane):
                    drawn = link.caller == GATEWAY
                    call = Call(link.caller, link.callee, link.service, lane.name, 200, 0.01, drawn)
                    for _ in range(int(PER_SECOND * TICK / len(self._plan.lanes))):
                        counts.add(call, now)
            weights = {lane.name: lane.weight for lane in self._plan.lanes}
            yield json.dumps(
                {
                    "provider": self._mesh.provider,
                    "gateway": _GATEWAY,
                    "host": None,
                    "rows": picture.rows(self._mesh, self._plan),
                    "services": picture.services(self._mesh, self._plan),
                    "rates": RATES,
                    "movable": True,
                    "lanes": lanes.draw(self._plan, weights, counts, now),
                    "stray": 0,
                    "nodes": picture.nodes(self._mesh, counts, now),
                    "pods": [self._pod(pod) for pod in self._mesh.pods],
                    "answers": [self._answer(number, now) for number in range(12)],
                    "load": {"on": True, "rate": PER_SECOND},
                }
            )
            due += TICK
            time.sleep(max(0.0, due - time.monotonic()))

    def _pod(self, pod: Any) -> dict[str, object]:
        shown = {"key": pod.key, "name": pod.name, "address": "", "state": "ready"}
        return shown | {"node": node(pod.app, pod.version), "fault": picture.fault_of(pod)}

    def _answer(self, number: int, now: float) -> dict[str, object]:
        lane = self._plan.lanes[number % len(self._plan.lanes)]
        hops = [link.callee for link in picture.planned_links(lane)]
        shown = {"number": now - number, "lane": lane.name, "status": 200, "milliseconds": 9.0}
        return shown | {"text": "", "hops": hops}


@contextmanager
def served(manifests: str) -> Iterator[str]:
    """Serve the live map of the manifests' plan while the block runs, and give its URL."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    port = free_port()
    drawn: Any = Drawn(manifests)
    http = make_server("127.0.0.1", port, server.create_app(drawn, port), threaded=True)
    Thread(target=http.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{port}/"
    http.shutdown()


def main() -> None:
    """Print a line of figures for each width, with the map folded and unfolded."""
    manifests = rendered(values("net", SERVICES, LANES, CHANGED)).printed
    with served(manifests) as url, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        for name, (width, height) in WIDTHS.items():
            page = chromium.new_page(viewport={"width": width, "height": height})
            page.goto(url)
            page.locator("[data-link]").first.wait_for()
            fold = page.locator("#map + .fold")
            page.wait_for_timeout(2_000)
            show(f"{name}, {fold.inner_text()}", page)
            if fold.is_visible():
                fold.click()
                page.wait_for_timeout(2_000)
                show(f"{name}, all services", page)
            page.close()
        chromium.close()


def show(name: str, page: Page) -> None:
    """Print a line with frame times and the CPU time of the page's main thread."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = busy(devtools.send("Performance.getMetrics"))
    times = page.evaluate(FRAMES, SECONDS)
    used = busy(devtools.send("Performance.getMetrics")) - before
    frames = [later - earlier for earlier, later in pairwise(times)]
    cuts = quantiles(frames, n=100)
    print(
        f"{name:<28}{page.locator('[data-link]').count():>4} lines"
        f"{len(frames) / SECONDS:>4.0f} frames/s, median {median(frames):.1f} ms,"
        f" p95 {cuts[94]:.1f} ms, p99 {cuts[98]:.1f} ms; CPU {used / SECONDS:.0%}"
    )


def busy(metrics: Any) -> float:
    """Return the seconds of CPU that the page's main thread has taken."""
    return next(float(m["value"]) for m in metrics["metrics"] if m["name"] == "TaskDuration")


if __name__ == "__main__":
    main()
