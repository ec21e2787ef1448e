"""Where requests come in: a gateway that the chart makes, one that is there, notes and test."""

import re

import yaml

from tests.chart.rendering import (
    CHART,
    EVERYTHING,
    EXAMPLES,
    ISTIO,
    Resource,
    Values,
    helm,
    of_kind,
    render,
)


def test_plain_http_by_default() -> None:
    (gateway,) = of_kind(render(), "Gateway").values()
    assert gateway["spec"]["selector"] == {"istio": "ingressgateway"}
    assert gateway["spec"]["servers"] == [
        {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
    ]


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


def notes(values: Values) -> str:
    done = helm("install", "demo", str(CHART), "--dry-run=client", "--values", "-", values=values)
    assert done.returncode == 0, done.stderr
    text = done.stdout.split("NOTES:\n")[1]
    assert not re.search(r"[ \t]$", text, re.MULTILINE), "trailing spaces"
    return text


def test_notes_tell_the_lanes_to_expect() -> None:
    text = notes({})
    lines = [line.split() for line in text.splitlines()]
    assert ["lane", "weight", "mocka", "mockb", "mockc"] in lines
    assert ["v1", "40%", "v1", "v1", "v1"] in lines
    assert ["v2", "30%", "v2", "v1", "*", "v2"] in lines
    assert ["v3", "30%", "v3", "v3", "v1", "*"] in lines
    assert "curl http://${GATEWAY_IP}/" in text
    assert "helm test demo -n default" in text


def test_notes_of_strict_lanes() -> None:
    lines = [line.split() for line in notes({"lanes": {"mode": "strict"}}).splitlines()]
    assert ["v2", "30%", "v2", "503", "*", "v2"] in lines


def test_notes_name_the_host() -> None:
    assert "curl https://shop.example.com/;" in notes(EVERYTHING)


def test_notes_for_pods_of_ones_own_list_the_labels() -> None:
    values = yaml.safe_load(EXAMPLES["own-services"].read_text())
    text = notes(values)
    assert 'cart, app.kubernetes.io/version stable: traffic-lanes/next: "true"' in text
    assert "helm test" not in text


def test_notes_of_one_half_point_to_the_other() -> None:
    assert "--set workloads.enabled=false" in notes({"routing": {"enabled": False}})


def planned(resources: list[Resource]) -> list[tuple[str, str]]:
    """What the test pod makes its plan from."""
    (config,) = of_kind(resources, "ConfigMap").values()
    found = yaml.safe_load_all(config["data"]["manifests.yaml"])
    return [(item["kind"], item["metadata"]["name"]) for item in found if item]


def test_the_test_pod_stays_out_of_the_mesh() -> None:
    (pod,) = of_kind(render(), "Pod").values()
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert pod["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"
    assert pod["spec"]["restartPolicy"] == "Never"
    (container,) = pod["spec"]["containers"]
    assert container["command"] == [
        "lanes",
        "verify",
        "http://istio-ingressgateway.istio-system.svc.cluster.local:80/",
        "--manifests",
        "/manifests/manifests.yaml",
        "--requests",
        "200",
    ]


def test_the_test_pod_plans_from_both_halves() -> None:
    whole = planned(render())
    assert ("VirtualService", "demo-gateway") in whole
    assert ("Deployment", "mocka-v1") in whole
    assert planned(render({"routing": {"enabled": False}})) == whole
    route: Values = {"gateway": {"parentRefs": [{"name": "web"}]}}
    assert planned(render(ISTIO | route)) == planned(render(ISTIO))


def test_no_test_for_pods_of_ones_own() -> None:
    assert not of_kind(render({"workloads": {"enabled": False}}), "Pod")
