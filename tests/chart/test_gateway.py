"""The gateway, whether the chart's or an existing one, the notes, and the test pod."""

import functools
import json
import re
from urllib.parse import urlsplit

import pytest
import yaml

from tests import kube
from tests.chart.rendering import (
    CHART,
    EVERYTHING,
    EXAMPLES,
    ISTIO,
    Resource,
    Values,
    helm,
    of_kind,
    parse,
    render,
    template,
)
from tests.unit.lanes.reading import plan_of


def test_plain_http_by_default() -> None:
    (gateway,) = of_kind(render(), "Gateway").values()
    assert gateway["spec"]["selector"] == {"istio": "ingressgateway"}
    assert gateway["spec"]["servers"] == [
        {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
    ]


def test_a_gateway_of_other_labels_is_found_by_those_alone() -> None:
    values: Values = {"gateway": {"namespace": "edge", "selector": {"app": "edge", "tier": "1"}}}
    resources = render(values)
    (gateway,) = of_kind(resources, "Gateway").values()
    assert gateway["spec"]["selector"] == {"app": "edge", "tier": "1"}
    policy = of_kind(resources, "NetworkPolicy")["mocka"]["spec"]["ingress"][0]["from"][0]
    assert policy["podSelector"]["matchLabels"] == {"app": "edge", "tier": "1"}
    assert "kubectl get service -n edge -l app=edge,tier=1\n" in notes(values)


def test_tls_redirects_plain_http() -> None:
    values: Values = {"gateway": {"hosts": ["shop.test"], "port": 8080, "tls": {"secret": "cert"}}}
    (gateway,) = of_kind(render(values), "Gateway").values()
    plain, secure = gateway["spec"]["servers"]
    assert plain["tls"] == {"httpsRedirect": True}
    assert plain["port"]["number"] == 8080
    assert secure["port"] == {"number": 443, "name": "https", "protocol": "HTTPS"}
    assert secure["tls"] == {"mode": "SIMPLE", "credentialName": "cert"}
    assert secure["hosts"] == ["shop.test"]


def test_a_gateway_that_is_there_is_only_attached_to() -> None:
    resources = render({"gateway": {"existing": "mesh/public"}})
    assert not of_kind(resources, "Gateway")
    attached = of_kind(resources, "VirtualService")["demo-gateway"]
    assert attached["spec"]["gateways"] == ["mesh/public"]


def test_name_override() -> None:
    resources = render({"nameOverride": "shop", "instrumentation": {"mode": "operator"}})
    assert list(of_kind(resources, "Gateway")) == ["shop-gateway"]
    assert list(of_kind(resources, "Instrumentation")) == ["shop-instrumentation"]
    assert list(of_kind(resources, "Pod")) == ["shop-test"]


def installed(values: Values) -> tuple[list[Resource], str]:
    """Return the hooks of an installation, and its notes."""
    before, text = _installed(json.dumps(values)).split("\nNOTES:\n")
    assert not re.search(r"[ \t]$", text, re.MULTILINE), "trailing spaces"
    return parse(before.split("\nHOOKS:\n")[1].split("\nMANIFEST:\n")[0]), text


@functools.cache
def _installed(values: str) -> str:
    command = ["install", "demo", str(CHART), "--dry-run=client", "--values", "-"]
    done = helm(*command, values=json.loads(values))
    assert done.returncode == 0, done.stderr
    return done.stdout


def notes(values: Values) -> str:
    return installed(values)[1]


def test_notes_tell_the_lanes_to_expect() -> None:
    text = notes({})
    lines = [line.split() for line in text.splitlines()]
    assert ["lane", "weight", "mocka", "mockb", "mockc"] in lines
    assert ["v1", "40%", "v1", "v1", "v1"] in lines
    assert ["v2", "30%", "v2", "v1", "*", "v2"] in lines
    assert ["v3", "30%", "v3", "v3", "v1", "*"] in lines
    assert "export GATEWAY=<its external address>" in text
    assert "curl http://${GATEWAY}/;" in text
    assert "helm test demo -n default" in text


def test_notes_say_where_a_baseline_has_one_pod() -> None:
    said = "The baseline v1 has only one pod of: "
    two = {"replicas": 2}
    assert f"{said}mocka, mockb, mockc." in notes({})
    some: Values = {"services": {"mockb": two, "mocka": {"versions": {"v1": two}}}}
    assert f"{said}mockc." in notes(some)
    for none in (two, {"replicas": 1, "autoscaling": {"enabled": True}}):
        assert said not in notes({"defaults": none})


def test_notes_say_how_a_missing_injection_is_seen() -> None:
    assert "custom-columns" not in notes({})
    assert "-l app.kubernetes.io/part-of=demo" in notes({"instrumentation": {"mode": "operator"}})


def test_notes_of_strict_lanes() -> None:
    lines = [line.split() for line in notes({"lanes": {"mode": "strict"}}).splitlines()]
    assert ["v2", "30%", "v2", "503", "*", "v2"] in lines


def test_notes_name_the_host() -> None:
    assert "https://shop.example.com/;" in notes(EVERYTHING)


def test_notes_tell_which_mesh_the_routes_are_for() -> None:
    assert "routes are for Alibaba Cloud Service Mesh (mesh.provider asm)." in notes({})
    assert "routes are for upstream Istio (mesh.provider istio)." in notes(ISTIO)


def test_notes_tell_when_others_may_claim_the_same_hosts() -> None:
    assert "kubectl get virtualservices -A" in notes({})
    route: Values = ISTIO | {"gateway": {"parentRefs": [{"name": "web"}]}}
    assert "kubectl get httproutes -A" in notes(route)
    assert "gateway.hosts" not in notes({"gateway": {"hosts": ["shop.test"]}})


def test_notes_tell_how_to_check_for_sidecars() -> None:
    assert "kubectl get namespace default -L istio-injection" in notes({})


def test_notes_for_pods_of_ones_own_list_the_labels() -> None:
    values = yaml.safe_load(EXAMPLES["own-services"].read_text())
    text = notes(values)
    member = ",".join(f'"{label}":"true"' for label in kube.membership())
    labels = '{"app.kubernetes.io/version":"stable",' + member + "}"
    assert f"  cart, version stable: {labels}\n" in text
    assert "helm test" not in text


def test_notes_of_one_half_point_to_the_other() -> None:
    assert "--set workloads.enabled=false" in notes({"routing": {"enabled": False}})


def test_notes_tell_what_the_policies_know_pods_by() -> None:
    values: Values = {
        "workloads": {"enabled": False},
        "authorizationPolicy": {"enabled": True},
        "services": {"mockb": {"serviceAccount": {"name": "shared"}}},
    }
    assert '{"app":"mocka"}: mocka\n  {"app":"mockb"}: shared\n' in notes(values)
    assert "mocka: mocka" not in notes({"workloads": {"enabled": False}})


def planned(resources: list[Resource]) -> list[tuple[str, str]]:
    """Return kind and name of the resources that the test pod plans."""
    (config,) = of_kind(resources, "ConfigMap").values()
    found = yaml.safe_load_all(config["data"]["manifests.yaml"])
    return [(item["kind"], item["metadata"]["name"]) for item in found if item]


def test_the_test_pod_stays_out_of_the_mesh() -> None:
    (pod,) = of_kind(render(), "Pod").values()
    assert pod["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"
    assert pod["spec"]["restartPolicy"] == "Never"
    (container,) = pod["spec"]["containers"]
    assert container["command"] == ["lanes", "verify", "--require-entry"]
    assert container["args"] == [
        "http://istio-ingressgateway.istio-system.svc.cluster.local/",
        "--manifests=/manifests/manifests.yaml",
    ]


def test_the_test_is_one_hook_and_leaves_nothing_when_it_passes() -> None:
    text = template().stdout
    hooks = [item for item in yaml.safe_load_all(text) if "hook" in str(item["metadata"])]
    assert [item["kind"] for item in hooks] == ["List"], "Helm prints the logs of each hook's pod"
    for item in (*hooks, *hooks[0]["items"]):
        assert item["metadata"]["name"] == "demo-test"
        annotations = item["metadata"]["annotations"]
        assert annotations["helm.sh/hook"] == "test"
        assert "hook-succeeded" in annotations["helm.sh/hook-delete-policy"]


INSIDE = "istio-ingressgateway.istio-system.svc.cluster.local"
ASKED: dict[str, tuple[Values, list[str], str]] = {
    "a host": (
        {"gateway": {"hosts": ["shop.test"]}},
        [f"http://{INSIDE}/", "--host=shop.test"],
        "http://shop.test/",
    ),
    "any host, then one": (
        {"gateway": {"hosts": ["*", "shop.test"], "port": 8080}},
        [f"http://{INSIDE}:8080/", "--host=shop.test"],
        "http://shop.test:8080/",
    ),
    "hosts of a domain": (
        {"gateway": {"hosts": ["*.shop.test"]}},
        [f"http://{INSIDE}/", "--host=lanes.shop.test"],
        "http://lanes.shop.test/",
    ),
    "a certificate": (
        {"gateway": {"hosts": ["shop.test"], "tls": {"secret": "cert"}}},
        ["https://shop.test/", f"--resolve=shop.test:443:{INSIDE}"],
        "https://shop.test/",
    ),
    "a certificate, at another port": (
        {"gateway": {"hosts": ["*.shop.test"], "tls": {"secret": "cert", "port": 8443}}},
        ["https://lanes.shop.test:8443/", f"--resolve=lanes.shop.test:8443:{INSIDE}"],
        "https://lanes.shop.test:8443/",
    ),
    "a certificate for any host": (
        {"gateway": {"tls": {"secret": "cert"}}},
        [f"https://{INSIDE}/"],
        "https://${GATEWAY}/",
    ),
    "a certificate, and the host to try": (
        {"gateway": {"tls": {"secret": "cert"}}, "test": {"host": "shop.test"}},
        ["https://shop.test/", f"--resolve=shop.test:443:{INSIDE}"],
        "https://${GATEWAY}/",
    ),
    "a certificate of one's own authority": (
        {
            "gateway": {"hosts": ["shop.test"], "tls": {"secret": "cert"}},
            "test": {"ca": {"secret": "shop-ca"}, "resolve": "10.0.0.1"},
        },
        ["https://shop.test/", "--resolve=shop.test:443:10.0.0.1", "--ca=/ca/ca.crt"],
        "https://shop.test/",
    ),
    "a listener's port": (
        ISTIO
        | {"gateway": {"parentRefs": [{"name": "web", "port": 8081}], "hosts": ["shop.test"]}},
        ["http://web-istio.default.svc.cluster.local:8081/", "--host=shop.test"],
        "http://shop.test:8081/",
    ),
    "a URL": (
        {"gateway": {"hosts": ["shop.test"]}, "test": {"url": "http://gw.mesh:81/"}},
        ["http://gw.mesh:81/"],
        "http://shop.test/",
    ),
    "a URL, and where its host is": (
        {"test": {"url": "https://gw.test/", "resolve": "gw.mesh", "ca": {"configMap": "ca"}}},
        ["https://gw.test/", "--resolve=gw.test:443:gw.mesh", "--ca=/ca/ca.crt"],
        "http://${GATEWAY}/",
    ),
    "a URL and a host": (
        {"test": {"url": "http://gw.mesh/", "host": "shop.test", "requests": 2000000}},
        ["http://gw.mesh/", "--requests=2000000", "--host=shop.test"],
        "http://${GATEWAY}/",
    ),
}


@pytest.mark.parametrize(("values", "asked", "told"), ASKED.values(), ids=ASKED)
def test_where_the_gateway_is_asked(values: Values, asked: list[str], told: str) -> None:
    hooks, text = installed(values)
    (container,) = of_kind(hooks, "Pod")["demo-test"]["spec"]["containers"]
    url, _, *more = container["args"]
    assert [url, *more] == asked
    curl = text.split("do curl ")[1].split(";")[0]
    assert curl.split()[-1] == told
    if "GATEWAY" not in told:  # the host is found without DNS
        at = urlsplit(told)
        port = at.port or {"http": 80, "https": 443}[at.scheme]
        assert curl.startswith(f"--resolve {at.hostname}:{port}:${{GATEWAY}} ")


@pytest.mark.parametrize("kind", ["secret", "configMap"])
def test_the_test_trusts_a_certificate_authority_of_ones_own(kind: str) -> None:
    pod = of_kind(render({"test": {"ca": {kind: "shop-ca"}}}), "Pod")["demo-test"]["spec"]
    (container,) = pod["containers"]
    assert {"name": "ca", "mountPath": "/ca", "readOnly": True} in container["volumeMounts"]
    (volume,) = [item for item in pod["volumes"] if item["name"] == "ca"]
    name = {"secret": "secretName", "configMap": "name"}[kind]
    assert volume[kind][name] == "shop-ca"


def test_one_image_for_services_and_test() -> None:
    own: Values = {"repository": "registry.test/lanes", "tag": "7", "pullPolicy": "Always"}
    verifier: Values = {"repository": "registry.test/verifier"}
    for image, seen in (
        ({}, ("registry.test/lanes:7", "Always")),
        (verifier, ("registry.test/verifier:0.1.0", "IfNotPresent")),
    ):
        values: Values = {"defaults": {"image": own}, "test": {"image": image}}
        (container,) = of_kind(render(values), "Pod")["demo-test"]["spec"]["containers"]
        assert (container["image"], container["imagePullPolicy"]) == seen


def test_the_host_that_is_asked_is_one_that_the_gateway_serves() -> None:
    config = of_kind(render({"gateway": {"hosts": ["*.shop.test"]}}), "ConfigMap")["demo-test"]
    manifests = parse(config["data"]["manifests.yaml"])
    found = plan_of(*manifests, domain="lanes.shop.test")
    assert [lane.name for lane in found.lanes] == ["v1", "v2", "v3"]


def test_the_test_pod_plans_from_both_halves() -> None:
    whole = planned(render())
    assert ("VirtualService", "demo-gateway") in whole
    assert ("Deployment", "mocka-v1") in whole
    assert planned(render({"routing": {"enabled": False}})) == whole
    route: Values = {"gateway": {"parentRefs": [{"name": "web"}]}}
    assert planned(render(ISTIO | route)) == planned(render(ISTIO))


def test_no_test_for_pods_of_ones_own() -> None:
    assert not of_kind(render({"workloads": {"enabled": False}}), "Pod")


def test_the_test_queries_traces_where_values_say() -> None:
    (pod,) = of_kind(render({"test": {"traces": "http://tempo.tracing:3200"}}), "Pod").values()
    (container,) = pod["spec"]["containers"]
    assert container["args"][-1] == "--traces=http://tempo.tracing:3200"
    for wrong in ("tempo:3200", "http://me:secret@tempo:3200", "http://tempo 3200"):
        assert "/test/traces" in template({"test": {"traces": wrong}}).stderr


def test_no_test_where_it_is_off() -> None:
    off: Values = {"test": {"enabled": False}}
    assert not of_kind(render(off), "Pod")
    assert not of_kind(render(off), "ConfigMap")
    assert "helm test" not in notes(off)
