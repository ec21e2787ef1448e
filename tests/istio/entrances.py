"""The pods of the gateway that a plan is for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lanes.mesh.model import Mesh
from tests import kube
from tests.istio import cluster
from tests.istio.kube_api import Document, is_of_gateway_api

_OF_GATEWAY = "gateway.networking.k8s.io/gateway-name"


@dataclass(frozen=True)
class Entrance:
    """A gateway's pods, their port for requests, and the name of Istio's routes there."""

    namespace: str
    labels: Mapping[str, str]
    port: int
    routes: str

    def objects(self, name: str, address: str) -> Iterator[Document]:
        """Yield the objects of the gateway's pods that Istio itself makes for the Gateway API."""
        if _OF_GATEWAY not in self.labels:
            return
        yield cluster.running_pod(name, self.namespace, self.labels, address)
        service = f"{self.labels[_OF_GATEWAY]}-istio"
        port = {"port": self.port, "targetPort": self.port}
        yield kube.service(service, port, namespace=self.namespace, selector=self.labels)
        ports = [{"name": "", "port": self.port, "protocol": "TCP"}]
        yield cluster.slice_of(service, self.namespace, ports, {address: name})


def entrance(documents: Sequence[Document]) -> Entrance:
    """Return the entrance of a plan: the first Gateway, and its port, where a route applies."""
    gateways = {
        (is_of_gateway_api(d), d["metadata"]["namespace"], d["metadata"]["name"]): d["spec"]
        for d in documents
        if d["kind"] == "Gateway"
    }
    for document in documents:
        for key in named(document):
            _, namespace, name = key
            spec = gateways.get(key, {})
            for listener in spec.get("listeners", ()):
                port = listener["port"]
                return Entrance(namespace, {_OF_GATEWAY: name}, port, f"http.{port}")
            home = _home(documents, spec.get("selector", {}), namespace)
            for server in spec.get("servers", ()) if _applies_in(home, document) else ():
                if any(_accepts(host, document, namespace) for host in server["hosts"]):
                    port = server["port"]["number"]
                    routes = f"http.{port}"
                    if server["port"]["protocol"] == "HTTPS":
                        routes = f"https.{port}.{server['port']['name']}.{name}.{namespace}"
                    return Entrance(home, spec["selector"], port, routes)
    raise AssertionError("no Gateway accepts any of these routes")


def _home(documents: Sequence[Document], selector: Mapping[str, str], own: str) -> str:
    """Return the namespace of a Gateway's pods, or else the Gateway's own."""
    for document in documents:
        template = document.get("spec", {}).get("template", {})
        if selector.items() <= template.get("metadata", {}).get("labels", {}).items():
            namespace: str = document["metadata"]["namespace"]
            return namespace
    return own


def _applies_in(home: str, route: Document) -> bool:
    """Tell whether a VirtualService is exported to the namespace of a gateway's pods."""
    namespace, exports = route["metadata"]["namespace"], route["spec"].get("exportTo") or ["*"]
    return any(to in ("*", home) or (to == "." and namespace == home) for to in exports)


def _accepts(host: str, route: Document, own: str) -> bool:
    """Tell whether a server's host accepts routes of this route's namespace."""
    of, slash, _ = host.rpartition("/")
    return not slash or of == "*" or route["metadata"]["namespace"] == (own if of == "." else of)


def given(mesh: Mesh, documents: Sequence[Document], pods: Mapping[str, str]) -> list[Document]:
    """Return the Gateways that the plan assumes, with the labels of `pods`."""
    fields = {(f.resource, f.field) for f in mesh.warnings if f.rule == "gateway-given"}
    keys = {
        key[1:]: None
        for document in documents
        for index, key in enumerate(named(document))
        if (f"VirtualService {document['metadata']['name']}", f"spec.gateways[{index}]") in fields
    }
    gateways = [kube.gateway(namespace=namespace, name=name) for namespace, name in keys]
    return [kube.put(gateway, "spec.selector", dict(pods)) for gateway in gateways]


def named(document: Document) -> Iterator[tuple[bool, str, str]]:
    """Yield the Gateways that a route names: whether of the Gateway API, namespace and name."""
    own = document["metadata"]["namespace"]
    if document["kind"] == "VirtualService":
        for key in document["spec"].get("gateways", ()):
            namespace, slash, name = key.rpartition("/")
            if not slash:  # the old form, demo-gateway.shop.svc.cluster.local
                name, _, rest = name.partition(".")
                namespace = rest.partition(".")[0]
            yield False, own if namespace in ("", ".") else namespace, name
    if document["kind"] == "HTTPRoute":
        for ref in document["spec"]["parentRefs"]:
            if ref.get("kind", "Gateway") == "Gateway":
                yield True, ref.get("namespace", own), ref["name"]
