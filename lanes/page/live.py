"""The running mesh as the page shows it, and the changes that the page can make."""

import http.client
import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlencode

from lanes.envoy import Json
from lanes.errors import LanesError
from lanes.evidence.steps import Answer
from lanes.mesh.model import Mesh, Pod
from lanes.mesh.without_pods import without_pods
from lanes.page import picture
from lanes.page.calls import GATEWAY, Call, Reader, node
from lanes.page.counts import Counts
from lanes.page.load import AGENT, RATES, Load
from lanes.page.tap import Tap, write_routes
from lanes.planning.plan import plan
from lanes.planning.result import Plan
from lanes.running.runtime import RunningMesh
from lanes.running.sample import management_port
from lanes.running.watch import Watch
from lanes.verification.gateway import planned_gateway

_TICK_SECONDS = 0.25
_HEALTH_SECONDS = 0.4
_ANSWERS, _CHARACTERS, _HOPS = 12, 600, 50
_HEAVIEST = 100


class Live:
    """One running mesh. Methods are for any thread, and raise LanesError for impossible changes."""

    def __init__(self, running: RunningMesh, watch: Watch, planned: Plan, tap: Tap) -> None:
        self._running, self._watch, self._tap = running, watch, tap
        self._mesh: Mesh = running.mesh
        self._planned = planned
        self._weights = dict(tap.split.weights)
        self._pods = {pod.key: pod for pod in self._mesh.pods}
        self._reader = Reader(
            self._mesh, planned, {pod.key: running.address(pod) for pod in self._mesh.pods}
        )
        gateway = planned_gateway(running.url, planned)
        self._lanes = picture.Lanes(planned, gateway)
        self._counts = Counts()
        self._answers: deque[Json] = deque(maxlen=_ANSWERS)
        self._answered = 0
        self._unhealthy: frozenset[str] = frozenset()
        self._faults: dict[str, tuple[int, Json]] = {}
        self._lock = threading.Lock()
        self._changed = threading.Condition()
        self._latest = ""
        unweighted = [lane for lane in planned.lanes if not self._weights.get(lane.name)]
        rules = [rule for lane in unweighted for rule in lane.testable_rules[:1]]
        self._load = Load(gateway.client(), rules, self._add_own_answer)
        self._constant = {
            "provider": self._mesh.provider,
            "gateway": running.url,
            "host": planned.host,
            "header": planned.header,
            "rows": picture.rows(self._mesh, planned),
            "services": picture.services(self._mesh, planned),
            "rates": RATES,
            "movable": tap.split.movable,
        }

    def start(self) -> None:
        """Follow the mesh, in daemon threads."""
        self._load.start()
        for run in (self._poll_health, self._draw):
            threading.Thread(target=run, name=run.__name__, daemon=True).start()

    def pictures(self) -> Iterator[str]:
        """Yield the picture as JSON, now and after each change. A slow reader misses some."""
        seen = ""
        while True:
            with self._changed:
                self._changed.wait_for(lambda seen=seen: self._latest != seen, timeout=10)  # type: ignore[misc]
                seen = self._latest
            yield seen

    def stop_pod(self, key: str) -> None:
        """Stop a pod for good, as a cluster that scales it to none."""
        self._watch.stop(self._pod(key))

    def kill_pod(self, key: str) -> None:
        """Kill a pod. As after a crash, it starts again by itself."""
        self._running.kill_pod(self._pod(key))

    def start_pod(self, key: str) -> None:
        """Start a pod that was stopped."""
        self._watch.start(self._pod(key))

    def set_fault(self, pod: str, delay: str, rate: float) -> None:
        """Make a pod answer late and fail, until it ends.

        `delay` is in milliseconds, or p50/p99 of them; `rate` is from 0 to 1.
        """
        target = self._pod(pod)
        pid = self._running.pid(target)
        status, message = self._put_fault(
            target, urlencode({"delay": delay, "rate": f"{rate:.6f}"})
        )
        if status != 200:
            raise LanesError(f"pod {target.name}: {message}")
        with self._lock:
            self._faults[pod] = (pid, {"delay": delay, "rate": rate})

    def set_weights(self, weights: dict[str, int]) -> None:
        """Set the gateway's weights, and count their requests from 0."""
        if not self._tap.split.movable:
            raise LanesError("these manifests have no weights that can change")
        if weights.keys() != self._weights.keys():
            raise LanesError(f"weights have to be those of {', '.join(self._weights)}")
        if not all(0 <= weight <= _HEAVIEST for weight in weights.values()):
            raise LanesError(f"a weight is a whole number from 0 to {_HEAVIEST}")
        if not any(weights.values()):
            raise LanesError("one weight has to be above 0")
        with self._lock:
            write_routes(self._running.folder, self._tap.split.routes(weights))
            self._weights = dict(weights)
            self._counts.drawn.clear()

    def switch_load(self, on: bool, rate: int) -> None:
        """Start to send `rate` requests a second, or stop."""
        self._load.switch(on, rate)

    def _pod(self, key: str) -> Pod:
        if key not in self._pods:
            raise LanesError(f"there is no pod {key}")
        return self._pods[key]

    def _put_fault(self, pod: Pod, query: str) -> tuple[int, str]:
        address = self._running.address(pod)
        connection = http.client.HTTPConnection(address, management_port(pod), timeout=2)
        try:
            headers = {"Authorization": f"Bearer {self._tap.token}"}
            connection.request("PUT", f"/fault?{query}", headers=headers)
            response = connection.getresponse()
            return response.status, response.read().decode().strip()
        except (OSError, http.client.HTTPException):
            return 0, "it does not answer; is it running?"
        finally:
            connection.close()

    def count(self, line: Json) -> None:
        """Count the call of a log line."""
        call = self._reader.call(line)
        if call is None:
            return
        with self._lock:
            self._counts.add(call, time.monotonic())
            if call.caller == GATEWAY and call.agent != AGENT:
                self._add_answer(call.lane, call.status, call.seconds, _described(call))

    def _add_own_answer(self, answer: Answer, seconds: float) -> None:
        with self._lock:
            hops = tuple(node(step.service, step.version) for step in answer.path if step.version)
            self._add_answer(answer.lane, answer.status, seconds, answer.text[:_CHARACTERS], hops)

    def _add_answer(
        self,
        lane: str | None,
        status: int,
        seconds: float,
        text: str,
        hops: tuple[str, ...] = (),
    ) -> None:
        self._answered += 1
        self._answers.appendleft(
            {
                "number": self._answered,
                "lane": lane,
                "status": status,
                "milliseconds": round(seconds * 1000, 1),
                "text": text,
                "hops": hops[:_HOPS],
            }
        )

    def _poll_health(self) -> None:
        """Ask Envoy again and again for the addresses that are unhealthy."""
        while True:
            with suppress(ValueError, KeyError):
                clusters = json.loads(self._running.admin.page("/clusters?format=json") or "")
                self._unhealthy = frozenset(_unhealthy(clusters))
            time.sleep(_HEALTH_SECONDS)

    def _draw(self) -> None:
        """Draw pictures, and plan anew whenever other pods are ready."""
        planned_without: list[str] | None = None
        current: Plan | None = None
        while True:
            gone = [pod for pod in self._mesh.pods if self._state(pod) != "ready"]
            keys = [pod.key for pod in gone]
            if planned_without != keys:
                planned_without = keys
                current = _plan(without_pods(self._mesh, gone), self._planned)
            latest = json.dumps(self._picture(current))
            with self._changed:
                self._latest = latest
                self._changed.notify_all()
            time.sleep(_TICK_SECONDS)

    def _state(self, pod: Pod) -> str:
        return picture.state(
            self._running.runs(pod),
            self._watch.stopped(pod),
            self._running.address(pod) not in self._unhealthy,
        )

    def _picture(self, current: Plan | None) -> Json:
        now = time.monotonic()
        with self._lock:
            return {
                **self._constant,
                "lanes": self._lanes.draw(current, self._weights, self._counts, now),
                "stray": self._counts.lanes[""].count,
                "nodes": picture.nodes(self._mesh, self._counts, now),
                "pods": [self._pod_row(pod) for pod in self._mesh.pods],
                "answers": list(self._answers),
                "load": {"on": self._load.on, "rate": self._load.rate},
            }

    def _pod_row(self, pod: Pod) -> Json:
        pid, fault = self._faults.get(pod.key, (0, {}))
        return {
            "key": pod.key,
            "name": pod.name,
            "node": node(pod.app, pod.version),
            "address": self._running.address(pod),
            "state": self._state(pod),
            # A pod that has started again has only the fault of its manifest.
            "fault": fault if pid == self._running.pid(pod) else picture.fault_of(pod),
        }


def _described(call: Call) -> str:
    hop = f"first hop {call.callee}" if call.callee else f"nobody answered at {call.service}"
    return f"{hop}, called by {call.agent or 'an unknown client'}"


def _plan(mesh: Mesh, whole: Plan) -> Plan | None:
    try:
        return plan(mesh, whole.path, whole.host, whole.headers)
    except LanesError:  # without these pods there is no plan
        return None


def _unhealthy(clusters: Json) -> Iterator[str]:
    """Yield the addresses that Envoy's `/clusters` has as failing health checks or as ejected."""
    for cluster in clusters["cluster_statuses"]:
        for host in cluster.get("host_statuses", ()):
            health = host["health_status"]
            if health.get("failed_active_health_check") or health.get("failed_outlier_check"):
                yield host["address"]["socket_address"]["address"]
