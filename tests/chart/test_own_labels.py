"""Routing without workloads, for Deployments with the team's own labels and ports."""

import json
from typing import Any

import pytest

from tests import kube
from tests.chart.rendering import CHART, GATEWAY_API, ISTIO, Values, helm, of_kind, refusal, render

OWN: Values = {
    "lanes": {"baseline": "v1", "weights": {"v1": 100, "next": 0}, "label": "track"},
    "workloads": {"enabled": False},
    "defaults": {"selector": {"app.kubernetes.io/name": ""}},
    "services": {
        "web": {"versions": {"v1": {}, "next": {}}, "upstreams": ["cart"], "targetPort": 8080},
        "cart": {
            "versions": {"v1": {}},
            "selector": {"app.kubernetes.io/name": "basket", "tier": "back"},
            "versionLabel": "release",
            "targetPort": "api",
        },
    },
}
WEB, CART = {"app.kubernetes.io/name": "web"}, {"app.kubernetes.io/name": "basket", "tier": "back"}
ON: Values = {"enabled": True}
POLICIES: Values = {"peerAuthentication": ON, "authorizationPolicy": ON}


def test_services_of_versions_find_pods_by_the_teams_labels_and_ports() -> None:
    services = of_kind(render(GATEWAY_API | OWN), "Service")
    assert {name: one["spec"]["selector"] for name, one in services.items()} == {
        "web-v1": WEB | {"track": "v1"},
        "web-next": WEB | {"track": "next"},
        "cart-v1": CART | {"release": "v1"},
    }
    ports = {name: one["spec"]["ports"][0]["targetPort"] for name, one in services.items()}
    assert ports == {"web-v1": 8080, "web-next": 8080, "cart-v1": "api"}


def test_so_do_those_of_an_httproute_on_istio() -> None:
    attached: Values = {"gateway": {"parentRefs": [{"name": "web"}]}}
    services = of_kind(render(ISTIO | OWN | attached), "Service")
    assert {name: one["spec"]["selector"] for name, one in services.items()} == {
        "web-lane-v1": WEB | {"track": "v1"},
        "web-lane-next": WEB | kube.membership("next"),
    }
    rules = of_kind(render(ISTIO | OWN | attached), "DestinationRule")
    balancer = rules["web-lane-next"]["spec"]["trafficPolicy"]["loadBalancer"]
    assert balancer["localityLbSetting"]["failoverPriority"] == ["track=next"]


@pytest.mark.parametrize("provider", [{}, ISTIO], ids=["asm", "istio"])
def test_pods_of_a_service_with_one_version_need_no_label(provider: Values) -> None:
    def subsets(values: Values) -> dict[str, Any]:
        rules = of_kind(render(provider | values), "DestinationRule")
        return {
            f"{name} {subset['name']}": subset["labels"]
            for name, rule in rules.items()
            for subset in rule["spec"]["subsets"]
        }

    found = subsets(OWN)
    assert found["cart v1"] == {}
    assert found["web v1"] == {"track": "v1"}
    everywhere = subsets(OWN | {"lanes": OWN["lanes"] | {"rules": "all"}})
    assert everywhere["cart v1"] == {"release": "v1"}


def test_policies_find_pods_by_them_too() -> None:
    resources = render(ISTIO | OWN | POLICIES)
    for kind in ("PeerAuthentication", "AuthorizationPolicy"):
        found = of_kind(resources, kind)
        assert found["web"]["spec"]["selector"]["matchLabels"] == WEB
        assert found["cart"]["spec"]["selector"]["matchLabels"] == CART


def test_they_may_call_each_other() -> None:
    cart = OWN["services"]["cart"] | {"upstreams": ["web"]}
    services: Values = {"services": OWN["services"] | {"cart": cart}}
    gateway: Values = {"gateway": {"services": {"web": {}}}}
    assert "cart" in of_kind(render(ISTIO | OWN | services | gateway), "VirtualService")


def notes(values: Values) -> str:
    done = helm("install", "demo", str(CHART), "--dry-run=client", "--values", "-", values=values)
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("NOTES:\n")[2]


def test_notes_say_which_labels_which_pods_need() -> None:
    said = notes(ISTIO | OWN)
    for version, lane in (("v1", ""), ("next", "next")):
        labels = json.dumps({"track": version} | kube.membership(lane), separators=(",", ":"))
        assert f"  web, version {version}: {labels}\n" in said
    assert "cart, version" not in said
    said = notes(GATEWAY_API | OWN)
    labels = '{"app.kubernetes.io/name":"basket","release":"v1","tier":"back"}'
    assert f"  cart, version v1: {labels}\n" in said


REFUSED = {
    "of the chart's own pods": (
        OWN | {"workloads": ON},
        "services.cart.selector: the chart labels the pods that it makes. Remove the key, or ",
    ),
    "that is taken": (
        OWN | {"services": {"web": {"versions": {"v1": {}, "next": {}}, "versionLabel": "app"}}},
        "services.web.versionLabel: the chart sets app itself, to something else than the",
    ),
}


@pytest.mark.parametrize(("values", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_label_that_cannot_be_is_refused(values: Values, sentence: str) -> None:
    assert f"\n- {sentence}" in refusal(values)
