"""The real istiod, of the version that `scripts/istiod.py` brings, without a cluster."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import urllib3

from lanes.errors import LanesError
from lanes.running.process import Process
from tests.istio.kube_api import Document, KubeApi

API_PORT, XDS_PORT, HTTP_PORT, CTRLZ_PORT = 6443, 15010, 8080, 9876

# Mesh-wide settings, without features that one machine cannot have.
MESH_CONFIG = """\
enableAutoMtls: false
enableTracing: false
ingressControllerMode: "OFF"
defaultProviders: {}
"""

_SETTINGS = {
    "POD_NAME": "istiod",
    "POD_NAMESPACE": "istio-system",
    # Envoy's own binary lacks two filters of Istio's proxy, for telemetry of peers and for mutual
    # TLS. Neither chooses routes.
    "PILOT_ENABLE_METADATA_EXCHANGE": "false",
    "PILOT_ENABLE_ALPN_FILTER": "false",
    # No certificates: one machine has no identities of pods.
    "ENABLE_CA_SERVER": "false",
    "PILOT_CERT_PROVIDER": "none",
    "XDS_AUTH": "false",
    "ENABLE_DEBUG_ENDPOINT_AUTH": "false",
    # No features that write to a cluster.
    "ENABLE_LEADER_ELECTION": "false",
    "INJECT_ENABLED": "false",
    "VALIDATION_WEBHOOK_CONFIG_NAME": "",
    "PILOT_ENABLE_GATEWAY_API_STATUS": "false",
    "PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER": "false",
    "PILOT_ENABLE_GATEWAY_API_GATEWAYCLASS_CONTROLLER": "false",
    "PILOT_ENABLE_IP_AUTOALLOCATE": "false",
    # The stand-in speaks JSON.
    "ISTIO_KUBE_CLIENT_CONTENT_TYPE": "json",
    # Changes are sent at once instead of in batches of 100 ms and more, so tests wait less.
    "PILOT_DEBOUNCE_AFTER": "20ms",
    "PILOT_DEBOUNCE_MAX": "200ms",
}


def version_of(binary: Path) -> str:
    """Return the version that the binary prints."""
    command = [str(binary), "version", "--short"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.removeprefix("client version: ").strip() or "unknown"


class Istiod:
    """A running istiod that reads from `api`. All its ports are at `address`."""

    def __init__(
        self, binary: Path, api: KubeApi, address: str, claim: int, outside: str = "REGISTRY_ONLY"
    ) -> None:
        """`outside` is the mode for hosts that istiod does not know. The laptop refuses them."""
        self.xds = (address, XDS_PORT)
        self.debug = f"http://{address}:{HTTP_PORT}"
        api.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "istio", "namespace": "istio-system"},
                "data": {"mesh": f"{MESH_CONFIG}outboundTrafficPolicy: {{mode: {outside}}}\n"},
            }
        )
        with os.fdopen(os.memfd_create("kubeconfig"), "w") as file:
            json.dump(_kubeconfig(api.url), file)
            file.flush()
            self.process = Process(
                "istiod",
                [
                    *(str(binary), "discovery", "--registries=Kubernetes"),
                    f"--kubeconfig=/dev/fd/{file.fileno()}",
                    f"--grpcAddr={address}:{XDS_PORT}",
                    f"--httpAddr={address}:{HTTP_PORT}",
                    *("--httpsAddr=", "--secureGRPCAddr=", "--monitoringAddr="),
                    f"--ctrlz_address={address}",
                    f"--ctrlz_port={CTRLZ_PORT}",
                ],
                {name: os.environ[name] for name in ("PATH", "HOME")} | _SETTINGS,
                pass_fds=[file.fileno(), claim],
            )
            self._wait_ready()

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            if not self.process.running:
                raise self.process.failure()
            try:
                if self._get("/ready").status == 200:
                    return
            except urllib3.exceptions.HTTPError:
                pass
            if time.monotonic() > deadline:
                raise LanesError(
                    "istiod was not ready after 30 s:", *self.process.tail().splitlines()
                )
            time.sleep(0.02)

    def review(self, document: Document) -> tuple[bool, list[str]]:
        """Return whether istiod's admission webhook accepts the resource, and its messages.

        In a cluster, the API server calls the same webhook for `kubectl apply`.
        """
        group, _, version = document["apiVersion"].rpartition("/")
        request = {
            "uid": "1",
            "kind": {"group": group, "version": version, "kind": document["kind"]},
            "operation": "CREATE",
            "object": document,
        }
        review = {
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": request,
        }
        answer = urllib3.request("POST", f"{self.debug}/validate", json=review).json()["response"]
        messages = [*answer.get("warnings", ())]
        if "message" in answer.get("status", {}):
            messages.append(answer["status"]["message"])
        return answer["allowed"], messages

    def resources(self) -> list[dict[str, Any]]:
        """Return the Istio resources that istiod uses."""
        resources: list[dict[str, Any]] = self._get("/debug/configz").json()
        return resources

    def refusals(self) -> list[str]:
        """Return the lines of istiod's metrics that count rejections by proxies."""
        lines = self._get("/metrics").data.decode().splitlines()
        return [line for line in lines if "reject" in line and not line.startswith("#")]

    def _get(self, path: str) -> urllib3.BaseHTTPResponse:
        return urllib3.request("GET", self.debug + path, timeout=5, retries=False)


def _kubeconfig(url: str) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "stand-in", "cluster": {"server": url}}],
        "users": [{"name": "nobody", "user": {}}],
        "contexts": [{"name": "here", "context": {"cluster": "stand-in", "user": "nobody"}}],
        "current-context": "here",
    }
