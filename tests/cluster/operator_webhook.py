"""An admission webhook that changes pods like the OpenTelemetry Operator does for Python.

usage: python operator_webhook.py IMAGE FOLDER

The tests run it in the cluster, with the standard library alone. FOLDER has the certificate, IMAGE
the injected packages. It does what Operator 0.92.1 does, except for `cp -r`: outside of busybox,
`cp -a` fails for users other than root.
"""

import base64
import json
import ssl
import sys
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Json = dict[str, Any]

PREFIX = "instrumentation.opentelemetry.io"
NAME = "opentelemetry-auto-instrumentation-python"
MOUNT = "/otel-auto-instrumentation-python"
AUTOMATIC = f"{MOUNT}/opentelemetry/instrumentation/auto_instrumentation"
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
OTLP = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf",
}


def injected(pod: Json, spec: Json, image: str) -> Json:
    """Return the pod's spec with the instrumentation that an Instrumentation's `spec` describes."""
    annotations = pod["metadata"]["annotations"]
    changed: Json = json.loads(json.dumps(pod["spec"]))
    names = annotations.get(f"{PREFIX}/container-names", "").split(",")
    containers = changed["containers"]
    container = next((each for each in containers if each["name"] in names), containers[0])
    container.setdefault("volumeMounts", []).append({"name": NAME, "mountPath": MOUNT})
    container["env"] = with_variables(container.get("env", []), variables(pod, spec))
    init: Json = {
        "name": NAME,
        "image": image,
        "command": ["cp", "-r", "/autoinstrumentation/.", MOUNT],
        "resources": {key: {"cpu": "50m", "memory": "32Mi"} for key in ("limits", "requests")},
        "volumeMounts": [{"name": NAME, "mountPath": MOUNT}],
    }
    if "securityContext" in container:
        init["securityContext"] = container["securityContext"]
    changed.setdefault("initContainers", []).append(init)
    changed.setdefault("volumes", []).append({"name": NAME, "emptyDir": {"sizeLimit": "200Mi"}})
    return changed


def variables(pod: Json, spec: Json) -> dict[str, str]:
    """Return what the container gets where it has no such variable."""
    own = {each["name"]: each["value"] for each in spec.get("python", {}).get("env", [])}
    general = {each["name"]: each["value"] for each in spec.get("env", [])}
    sampler = spec.get("sampler", {})
    sdk = {
        "OTEL_SERVICE_NAME": pod["metadata"].get("labels", {}).get("app", "unknown"),
        "OTEL_PROPAGATORS": ",".join(spec.get("propagators", [])),
        "OTEL_TRACES_SAMPLER": sampler.get("type", ""),
        "OTEL_TRACES_SAMPLER_ARG": sampler.get("argument", ""),
    }
    paths = {"PYTHONPATH": f"{AUTOMATIC}:{MOUNT}"}
    return {name: value for name, value in (sdk | general | OTLP | own | paths).items() if value}


def with_variables(env: list[Json], added: dict[str, str]) -> list[Json]:
    """Return the container's own variables, and those it lacks."""
    known = {each["name"] for each in env}
    return [*env, *({"name": n, "value": v} for n, v in added.items() if n not in known)]


def instrumentation(namespace: str, asked: str) -> Json | None:
    """Return the spec of the Instrumentation that an annotation names; None where none fits."""
    elsewhere, _, name = asked.rpartition("/")
    url = "https://kubernetes.default.svc/apis/opentelemetry.io/v1alpha1"
    token = (ACCOUNT / "token").read_text()
    request = urllib.request.Request(
        f"{url}/namespaces/{elsewhere or namespace}/instrumentations",
        headers={"Authorization": f"Bearer {token}"},
    )
    context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # clusters' authorities lack what it asks for
    with urllib.request.urlopen(request, context=context, timeout=5) as answer:
        items = json.load(answer)["items"]
    found = [each["spec"] for each in items if name in ("true", each["metadata"]["name"])]
    return found[0] if len(found) == 1 else None


class Handler(BaseHTTPRequestHandler):
    """Answers AdmissionReviews. A pod that no Instrumentation fits is admitted unchanged."""

    image = ""

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
        pod, answer = request["object"], {"uid": request["uid"], "allowed": True}
        asked = pod["metadata"].get("annotations", {}).get(f"{PREFIX}/inject-python", "false")
        spec = None if asked == "false" else instrumentation(request["namespace"], asked)
        if spec is not None:
            changed = injected(pod, spec, self.image)
            patch = json.dumps([{"op": "replace", "path": "/spec", "value": changed}])
            answer |= {"patchType": "JSONPatch", "patch": base64.b64encode(patch.encode()).decode()}
        review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
        body = json.dumps({**review, "response": answer}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()


def main(image: str, folder: str) -> None:
    """Serve until killed."""
    Handler.image = image
    server = ThreadingHTTPServer(("", 9443), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/tls.crt", f"{folder}/tls.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
