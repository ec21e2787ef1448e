"""Carry out the scheduled faults of pods, and wait until the mesh uses the pods again.

Each fault is a generator that yields while it waits. So one loop runs the faults of all services
side by side, and only the main thread starts pods.
"""

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from lanes.mesh.model import Pod
from lanes.running.runtime import RunningMesh
from tests.soak import schedule
from tests.soak.schedule import Fault

# A pod is back if Envoy has it as healthy for longer than the interval of health checks.
_SURE_SECONDS = 0.7
_PATIENCE_SECONDS = 30.0
_HELD = 32  # the spare threads of a pod


class NotBackError(Exception):
    """The mesh does not use a pod again."""


@dataclass(frozen=True)
class Trouble:
    """A fault of a pod, until the mesh used the pod again (monotonic seconds)."""

    fault: str
    service: str
    version: str
    began: float
    ended: float


def suffer(
    mesh: RunningMesh, service: str, seed: int, until: float, note: Callable[[Trouble], None]
) -> Iterator[None]:
    """Carry out the faults of one service until that time; call `note` after each.

    Raises NotBackError if a pod does not come back.
    """
    pods = {pod.key: pod for pod in mesh.mesh.pods if pod.app == service}
    for fault in schedule.faults(seed, service, sorted(pods)):
        yield from _pause(fault.peace)
        victims = [pods[fault.pod]]
        if fault.kind == schedule.ROLL:
            victims += [pod for pod in pods.values() if pod.key != fault.pod]
        for pod in victims:
            began = time.monotonic()
            if began > until:
                return
            yield from _DO[fault.kind](mesh, pod, fault)
            yield from _back(mesh, pod)
            note(Trouble(fault.kind, service, pod.version, began, time.monotonic()))


def _kill(mesh: RunningMesh, pod: Pod, _: Fault) -> Iterator[None]:
    mesh.kill_pod(pod)
    yield from _again(mesh, pod)


def _end(mesh: RunningMesh, pod: Pod, _: Fault) -> Iterator[None]:
    mesh.ask_to_stop(pod)
    yield from _again(mesh, pod)


def _stop(mesh: RunningMesh, pod: Pod, fault: Fault) -> Iterator[None]:
    with ExitStack() as stack:
        stack.callback(_signal, mesh, pod, signal.SIGCONT)
        _signal(mesh, pod, signal.SIGSTOP)
        yield from _pause(fault.seconds)


def _slow(mesh: RunningMesh, pod: Pod, fault: Fault) -> Iterator[None]:
    end = time.monotonic() + fault.seconds
    with ExitStack() as stack:
        stack.callback(_signal, mesh, pod, signal.SIGCONT)
        while time.monotonic() < end:
            _signal(mesh, pod, signal.SIGSTOP)
            yield from _pause(0.05)
            _signal(mesh, pod, signal.SIGCONT)
            yield from _pause(0.05)


def _hold(mesh: RunningMesh, pod: Pod, fault: Fault) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(_HELD):
            connection = stack.enter_context(
                socket.create_connection((mesh.address(pod), pod.port))
            )
            connection.sendall(b"GET / HTTP/1.1\r\nHost: he")
        yield from _pause(fault.seconds)


_DO: dict[str, Callable[[RunningMesh, Pod, Fault], Iterator[None]]] = {
    schedule.KILL: _kill,
    schedule.END: _end,
    schedule.ROLL: _end,
    schedule.STOP: _stop,
    schedule.SLOW: _slow,
    schedule.HOLD: _hold,
}


def _signal(mesh: RunningMesh, pod: Pod, number: signal.Signals) -> None:
    os.killpg(mesh.pid(pod), number)


def _again(mesh: RunningMesh, pod: Pod) -> Iterator[None]:
    """Start the pod's next process once this one has ended."""
    while mesh.runs(pod):
        yield
    mesh.start_pod(pod)


def _back(mesh: RunningMesh, pod: Pod) -> Iterator[None]:
    """Wait until the pod is ready, and healthy in all clusters of Envoy, for some time."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    well_since: float | None = None
    while well_since is None or time.monotonic() - well_since < _SURE_SECONDS:
        if time.monotonic() > deadline:
            raise NotBackError(f"{pod.name} is not back after {_PATIENCE_SECONDS:g} s")
        well = mesh.ready(pod) and healthy(mesh, [pod])
        well_since = (well_since or time.monotonic()) if well else None
        yield from _pause(0.1)


def healthy(mesh: RunningMesh, pods: Sequence[Pod]) -> bool:
    """Tell whether Envoy would send requests to each of these pods in all clusters."""
    addresses = {mesh.address(pod) for pod in pods}
    page = mesh.admin.page("/clusters?format=json")
    if page is None:
        return False
    failing = ("failed_active_health_check", "failed_outlier_check")
    return not any(
        host["address"]["socket_address"]["address"] in addresses
        and any(host["health_status"].get(name) for name in failing)
        for cluster in json.loads(page)["cluster_statuses"]
        for host in cluster.get("host_statuses", [])
    )


def _pause(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
