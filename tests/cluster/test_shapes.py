"""The chart's shapes: each is installed, verified and removed as README and docs/istio.md say."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests import kube
from tests.chart.rendering import ROOT
from tests.cluster.kubernetes import (
    Json,
    apply,
    kubectl,
    namespace,
    pods,
    reached,
    resource,
    restarted,
    rolled_out,
    run,
    run_pod,
)
from tests.cluster.release import IMAGE, INGRESS, installed, release, require_lanes

SHAPES: dict[str, tuple[str, ...]] = {
    "default": (),
    "strict": ("--values=examples/strict/values.yaml",),
    "fan-out": ("--values=examples/fan-out/values.yaml",),
    "mutual-tls": ("--set=peerAuthentication.enabled=true,authorizationPolicy.enabled=true",),
    "entries": ('--set-json=gateway.services={"mocka": {}, "mockb": {"path": "/b"}}',),
}
# `helm test` verifies each service that the gateway calls.
VERIFIED = dict.fromkeys(SHAPES, 1) | {"entries": 2}
CONTAINER = "spec.template.spec.containers[0]"
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap"}
PARENT = {"name": "web"}
GATEWAY = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "Gateway",
    "metadata": PARENT,
    "spec": {
        "gatewayClassName": "istio",
        "listeners": [
            {
                "name": "http",
                "port": 80,
                "protocol": "HTTP",
                "allowedRoutes": {"namespaces": {"from": "Same"}},
            }
        ],
    },
}


@pytest.mark.parametrize("shape", SHAPES)
def test_lanes_hold_and_nothing_is_left_of_them(shape: str) -> None:
    with namespace(shape) as where:
        with installed(where, *SHAPES[shape]) as demo:
            demo.holds()
            said = demo.test().out
            assert len(re.findall("^Lanes hold[.;]", said, re.MULTILINE)) == VERIFIED[shape], said
        assert left_in(where) == []


def test_lanes_hold_across_two_namespaces_and_nothing_is_left_there() -> None:
    """By mutual TLS, and policies that name accounts of both."""
    with namespace("front") as where, namespace("back") as behind:
        apart = f"--set=services.mockb.namespace={behind}"
        with installed(where, *SHAPES["mutual-tls"], apart) as demo:
            demo.holds()
            assert "Lanes hold." in demo.test().out
        assert left_in(where) == left_in(behind) == []


def left_in(where: str) -> list[str]:
    """Return the objects of a namespace, except those that Kubernetes and Istio put into each."""
    kinds = run("kubectl", "api-resources", "--namespaced", "--verbs=list", "--output=name").out
    wanted = [k for k in kinds.split() if not k.startswith(("events", "pods.metrics"))]
    named = kubectl("get", ",".join(wanted), "--output=name", namespace=where).split()
    own = ("/default", "/kube-root-ca.crt", "/istio-ca-root-cert", "/istio-ca-crl")
    # A pod takes seconds to end.
    return [n for n in named if not n.endswith(own) and not n.startswith(("pod/", "lease"))]


def test_mutual_tls_and_authorization_shut_out_all_others() -> None:
    # Without a NetworkPolicy, which would close the connection before the mesh refuses the request.
    with release("shut", *SHAPES["mutual-tls"], "--set=networkPolicy.enabled=false") as demo:
        demo.holds()
        ask = "import urllib.request as u; print(u.urlopen('http://mockc:8000/').status)"
        caller = pods(demo.namespace, "app=mocka")[0]
        inside = [
            "exec",
            caller["metadata"]["name"],
            "--container=default",
            "--",
            "python",
            "-c",
            ask,
        ]
        refused = run("kubectl", f"--namespace={demo.namespace}", *inside, codes=(1,)).err
        assert "HTTP Error 403: Forbidden" in refused
        with namespace("outside", **{"istio-injection": "disabled"}) as outside:
            url = f"http://mocka.{demo.namespace}:8000/"
            image = caller["spec"]["containers"][0]["image"]
            said = run_pod(outside, image, "python", "-c", ask.replace("http://mockc:8000/", url))
        assert "ConnectionResetError" in said


def test_lanes_hold_on_a_gateway_of_the_gateway_api() -> None:
    """Its route leads to another namespace, where a ReferenceGrant lets it."""
    with namespace("routes") as where, namespace("granted") as behind:
        apply(where, GATEWAY)
        kubectl("wait", "--for=condition=Accepted", "gateway/web", "--timeout=60s", namespace=where)
        rolled_out(where, "deployment/web-istio")
        refs = f"--set-json=gateway.parentRefs={json.dumps([PARENT])}"
        apart = f"--set=services.mocka.namespace={behind}"
        with installed(where, refs, apart, gateway=(where, "web-istio")) as demo:
            demo.holds()
            route = resource("httproute", "demo-gateway", namespace=where)
            conditions = route["status"]["parents"][0]["conditions"]
            assert {c["type"]: c["status"] for c in conditions} == {
                "Accepted": "True",
                "ResolvedRefs": "True",
            }
            assert "Lanes hold." in demo.test().out


def test_lanes_hold_in_a_namespace_that_allows_restricted_pods_alone() -> None:
    found = kubectl("get", "daemonset", "--all-namespaces", "--selector=k8s-app=istio-cni-node")
    if not found:
        pytest.skip("this mesh has no istio-cni: its init container asks for more than restricted")
    with release("restricted", **{"pod-security.kubernetes.io/enforce": "restricted"}) as demo:
        demo.holds()
        assert "Lanes hold." in demo.test().out


def test_two_releases_hold_side_by_side_and_one_that_another_hides_is_told() -> None:
    with release("first", "--set=gateway.hosts={*}") as first:
        first.holds()
        assert "Lanes hold." in first.test().out
        with release("second", "--set=gateway.hosts={*}") as second:
            said = second.test(codes=(1,)).out
            assert "Lanes do NOT hold." in said
            assert f"in namespace {first.namespace}" in said
            own = f"--set=gateway.hosts={{{second.host}}}"
            second.upgrade(own)
            second.holds()
            assert "Lanes hold." in second.test().out
        assert "Lanes hold." in first.test().out


def test_a_namespace_without_injection_is_told_by_the_test() -> None:
    with release("bare", **{"istio-injection": "disabled"}) as demo:
        for attempt in range(3):
            # A pod keeps few connections. Now and then all lead where other faults would, too.
            if attempt:
                restarted(demo.namespace)
            said = demo.test(codes=(1,)).out
            assert "Lanes do NOT hold." in said
            if "no sidecar" in said:
                break
        assert "no sidecar" in said


def test_plain_manifests_hold_applied_one_by_one() -> None:
    known = kubectl("api-resources", "--output=name")
    with namespace("plain") as where:
        applied = []
        for file in ("instrumentation", "mock", "dr-mock", "vs-mock", "gw-mock"):
            text = (ROOT / "k8s" / "istio" / f"{file}.yaml").read_text(encoding="utf-8")
            text = text.replace("namespace: default", f"namespace: {where}")
            text = text.replace(".default.svc", f".{where}.svc")
            text = re.sub("image: .*", f"image: {IMAGE}", text) if IMAGE else text
            if file != "instrumentation" or "instrumentations.opentelemetry.io" in known:
                kubectl("apply", "--filename=-", given=text)
            applied.append(text)
        rolled_out(where)
        with reached(*INGRESS) as (address, port):
            require_lanes(f"http://{address}:{port}/", "\n---\n".join(applied))


def test_lanes_hold_behind_tls_with_an_authority_of_ones_own(tmp_path: Path) -> None:
    with namespace("tls") as where, certificate(tmp_path, where) as secret:
        authority = (tmp_path / "ca.crt").read_text(encoding="utf-8")
        metadata = {"name": "authority"}
        apply(where, {**CONFIG_MAP, "metadata": metadata, "data": {"ca.crt": authority}})
        with installed(
            where, f"--set=gateway.tls.secret={secret},test.ca.configMap=authority"
        ) as demo:
            require_lanes_by_tls(demo.host, tmp_path, demo.manifests())
            assert "Lanes hold." in demo.test().out


def test_lanes_hold_for_deployments_that_are_there_already(tmp_path: Path) -> None:
    """examples/own-services: routing alone, TLS at the gateway, the labels that its notes list."""
    with namespace("own") as where, certificate(tmp_path, where) as secret:
        there = own_services(where)
        apply(where, *there)
        rolled_out(where)
        values = "--values=examples/own-services/values.yaml"
        with installed(where, values, f"--set=gateway.tls.secret={secret}") as demo:
            manifests = yaml.dump_all(there) + "---\n" + demo.manifests()
            require_lanes_by_tls(demo.host, tmp_path, manifests)


def own_services(where: str) -> list[Json]:
    """Return the Services and Deployments of a team that does not use the chart."""
    calls = {"shop": ("catalog", "cart"), "catalog": ("prices",), "cart": ("prices",), "prices": ()}
    versions = {"catalog": ("stable",)}
    image = IMAGE or "ghcr.io/traffic-lanes/traffic-lanes:0.1.0"
    documents = []
    for name, upstreams in calls.items():
        port = 8080 if name == "shop" else 8000
        documents.append(kube.service(name, port, namespace=where))
        for version in versions.get(name, ("stable", "next")):
            member = kube.membership("next" if version == "next" else "")
            labels = {"app.kubernetes.io/version": version} | member
            deployed = kube.deployment(
                name,
                version,
                *upstreams,
                namespace=where,
                port=port,
                env={"lane_header": "x-lane", "port": str(port)},
                labels=labels,
            )
            documents.append(kube.put(deployed, CONTAINER + ".image", image))
    return documents


@contextmanager
def certificate(folder: Path, where: str) -> Iterator[str]:
    """Create the ingress gateway's secret for the host of a release in `where`; give its name.

    Its authority is ca.crt in `folder`. It is deleted when the block ends.
    """
    host = f"{where}.example.com"
    new = "openssl req -x509 -newkey rsa:2048 -noenc -days 2"
    authority = f"{new} -keyout ca.key -out ca.crt -subj /CN=authority"
    names = f"-addext subjectAltName=DNS:{host} -addext basicConstraints=critical,CA:FALSE"
    own = f"{new} -CA ca.crt -CAkey ca.key -keyout tls.key -out tls.crt -subj /CN={host} {names}"
    for line in (authority, own):
        run(*line.split(), folder=folder)
    pair = [f"--cert={folder}/tls.crt", f"--key={folder}/tls.key"]
    kubectl("create", "secret", "tls", where, *pair, namespace=INGRESS[0])
    try:
        yield where
    finally:
        kubectl("delete", "secret", where, namespace=INGRESS[0])


def require_lanes_by_tls(host: str, folder: Path, manifests: str) -> None:
    with reached(*INGRESS, port=443) as (address, port):
        there = ("--resolve", f"{host}:{port}:{address}", "--ca", f"{folder}/ca.crt")
        require_lanes(f"https://{host}:{port}/", manifests, *there)
