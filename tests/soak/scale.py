"""Measure memory and open files of Envoy and its pods while a mesh runs."""

import threading
from contextlib import suppress

from lanes.running.runtime import RunningMesh
from scripts.proc import memory, open_files
from tests.soak.expectation import Usage

_STEP_SECONDS = 0.5


class Scale:
    """Measures every half second for the time of a `with` block.

    A sample of the pods is their maximum, because pods are alike, and come and go.
    """

    def __init__(self, running: RunningMesh) -> None:
        self.samples: dict[str, list[Usage]] = {"envoy": [], "pod": []}
        self._running = running
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._measure)

    def __enter__(self) -> "Scale":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _measure(self) -> None:
        while not self._over.wait(_STEP_SECONDS):
            with suppress(OSError, IndexError):  # a process ended meanwhile
                envoy, *pods = (Usage(memory(p), open_files(p)) for p in self._running.pids())
                most = Usage(max(pod.memory for pod in pods), max(pod.files for pod in pods))
                self.samples["envoy"].append(envoy)
                self.samples["pod"].append(most)
