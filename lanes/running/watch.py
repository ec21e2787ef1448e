"""Keep the pods of a mesh running, like a kubelet."""

import time
from collections.abc import Callable
from typing import NoReturn

from lanes.mesh.model import Pod
from lanes.running.restart import pause
from lanes.running.runtime import RunningMesh


class Watch:
    """Restarts pods that end, unless they were stopped.

    `run` is for the main thread, which gets signals. The other methods are for any thread.
    """

    def __init__(self, running: RunningMesh, say: Callable[[str], None]) -> None:
        self._running = running
        self._say = say
        self._stopped: set[str] = set()
        self._to_start: set[str] = set()

    def stop(self, pod: Pod) -> None:
        """Stop a pod for good, as a cluster that scales it to none. The pod drains first."""
        self._to_start.discard(pod.key)
        self._stopped.add(pod.key)
        self._running.ask_to_stop(pod)

    def start(self, pod: Pod) -> None:
        """Start a pod without a pause as soon as it has ended."""
        self._stopped.discard(pod.key)
        self._to_start.add(pod.key)

    def stopped(self, pod: Pod) -> bool:
        """Tell whether the pod was stopped and not started again."""
        return pod.key in self._stopped

    def run(self) -> NoReturn:
        """Watch until a signal ends the process. Raises LanesError if Envoy ends."""
        started = dict.fromkeys((pod.key for pod in self._running.mesh.pods), time.monotonic())
        pauses: dict[str, float] = {}
        due: dict[str, float] = {}
        while True:
            self._running.require_envoy()
            now = time.monotonic()
            for pod in self._running.mesh.pods:
                key = pod.key
                if self._running.runs(pod) or self.stopped(pod):
                    due.pop(key, None)
                elif key in self._to_start or now >= due.get(key, now + 1):
                    self._to_start.discard(key)
                    due.pop(key, None)
                    started[key] = now
                    self._running.start_pod(pod)
                elif key not in due:
                    pauses[key] = pause(pauses.get(key), now - started[key])
                    due[key] = now + pauses[key]
                    ended = self._running.end(pod)
                    self._say(f"pod {pod.name} ended ({ended}); again in {pauses[key]:g} s")
            time.sleep(0.1)
