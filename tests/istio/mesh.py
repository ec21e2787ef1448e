"""A running mesh under the real istiod, for tests that know `lanes.running.runtime`'s."""

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import urllib3

from lanes.errors import LanesError
from lanes.mesh.model import Mesh, Pod
from lanes.reading.reader import read
from lanes.reading.resolve import resolve
from lanes.running.address import AddressBlock
from lanes.running.folder import passing_folder
from lanes.running.process import Process, signals_held
from lanes.running.runtime import RunningMesh
from lanes.running.sample import SERVICE, pod_environment
from tests.istio import cluster
from tests.istio.istiod import API_PORT, Istiod
from tests.istio.kube_api import Document, KubeApi
from tests.istio.proxies import Proxy, free_address, router, sidecar

_GATEWAY = "gateway"
_INGRESS = {"app": "istio-ingressgateway", "istio": "ingressgateway"}


class IstioMesh(RunningMesh):
    """Pods with a proxy each and a gateway, configured by istiod alone.

    `kill_pod` ends a pod's service with SIGKILL, and istiod does not learn of it. `kill_proxy` ends
    the pod's proxy, as the end of a node would. `ask_to_stop` does as Kubernetes does: it removes
    the pod from its Services' endpoints and sends SIGTERM. `wait_ready` adds the pod again.
    """

    def __init__(
        self,
        mesh: Mesh,
        documents: Sequence[Document],
        api: KubeApi,
        block: AddressBlock,
        folder: Path,
    ) -> None:
        super().__init__(mesh, cluster.GATEWAY_PORT, block, folder)
        keys = [pod.key for pod in mesh.pods]
        outbound = [f"{key} calls from" for key in keys]
        addresses = block.pods([*keys, *outbound, _GATEWAY])
        self._outbound = {key: addresses[name] for key, name in zip(keys, outbound, strict=True)}
        self._gateway = addresses[_GATEWAY]
        self.url = f"http://{self._gateway}:{cluster.GATEWAY_PORT}/"
        self._api = api
        self._documents = documents
        self._services = [d for d in documents if d["kind"] == "Service"]
        self._withdrawn: set[str] = set()
        self._proxies: dict[str, Proxy] = {}
        self._service_port = _port(self._services)
        self._put_all()

    def _put_all(self) -> None:
        pods = {self.address(pod): pod for pod in self.mesh.pods}
        for document in cluster.additions(pods, self._outbound, self._gateway):
            self._api.apply(document)
        for address, pod in pods.items():
            self._api.apply(cluster.pod_document(pod, address))
        for document in cluster.held_by_istiod(self._documents):
            self._api.apply(cluster.defaulted(cluster.on_loopback(document, self._gateway)))
        self._put_endpoints()

    def _put_endpoints(self) -> None:
        pods = {self.address(p): p for p in self.mesh.pods if p.key not in self._withdrawn}
        for service in self._services:
            self._api.apply(cluster.endpoints(service, pods))

    def start(self, istiod: Istiod) -> None:
        """Start every pod and proxy; return when each answers."""
        self.istiod = istiod
        for pod in self.mesh.pods:
            self.start_proxy(pod)
            self.start_pod(pod)
        node = router("istio-ingressgateway", cluster.SYSTEM, _INGRESS, self._gateway)
        self._proxies[_GATEWAY] = self._proxy(node, self._gateway)
        self.wait_ready(list(self.mesh.pods))
        for pod in self.mesh.pods:
            self._wait_listening(pod.key, self.outbound(pod))
        self._wait_listening(_GATEWAY, self.url)

    def start_pod(self, pod: Pod) -> None:
        if pod.key in self._pods:
            self._pods[pod.key].stop(time.monotonic())
        env = pod_environment(pod, self.address(pod)) | {
            "port": str(cluster.APP_PORT),
            "http_proxy": self.outbound(pod),
        }
        with signals_held():
            self._pods[pod.key] = Process(
                f"pod {pod.name}", SERVICE, env, pass_fds=[self._block.fileno()]
            )

    def outbound(self, pod: Pod) -> str:
        """Return the URL at which a pod's proxy takes the calls of its service."""
        return f"http://{self._outbound[pod.key]}:{self._service_port}"

    def start_proxy(self, pod: Pod) -> None:
        """Start a pod's proxy, at first or again."""
        labels = {**pod.labels, cluster.POD_LABEL: pod.name}
        node = sidecar(pod.name, pod.namespace, labels, self.address(pod))
        self._proxies[pod.key] = self._proxy(node, self._outbound[pod.key])

    def _proxy(self, node: Document, admin: str) -> Proxy:
        with signals_held():
            return Proxy(node, admin, self.istiod.xds, self._block.fileno())

    def kill_proxy(self, pod: Pod) -> None:
        """End a pod's proxy with SIGKILL."""
        process = self._proxies[pod.key].process
        process.signal(signal.SIGKILL)
        process.stop(time.monotonic() + 5)

    def proxy(self, pod: Pod | None = None) -> Proxy:
        """Return the proxy of a pod, or the gateway's."""
        return self._proxies[pod.key if pod else _GATEWAY]

    def proxies(self) -> dict[str, Proxy]:
        """Return every proxy by its pod's key, and the gateway's."""
        return dict(self._proxies)

    def wait_ready(self, pods: list[Pod]) -> None:
        super().wait_ready(pods)
        self.restore(*pods)

    def ask_to_stop(self, pod: Pod) -> None:
        self.withdraw(pod)
        super().ask_to_stop(pod)

    def withdraw(self, *pods: Pod) -> None:
        """Remove pods from the endpoints of their Services; their processes stay."""
        self._withdrawn |= {pod.key for pod in pods}
        self._put_endpoints()

    def restore(self, *pods: Pod) -> None:
        """Put pods back among the endpoints of their Services."""
        self._withdrawn -= {pod.key for pod in pods}
        self._put_endpoints()

    def _wait_listening(self, name: str, url: str) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                urllib3.request("GET", url, retries=False, timeout=5)
                return
            except urllib3.exceptions.HTTPError:
                if time.monotonic() > deadline:
                    tail = self._proxies[name].process.tail()
                    raise LanesError(f"the proxy of {name} did not listen:\n{tail}") from None
            time.sleep(0.02)

    def _processes(self) -> list[Process]:
        return [*(proxy.process for proxy in self._proxies.values()), *super()._processes()]


@contextmanager
def run(binary: Path, *paths: str) -> Iterator[IstioMesh]:
    """Run the manifests under `paths` with the istiod at `binary` while the block runs."""
    mesh = resolve(read(paths))
    with ExitStack() as stack:
        block = stack.enter_context(AddressBlock())
        api = KubeApi(free_address(block), API_PORT)
        stack.callback(api.close)
        folder = stack.enter_context(passing_folder())
        running = IstioMesh(mesh, cluster.read(paths), api, block, folder)
        istiod = Istiod(binary, api, free_address(block), block.fileno())
        stack.callback(lambda: istiod.process.stop(time.monotonic() + 5))
        stack.callback(lambda: istiod.process.signal(signal.SIGTERM))
        stack.callback(running.stop)
        running.start(istiod)
        yield running


def _port(services: Sequence[Document]) -> int:
    """Return the only port of all Services, whose name is http.

    All calls of a pod go to one address of its proxy. Istio takes the protocol from the port's
    name. Without a name it guesses, which fails for several Services at one address.
    """
    ports = [port for service in services for port in service["spec"]["ports"]]
    assert {port.get("name") for port in ports} == {"http"}, ports
    (number,) = {int(port["port"]) for port in ports}
    return number
