"""What the user's own code is told when it runs as a pod: where to listen, and whom to call."""

import os
import re
import socket
from collections import Counter
from collections.abc import Iterable, Mapping

from lanes.envoy.calls import call_ports, service_names
from lanes.errors import LanesError
from lanes.model import SIDECAR_PORT, Mesh, Pod

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
    """The variables of a pod that runs a command: the terminal's, over them the pod's own.

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
            services.setdefault(f"{name}_SERVICE_HOST", address)
            services.setdefault(f"{name}_SERVICE_PORT", str(number))
    return {
        **terminal,
        **services,
        **_called_here(mesh, pod, address),
        **settings,
        **dict.fromkeys(pod.ip_env, address),
        "HOST": address,
        "PORT": str(port),
        # For those that honour it, other names than the variables' lead to the sidecar as well.
        "http_proxy": f"http://{address}:{SIDECAR_PORT}",
        "no_proxy": ",".join(filter(None, direct)),
    }


def _called_here(mesh: Mesh, pod: Pod, address: str) -> dict[str, str]:
    """The pod's own variables, with each Service's name and port replaced."""
    places: dict[str, str] = {}
    for number, service in call_ports(mesh):
        for name in service_names(service, pod.namespace):
            places[f"{name}:{service.port}"] = f"{address}:{number}"
            if service.port == 80:
                places[f"http://{name}"] = f"http://{address}:{number}"
    if not places:
        return dict(pod.env)
    longest_first = sorted(places, key=len, reverse=True)
    named = re.compile(rf"(?<![\w.-])({'|'.join(map(re.escape, longest_first))})(?![\w.:-])")
    return {
        name: named.sub(lambda match: places[match[1]], value) for name, value in pod.env.items()
    }


def _free(port: int) -> bool:
    """Whether a program could listen there on all addresses."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
