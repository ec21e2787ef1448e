"""The chart together with a webhook that injects OpenTelemetry like the Operator in README."""

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.kubernetes import (
    LABEL,
    Json,
    apply,
    eventually,
    kubectl,
    namespace,
    pods,
    resource,
    restarted,
    rolled_out,
    run,
)
from tests.cluster.release import IMAGE, Release, release

# What is injected: an image with the packages in /autoinstrumentation, and `cp`.
INJECTED_IMAGE = os.environ.get("INJECTED_IMAGE", "")
NAME = "opentelemetry-operator-of-tests"
WEBHOOK = Path(__file__).with_name("operator_webhook.py")
# Namespaces in which the Operator acts.
ACTS: dict[str, str] = {f"{LABEL}-operator": "yes"}
MODE = "--set=instrumentation.mode=operator"
FORGOTTEN = "the OpenTelemetry Operator has not injected pods that need it:"

pytestmark = pytest.mark.skipif(not INJECTED_IMAGE, reason="INJECTED_IMAGE names no image")


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Install an Operator that acts in namespaces with `ACTS`; yield its namespace."""
    if "instrumentations.opentelemetry.io" not in kubectl("api-resources", "--output=name"):
        pytest.skip("this cluster has no Instrumentation: the Operator's CRDs are not applied")
    with namespace("operator", **{"istio-injection": "disabled"}) as where:
        folder = tmp_path_factory.mktemp("tls")
        name = f"{NAME}.{where}.svc"
        new = "openssl req -x509 -newkey rsa:2048 -noenc -days 2 -keyout tls.key -out tls.crt"
        run(*f"{new} -subj /CN=operator -addext subjectAltName=DNS:{name}".split(), folder=folder)
        pair = [f"--cert={folder}/tls.crt", f"--key={folder}/tls.key"]
        kubectl("create", "secret", "tls", NAME, *pair, namespace=where)
        kubectl("create", "configmap", NAME, f"--from-file={WEBHOOK}", namespace=where)
        apply(where, account(), binding(where), *server(where))
        rolled_out(where)
        try:
            with webhook(where, (folder / "tls.crt").read_text(encoding="utf-8")):
                yield where
        finally:
            kubectl("delete", "clusterrolebinding,clusterrole", NAME, "--ignore-not-found")


def account() -> Json:
    """Return the role that lets the Operator read Instrumentations."""
    rule = {"apiGroups": ["opentelemetry.io"], "resources": ["instrumentations"], "verbs": ["list"]}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "rules": [rule]}
    return {**role, "metadata": {"name": NAME}}


def binding(where: str) -> Json:
    """Return the binding of the role to the account of the Operator's pods."""
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": NAME},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": NAME},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": where}],
    }


def server(where: str) -> tuple[Json, Json]:
    """Return the Operator's Deployment and its Service."""
    labels = {"app": NAME}
    mounts = [{"name": name, "mountPath": f"/{name}"} for name in ("script", "tls")]
    container = {
        "name": "manager",
        "image": IMAGE,
        "command": ["python", "/script/operator_webhook.py", INJECTED_IMAGE, "/tls"],
        "volumeMounts": mounts,
        "readinessProbe": {
            "httpGet": {"path": "/", "port": 9443, "scheme": "HTTPS"},
            "periodSeconds": 1,
        },
    }
    volumes = [
        {"name": "script", "configMap": {"name": NAME}},
        {"name": "tls", "secret": {"secretName": NAME}},
    ]
    spec = {
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {
                "containers": [container],
                "volumes": volumes,
                "terminationGracePeriodSeconds": 0,
            },
        },
    }
    port = {"port": 443, "targetPort": 9443}
    metadata = {"name": NAME, "namespace": where}
    return (
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": labels, "ports": [port]},
        },
    )


@contextmanager
def webhook(where: str, authority: str) -> Iterator[None]:
    """Register the Operator's webhook while the block runs. Its name puts it after Istio's."""
    bundle = base64.b64encode(authority.encode()).decode()
    called = {
        "name": "mpod.opentelemetry.io",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "timeoutSeconds": 10,
        "namespaceSelector": {"matchLabels": ACTS},
        "clientConfig": {"caBundle": bundle, "service": {"name": NAME, "namespace": where}},
        "rules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
            | {"operations": ["CREATE"]}
        ],
    }
    apply(
        "",
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": NAME},
            "webhooks": [called],
        },
    )
    try:
        yield
    finally:
        kubectl("delete", "mutatingwebhookconfiguration", NAME)


def failure_policy(policy: str) -> None:
    """Say what happens to pods while the Operator is away."""
    path = "/webhooks/0/failurePolicy"
    patch = f'[{{"op": "replace", "path": "{path}", "value": "{policy}"}}]'
    kubectl("patch", "mutatingwebhookconfiguration", NAME, "--type=json", f"--patch={patch}")


@contextmanager
def away(operator: str) -> Iterator[None]:
    """Scale the Operator down while the block runs."""
    kubectl("scale", "deployment", NAME, "--replicas=0", namespace=operator)
    eventually(lambda: not resource("pods", namespace=operator)["items"])
    try:
        yield
    finally:
        kubectl("scale", "deployment", NAME, "--replicas=1", namespace=operator)
        rolled_out(operator)


def instrumentations(demo: Release) -> set[str]:
    """Return the instrumentations that the hops of a hundred answers name."""
    with demo.load() as load:
        eventually(lambda: len(load.answers) > 100)
    assert load.failed() == []
    return {str(step.instrumentation).split()[0] for a in load.answers for step in a.path}


def annotate(demo: Release, deployment: str, asks: str) -> None:
    """Let a Deployment's pods ask for another Instrumentation, and wait for them."""
    annotations = {"instrumentation.opentelemetry.io/inject-python": asks}
    patch = json.dumps({"spec": {"template": {"metadata": {"annotations": annotations}}}})
    kubectl("patch", f"deployment/{deployment}", f"--patch={patch}", namespace=demo.namespace)
    rolled_out(demo.namespace)


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize(
    "labels",
    [{}, {"pod-security.kubernetes.io/enforce": "restricted"}],
    ids=["any pods", "restricted pods alone"],
)
def test_an_install_in_operator_mode_injects_every_pod(labels: dict[str, str]) -> None:
    found = kubectl("get", "daemonset", "--all-namespaces", "--selector=k8s-app=istio-cni-node")
    if labels and not found:
        pytest.skip("this mesh has no istio-cni: its init container asks for more than restricted")
    with release("injected", MODE, **ACTS, **labels) as demo:
        made = pods(demo.namespace, "app.kubernetes.io/part-of=demo")
        names = [[c["name"] for c in pod["spec"]["initContainers"]] for pod in made]
        assert len(names) == 7
        last = "opentelemetry-auto-instrumentation-python"
        assert all(each[-1] == last and len(each) > 1 for each in names), names  # behind Istio's
        assert instrumentations(demo) == {"injected"}
        demo.holds()
        said = demo.test().out
        assert "Lanes hold." in said
        assert FORGOTTEN not in said


def test_a_pod_waits_for_an_operator_that_is_away(operator: str) -> None:
    """By failurePolicy: Fail, as the values for the Operator's chart set it."""
    with release("waits", MODE, "--set=defaults.replicas=2", **ACTS) as demo:
        with demo.load() as load:
            with away(operator):
                gone = pods(demo.namespace, "app=mockb,version=v1")[0]["metadata"]["name"]
                kubectl("delete", "pod", gone, namespace=demo.namespace)
                load.go_on(10)
                assert len(pods(demo.namespace, "app=mockb,version=v1")) == 1
            # By itself Kubernetes tries again after minutes.
            restarted(demo.namespace, "deployment/mockb-v1")
        assert load.failed() == []
        assert instrumentations(demo) == {"injected"}


def test_pods_that_were_not_injected_are_named_with_the_remedy(operator: str) -> None:
    """By failurePolicy: Ignore, the default of the Operator's chart, and by a wrong annotation."""
    with release("ignored", MODE, **ACTS) as demo:
        failure_policy("Ignore")
        try:
            with away(operator):
                restarted(demo.namespace, "deployment/mockc-v1")
        finally:
            failure_policy("Fail")
        annotate(demo, "mocka-v1", "of-nobody")
        demo.holds()
        eventually(lambda: FORGOTTEN in demo.test().out)
        said = demo.test().out
        assert "Lanes hold." in said  # for the sample instruments itself
        assert f"{FORGOTTEN} mocka (own " in said
        assert f"  kubectl rollout restart deployment -n {demo.namespace}" in said
        annotate(demo, "mocka-v1", "demo-instrumentation")
        restarted(demo.namespace)
        assert instrumentations(demo) == {"injected"}
