"""The objects of a cluster with these manifests, and the objects that this harness adds.

The chart's Services, DestinationRules, VirtualServices and Gateway go to istiod unchanged. This
module makes pods of Deployments and endpoints of pods, as a cluster does.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import yaml

from lanes.mesh.model import Pod
from tests.istio.kube_api import KINDS, Document
from tests.kube import put

SYSTEM = "istio-system"
POD_LABEL = "harness/pod"
APP_PORT = 15080  # of the service itself; its proxy has the port of the Service
GATEWAY_PORT = 8080


def read(paths: Iterable[str]) -> list[Document]:
    """Return every document under `paths`, unchanged."""
    files = [
        file
        for path in map(Path, paths)
        for file in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])
    ]
    return [doc for file in files for doc in yaml.safe_load_all(file.read_text()) if doc]


def held_by_istiod(documents: Iterable[Document]) -> Iterator[Document]:
    """Yield the documents that istiod reads."""
    return (document for document in documents if document["kind"] in KINDS)


def pod_document(pod: Pod, address: str) -> Document:
    """Return a pod as its node reports it: running and ready."""
    labels = {**pod.labels, POD_LABEL: pod.name}
    return running_pod(pod.name, pod.namespace, labels, address)


def endpoints(service: Document, pods: Mapping[str, Pod]) -> Document:
    """Return the EndpointSlice of a Service, with those of `pods` (by address) that it selects."""
    metadata, spec = service["metadata"], service["spec"]
    namespace = metadata.get("namespace", "default")
    selected = {
        address: pod
        for address, pod in pods.items()
        if pod.namespace == namespace and spec["selector"].items() <= pod.labels.items()
    }
    ports = []
    for port in spec["ports"]:
        target = port.get("targetPort", port["port"])
        numbers = {pod.named_ports.get(target, target) for pod in selected.values()}
        assert len(numbers) <= 1, "pods of a Service with different ports: not in this harness"
        ports += [
            {"name": port.get("name", ""), "port": number, "protocol": "TCP"} for number in numbers
        ]
    ready = {address: pod.name for address, pod in selected.items()}
    return slice_of(metadata["name"], namespace, ports, ready)


def additions(
    pods: Mapping[str, Pod], outbound: Mapping[str, str], gateway: str
) -> Iterator[Document]:
    """Yield the objects that the harness adds to the chart's, each with its reason.

    `pods` are by address. `outbound` has the address from which each pod (by key) is called by its
    own service. `gateway` is the gateway's address.
    """
    for name in sorted({SYSTEM, *(pod.namespace for pod in pods.values())}):
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}

    # Part of every installation of Istio, not of the chart: the ingress gateway.
    labels = {"app": "istio-ingressgateway", "istio": "ingressgateway"}
    port = {"name": "http2", "port": 80, "targetPort": GATEWAY_PORT, "protocol": "TCP"}
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "istio-ingressgateway", "namespace": SYSTEM},
        "spec": {"clusterIP": "None", "selector": labels, "ports": [port]},
    }
    yield running_pod("istio-ingressgateway", SYSTEM, labels, gateway)
    target = {"name": "http2", "port": GATEWAY_PORT, "protocol": "TCP"}
    yield slice_of("istio-ingressgateway", SYSTEM, [target], {gateway: "istio-ingressgateway"})

    # There is no certificate authority, and a proxy that could take TLS waits for its certificate.
    yield {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": "default", "namespace": SYSTEM},
        "spec": {"mtls": {"mode": "DISABLE"}},
    }

    # iptables send a pod's traffic through its proxy; here the proxy listens on addresses of its
    # own instead, so that all pods fit on one machine and nothing needs root.
    for address, pod in pods.items():
        yield {
            "apiVersion": "networking.istio.io/v1",
            "kind": "Sidecar",
            "metadata": {"name": pod.name, "namespace": pod.namespace},
            "spec": {
                "workloadSelector": {"labels": {POD_LABEL: pod.name}},
                "ingress": [
                    {
                        "port": {"number": pod.port, "name": "http", "protocol": "HTTP"},
                        "bind": address,
                        "captureMode": "NONE",
                        "defaultEndpoint": f"0.0.0.0:{APP_PORT}",  # 0.0.0.0: the pod's address
                    }
                ],
                "egress": [{"bind": outbound[pod.key], "captureMode": "NONE", "hosts": ["*/*"]}],
            },
        }


def defaulted(document: Document) -> Document:
    """Add the defaults of the API server: a match of an HTTPRoute gets a path."""
    if document["kind"] != "HTTPRoute":
        return document
    anywhere = {"path": {"type": "PathPrefix", "value": "/"}}
    for index, rule in enumerate(document["spec"]["rules"]):
        matches = [anywhere | match for match in rule.get("matches", [{}])]
        document = put(document, f"spec.rules[{index}].matches", matches)
    return document


def on_loopback(document: Document, gateway: str) -> Document:
    """Make a Gateway listen on loopback: the only change to the chart's resources."""
    if document["kind"] != "Gateway":
        return document
    for index in range(len(document["spec"]["servers"])):
        document = put(document, f"spec.servers[{index}].bind", gateway)
    return document


def running_pod(name: str, namespace: str, labels: Mapping[str, str], address: str) -> Document:
    """Return a pod that is ready."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
        "spec": {"nodeName": "this-machine", "containers": [{"name": "default"}]},
        "status": {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def slice_of(
    service: str, namespace: str, ports: list[Document], ready: Mapping[str, str]
) -> Document:
    """Return a Service's EndpointSlice, from pods' names by address."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": service,
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "ports": ports,
        "endpoints": [
            {
                "addresses": [address],
                "conditions": {"ready": True},
                "targetRef": {"kind": "Pod", "name": pod, "namespace": namespace},
            }
            for address, pod in ready.items()
        ],
    }
