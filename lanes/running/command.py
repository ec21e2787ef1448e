"""What the user's own code gets when it runs as a pod: where to listen, and whom to call."""

import os
import re
import socket
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from lanes.envoy.calls import call_ports, service_names
from lanes.errors import LanesError
from lanes.mesh.model import SIDECAR_PORT, Mesh, Pod
from lanes.running.telemetry import telemetry
from lanes.running.variables import of_command, refused

_PROXY_SETTINGS = ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY")


def listening_ports(mesh: Mesh, gateway: int, spare: Iterable[int]) -> dict[str, int]:
    """The port at which each pod that has a command listens, by the pod's key.

    It is the pod's own where no other pod has that one, else one of `spare`: so a program that
    can only listen on all addresses is in nobody's way. Raises LanesError when no more is free.
    """
    having = Counter(pod.port for pod in mesh.pods)
    others = iter(spare)
    ports: dict[str, int] = {}
    for pod in mesh.pods:
        if pod.command is None:
            continue
        if having[pod.port] == 1 and pod.port != gateway and _free(pod.port):
            ports[pod.key] = pod.port
        elif port := next(filter(_free, others), None):
            ports[pod.key] = port
        else:
            raise LanesError(f"--run: no more ports are free, after {len(ports)} pods")
    return ports


def command_environment(
    mesh: Mesh, pod: Pod, address: str, port: int, settings: Mapping[str, str]
) -> dict[str, str]:
    """The variables of a pod that runs a command: the terminal's, over them the pod's own, but for
    those that `without_variables` tells of.

    Values that name a Service as `host:port` name the place that stands for it here, `settings`
    are the mesh's, and what Kubernetes sets for each Service of the namespace (CART_SERVICE_HOST,
    CART_SERVICE_PORT) is there, too.
    """
    direct = ["localhost", "127.0.0.1", address, settings.get("no_proxy", "")]
    terminal = {k: v for k, v in os.environ.items() if k not in _PROXY_SETTINGS}
    services: dict[str, str] = {}
    for number, service in call_ports(mesh):
        if service.host.namespace == pod.namespace:
            name = service.host.name.upper().replace("-", "_")
            if not re.fullmatch("[A-Z0-9_]+", name):
                continue  # no cluster would take it for a Service's
            services.setdefault(f"{name}_SERVICE_HOST", address)
            services.setdefault(f"{name}_SERVICE_PORT", str(number))
    return {
        **terminal,
        **services,
        **_called_here(mesh, pod, address),
        **settings,
        **{name: address for name in pod.ip_env if not refused(name)},
        "HOST": address,
        "PORT": str(port),
        # For those that honor it, other names than the variables' lead to the sidecar as well.
        "http_proxy": f"http://{address}:{SIDECAR_PORT}",
        "no_proxy": ",".join(filter(None, direct)),
    }


def without_variables(mesh: Mesh) -> Iterator[str]:
    """In sentences, which of their manifests' variables commands do not get."""
    pods: dict[tuple[str, ...], list[str]] = {}
    for pod in mesh.pods:
        if pod.command:
            own = {**dict.fromkeys(pod.ip_env, ""), **pod.env}
            names = {name for name, value in own.items() if refused(name, value)}
            pods.setdefault(tuple(sorted(names - telemetry(pod, None).keys())), []).append(pod.name)
    for left_out, without in pods.items():
        if left_out:
            yield (
                f"the command of {', '.join(without)} does not get {', '.join(left_out)} from the"
                " manifest, since these may make a program run other code. Set what it needs in the"
                " command."
            )


def _called_here(mesh: Mesh, pod: Pod, address: str) -> dict[str, str]:
    """The pod's own variables, with each Service's name and port replaced."""
    places: dict[str, str] = {}
    for number, service in call_ports(mesh):
        for name in service_names(service, pod.namespace):
            places[f"{name}:{service.port}"] = f"{address}:{number}"
            if service.port == 80:
                places[f"http://{name}"] = f"http://{address}:{number}"
    env = of_command(pod.env)
    if not places:
        return env
    longest_first = sorted(places, key=len, reverse=True)
    named = re.compile(rf"(?<![\w.-])({'|'.join(map(re.escape, longest_first))})(?![\w.:-])")
    return {name: named.sub(lambda match: places[match[1]], value) for name, value in env.items()}


def _free(port: int) -> bool:
    """Whether a program could listen there on all addresses."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
