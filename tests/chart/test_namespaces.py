"""Services of one release in several namespaces: their resources and references."""

from typing import Any

import pytest

from tests.chart.api_server import cluster
from tests.chart.rendering import (
    EVERYTHING,
    GATEWAY_API,
    ISTIO,
    Resource,
    Values,
    of_kind,
    render,
    template,
    without_tests,
)

# The first and the second are called from another namespace, the third from its own.
APART: Values = EVERYTHING | {
    "services": {"mocka": {"namespace": "front"}, "mockb": {}, "mockc": {}},
    "defaults": EVERYTHING["defaults"] | {"namespace": "back"},
}
ROUTED: Values = ISTIO | {"gateway": GATEWAY_API["gateway"]}
FORMS = {"asm": {}, "istio, HTTPRoute": ROUTED, "gateway-api": GATEWAY_API}
NAMESPACES = {"mocka": "front", "mockb": "back", "mockc": "back"}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_each_resource_is_in_the_namespace_of_its_service(form: Values) -> None:
    resources = without_tests(render(APART | form, "--namespace", "shop"))
    for resource in resources:
        metadata = resource["metadata"]
        service = metadata["name"].partition("-")[0]
        if resource["kind"] == "ASMHeaderPropagation":
            continue
        if resource["kind"] == "ReferenceGrant":
            assert metadata["namespace"] == "front"
            assert resource["spec"]["from"][0]["namespace"] == "shop"
        else:
            assert metadata["namespace"] == NAMESPACES.get(service, "shop"), metadata["name"]
    propagating = [r for r in resources if r["kind"] == "ASMHeaderPropagation"]
    there = ["back", "front"] if form == {} else []
    assert [r["metadata"]["namespace"] for r in propagating] == there


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_what_leads_to_a_service_elsewhere_names_its_namespace(form: Values) -> None:
    resources = without_tests(render(APART | form, "--namespace", "shop"))
    assert peers(resources, "mockb") == [("front", "mocka")]
    assert peers(resources, "mockc") == [("", "mockb")]
    policy = of_kind(resources, "AuthorizationPolicy")["mockb"]["spec"]["rules"][0]
    assert policy["from"] == [{"source": {"principals": ["cluster.local/ns/front/sa/mocka"]}}]
    pods = {n: d["spec"]["template"] for n, d in of_kind(resources, "Deployment").items()}
    env = {each["name"]: each for each in pods["mocka-v1"]["spec"]["containers"][0]["env"]}
    assert env["upstream_url"]["value"] == "http://mockb.back:8000/"
    inject = pods["mocka-v1"]["metadata"]["annotations"]
    assert inject["instrumentation.opentelemetry.io/inject-python"] == "shop/demo-instrumentation"
    monitor = of_kind(resources, "ServiceMonitor")["demo"]["spec"]
    assert monitor["namespaceSelector"] == {"matchNames": ["back", "front"]}
    hosts = [rule["spec"]["host"] for rule in of_kind(resources, "DestinationRule").values()]
    assert all(h.startswith("mocka") == h.endswith(".front.svc.cluster.local") for h in hosts)
    routes = of_kind(resources, "HTTPRoute") if form else {}
    for route in (route for name, route in routes.items() if name.startswith("demo-")):
        backends = [ref for rule in route["spec"]["rules"] for ref in rule["backendRefs"]]
        assert {ref["namespace"] for ref in backends} == {"front"}


def peers(resources: list[Resource], service: str) -> list[tuple[str, str]]:
    """Return the callers that a service's policy allows: namespace, "" for its own, and `app`."""
    rule = of_kind(resources, "NetworkPolicy")[service]["spec"]["ingress"][0]
    found: list[dict[str, Any]] = [peer for peer in rule["from"] if "podSelector" in peer]
    return [
        (
            peer.get("namespaceSelector", {})
            .get("matchLabels", {})
            .get("kubernetes.io/metadata.name", ""),
            peer["podSelector"]["matchLabels"]["app"],
        )
        for peer in found
    ]


def test_a_namespace_that_is_not_there_is_named() -> None:
    with cluster() as options:
        said = template({"services": {"mockb": {"namespace": "elsewhere"}}}, *options).stderr
    assert "- services: the namespace elsewhere does not exist. Create it first" in said
    assert said.count("\n- ") == 1


def test_names_may_be_alike_in_two_namespaces() -> None:
    """Deployments, ServiceAccounts, and routes beside the gateway's, which is in the release's."""
    alike: Values = {
        "services": {
            "mocka": {"upstreams": ["mockb", "a", "a-b", "demo-gateway"]},
            "a": {"versions": {"v1": {}, "b-v1": {}}},
            "a-b": {"versions": {"v1": {}}, "namespace": "elsewhere"},
            "demo-gateway": {"versions": {"v1": {}}, "namespace": "elsewhere"},
        },
        "lanes": {"weights": {"b-v1": 0}},
        "defaults": {"serviceAccount": {"name": "shared"}},
    }
    resources = render(alike)
    assert sum(r["metadata"]["name"] == "a-b-v1" for r in resources) == 2
    accounts = [r["metadata"] for r in resources if r["kind"] == "ServiceAccount"]
    assert [a["namespace"] for a in accounts] == ["default", "elsewhere"]
