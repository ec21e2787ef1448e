"""The ports and variables of a user's command that runs as a pod."""

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
    """Return the port at which each pod with a command listens, by the pod's key.

    Each port is unique on this machine, since some programs can only listen on all addresses: the
    port of the manifest if no other pod has it, else one of `spare`. Raises LanesError if no port
    of `spare` is left.
    """
    pods_at = Counter(pod.port for pod in mesh.pods)
    unused = iter(spare)
    ports: dict[str, int] = {}
    for pod in mesh.pods:
        if pod.command is None:
            continue
        if pods_at[pod.port] == 1 and pod.port != gateway and _free(pod.port):
            ports[pod.key] = pod.port
        elif port := next(filter(_free, unused), None):
            ports[pod.key] = port
        else:
            raise LanesError(f"--run: no more ports are free, after {len(ports)} pods")
    return ports


def command_environment(
    mesh: Mesh, pod: Pod, address: str, port: int, settings: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables of a pod that runs a command.

    From weak to strong, these are the terminal's, those that Kubernetes sets for each Service of
    the namespace (CART_SERVICE_HOST, CART_SERVICE_PORT), the pod's own that are not refused, and
    `settings`. In the pod's own, `host:port` of a Service becomes its address on this machine.
    """
    direct = ["localhost", "127.0.0.1", address, settings.get("no_proxy", "")]
    terminal = {k: v for k, v in os.environ.items() if k not in _PROXY_SETTINGS}
    services: dict[str, str] = {}
    for number, service in call_ports(mesh):
        if service.host.namespace == pod.namespace:
            name = service.host.name.upper().replace("-", "_")
            if not re.fullmatch("[A-Z0-9_]+", name):
                continue  # not the name of a Service that a cluster accepts
            services.setdefault(f"{name}_SERVICE_HOST", address)
            services.setdefault(f"{name}_SERVICE_PORT", str(number))
    return {
        **terminal,
        **services,
        **_own_variables(mesh, pod, address),
        **settings,
        **{name: address for name in pod.ip_env if not refused(name)},
        "HOST": address,
        "PORT": str(port),
        # A program that reads it also reaches Services by names that are in no variable.
        "http_proxy": f"http://{address}:{SIDECAR_PORT}",
        "no_proxy": ",".join(filter(None, direct)),
    }


def without_variables(mesh: Mesh) -> Iterator[str]:
    """Yield sentences that name the manifests' variables that commands do not get."""
    pods: dict[tuple[str, ...], list[str]] = {}
    for pod in mesh.pods:
        if pod.command:
            variables = {**dict.fromkeys(pod.ip_env, ""), **pod.env}
            names = {name for name, value in variables.items() if refused(name, value)}
            pods.setdefault(tuple(sorted(names - telemetry(pod, None).keys())), []).append(pod.name)
    for left_out, pod_names in pods.items():
        if left_out:
            yield (
                f"the command of {', '.join(pod_names)} does not get {', '.join(left_out)} from the"
                " manifest, since these may make a program run other code. Set what it needs in the"
                " command."
            )


def _own_variables(mesh: Mesh, pod: Pod, address: str) -> dict[str, str]:
    """Return the pod's own variables, with each Service's name and port replaced."""
    addresses: dict[str, str] = {}
    for number, service in call_ports(mesh):
        for name in service_names(service, pod.namespace):
            addresses[f"{name}:{service.port}"] = f"{address}:{number}"
            if service.port == 80:
                addresses[f"http://{name}"] = f"http://{address}:{number}"
    env = of_command(pod.env)
    if not addresses:
        return env
    longest_first = sorted(addresses, key=len, reverse=True)
    names = re.compile(rf"(?<![\w.-])({'|'.join(map(re.escape, longest_first))})(?![\w.:-])")
    return {
        name: names.sub(lambda match: addresses[match[1]], value) for name, value in env.items()
    }


def _free(port: int) -> bool:
    """Tell whether a program could listen at `port` on all addresses."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
