"""Checks and notes on the ports and protocols of pods: HTTP/2, further ports."""

from collections.abc import Iterator

from lanes.envoy.clusters import destinations
from lanes.errors import LanesError, ManifestError
from lanes.mesh.model import SIDECAR_PORT, Mesh
from lanes.running.sample import management_port


def notes_on_ports(mesh: Mesh) -> Iterator[str]:
    """Yield sentences: which stand-ins do not speak HTTP/2, and further ports of commands."""
    reached = destinations(mesh)
    plain = {e.pod.app for d in reached if d.http2 for e in d.endpoints if not e.pod.command}
    if plain:
        yield (
            f"stand-ins speak HTTP/1.1 behind their sidecars, also at ports of HTTP/2 or gRPC:"
            f" {', '.join(sorted(plain))}"
        )
    further: dict[str, set[int]] = {}
    for endpoint in (e for d in reached for e in d.endpoints):
        pod = endpoint.pod
        if pod.command and endpoint.port != pod.port:
            further.setdefault(pod.app, set()).add(endpoint.port)
    for app, ports in sorted(further.items()):
        listed = ", ".join(map(str, sorted(ports)))
        yield f"the command of {app} has to listen on $HOST at {listed} as well, for its Services"


def require_reachable(mesh: Mesh) -> None:
    """Raise LanesError if calls could not reach a pod.

    A stand-in cannot listen at its sidecar's port. Pods that HTTP/2 calls reach have to be all
    commands or all stand-ins.
    """
    for pod in mesh.pods:
        if pod.command is None and SIDECAR_PORT in (pod.port, management_port(pod)):
            place, problem = pod.place, f"{SIDECAR_PORT} is the sidecar's port; take another"
            raise ManifestError(place.file, place.resource, place.field, problem)
    for destination in destinations(mesh):
        commanded = {bool(e.pod.command) for e in destination.endpoints}
        if destination.http2 and len(commanded) > 1:
            host, names = destination.host.name, {e.pod.app for e in destination.endpoints}
            raise LanesError(
                f"--run: not simulated: {host} speaks HTTP/2 at port {destination.port}, and some"
                f" of its pods are stand-ins, which do not. Run all of {', '.join(sorted(names))}"
            )
