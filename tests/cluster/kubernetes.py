"""A cluster from a terminal: kubectl, helm and lanes as commands."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.chart.rendering import ROOT

LABEL = "traffic-lanes-test"
LANES = str(Path(sys.executable).with_name("lanes"))

Json = dict[str, Any]


@dataclass(frozen=True)
class Done:
    """A command's output and exit code."""

    code: int
    out: str
    err: str


def run(
    *command: str,
    given: str = "",
    folder: Path = ROOT,
    env: Mapping[str, str] | None = None,
    seconds: float = 300,
    codes: Sequence[int] | None = (0,),
) -> Done:
    """Run `command` with `given` as its input; fails on an exit code that is not in `codes`."""
    done = subprocess.run(
        command,
        input=given,
        env={**os.environ, **(env or {})},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    if codes is not None and done.returncode not in codes:
        line = " ".join(command)[:300]
        raise AssertionError(f"{line}\nexit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    return Done(done.returncode, done.stdout, done.stderr)


def kubectl(*arguments: str, namespace: str = "", given: str = "") -> str:
    """Return kubectl's output. Fails the test if kubectl fails."""
    where = ("--namespace", namespace) if namespace else ()
    return run("kubectl", *where, *arguments, given=given).out


def resource(*arguments: str, namespace: str = "") -> Json:
    """Return what `kubectl get` finds."""
    found: Json = json.loads(kubectl("get", *arguments, "--output=json", namespace=namespace))
    return found


def apply(namespace: str, *documents: Json) -> None:
    """Run `kubectl apply` on `documents`."""
    listed = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
    kubectl("apply", "--filename=-", namespace=namespace, given=json.dumps(listed))


def pods(namespace: str, selector: str = "") -> list[Json]:
    """Return the pods of a namespace, except those that are terminating."""
    found = resource("pods", f"--selector={selector}", namespace=namespace)["items"]
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def run_pod(where: str, image: str, *command: str) -> str:
    """Return the output of a pod, whether it succeeds or fails."""
    name = "asks"
    apply(
        where,
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": name, "image": image, "command": list(command)}],
            },
        },
    )
    phase = "--for=jsonpath={.status.containerStatuses[0].state.terminated}"
    kubectl("wait", phase, f"pod/{name}", "--timeout=60s", namespace=where)
    return kubectl("logs", name, namespace=where)


def rolled_out(namespace: str, *deployments: str) -> None:
    """Wait until every Deployment there, or each that is named, runs what it should."""
    names = deployments or [
        f"deployment/{item['metadata']['name']}"
        for item in resource("deployments", namespace=namespace)["items"]
    ]
    for name in names:  # which whoever makes it may not have made yet, as Istio does a Gateway's
        kubectl("wait", "--for=create", name, "--timeout=60s", namespace=namespace)
        kubectl("rollout", "status", name, "--timeout=180s", namespace=namespace)


def restarted(namespace: str, *deployments: str) -> None:
    """Restart every Deployment, or the named ones, and wait until the new pods run."""
    kubectl("rollout", "restart", *(deployments or ("deployment",)), namespace=namespace)
    rolled_out(namespace, *deployments)


def eventually(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until `holds` does."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.3)


@contextmanager
def namespace(name: str, **labels: str) -> Iterator[str]:
    """Create a namespace for a test, with injection unless `labels` say otherwise.

    It is deleted when the block ends; the end of all tests waits until it is gone.
    """
    full = f"{LABEL}-{name}-{uuid4().hex[:4]}"
    marks = {LABEL: "yes", "istio-injection": "enabled", **labels}
    apply(
        "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": full, "labels": marks}}
    )
    try:
        yield full
    finally:
        kubectl("delete", "namespace", full, "--wait=false")


def remove_namespaces() -> None:
    """Remove what tests have made, also those of a run that was killed; return when it is gone."""
    kubectl(
        "delete", "namespace", f"--selector={LABEL}=yes", "--ignore-not-found", "--timeout=180s"
    )


@contextmanager
def reached(namespace: str, service: str, port: int = 80) -> Iterator[tuple[str, int]]:
    """Give an address and a port at which this machine reaches a Service.

    They are the load balancer's, or the cluster network's if this machine is in it, or a port that
    kubectl forwards.
    """
    found = resource("service", service, namespace=namespace)
    balancers = found["status"].get("loadBalancer", {}).get("ingress", [])
    addresses = [b.get("ip") or b["hostname"] for b in balancers] + [found["spec"]["clusterIP"]]
    open_ones = [address for address in addresses if _accepts(address, port)]
    if open_ones:
        yield open_ones[0], port
        return
    command = [
        "kubectl",
        "--namespace",
        namespace,
        "port-forward",
        f"service/{service}",
        f":{port}",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as forward:
        try:
            assert forward.stdout
            said = re.search(r"127\.0\.0\.1:(\d+)", forward.stdout.readline())
            assert said, f"{' '.join(command)} said nothing"
            yield "127.0.0.1", int(said[1])
        finally:
            forward.terminate()


def _accepts(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=2).close()
    except OSError:
        return False
    return True
