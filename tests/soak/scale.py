"""Weigh a mesh while it runs: the memory and open files of Envoy and of its pods."""

import threading
from contextlib import suppress

from lanes.running.runtime import RunningMesh
from scripts.proc import memory, open_files
from tests.soak.expectation import Held

_STEP_SECONDS = 0.5


class Scale:
    """Weighs every half second from the start of a `with` block to its end.

    Of the pods it is the most that any holds: they come and go, and are all alike.
    """

    def __init__(self, running: RunningMesh) -> None:
        self.samples: dict[str, list[Held]] = {"envoy": [], "pod": []}
        self._running = running
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._weigh)

    def __enter__(self) -> "Scale":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _weigh(self) -> None:
        while not self._over.wait(_STEP_SECONDS):
            with suppress(OSError, IndexError):  # a process that ended as it was looked at
                envoy, *pods = (Held(memory(p), open_files(p)) for p in self._running.pids())
                most = Held(max(pod.memory for pod in pods), max(pod.files for pod in pods))
                self.samples["envoy"].append(envoy)
                self.samples["pod"].append(most)
