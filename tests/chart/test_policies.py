"""Timeouts, retries, outlier detection and connection pools of a service, in Istio's resources."""

from typing import Any

import pytest

from tests.chart.rendering import GATEWAY_API, ISTIO, Values, of_kind, refusal, render

EJECTED: Values = {
    "splitExternalLocalOriginErrors": True,
    "consecutiveLocalOriginFailures": 1,
    "consecutiveGatewayErrors": 0,
    "consecutive5xxErrors": 0,
    "interval": "500ms",
    "baseEjectionTime": "2s",
    "maxEjectionPercent": 100,
    "minHealthPercent": 1,
}
STRICT: Values = {"lanes": {"mode": "strict"}}
OUTLIERS: Values = {"consecutive5xxErrors": 7}
TCP: Values = {
    "connectTimeout": "1s",
    "tcpKeepalive": {"time": "1s", "interval": "1s", "probes": 1},
}
HTTP: Values = {"idleTimeout": "1s"}
POOL: Values = {"http": {"http1MaxPendingRequests": 8}}
POLICIES: Values = {
    "defaults": {
        "route": {"timeout": "5s", "retries": {"attempts": 3}},
        "trafficPolicy": {"outlierDetection": OUTLIERS},
    },
    "services": {
        "mockb": {
            "route": {"timeout": "2s", "retries": {"attempts": 0}},
            "trafficPolicy": {"connectionPool": POOL},
        }
    },
}


def http(resources: list[Values], name: str) -> list[tuple[str, Any]]:
    rules = of_kind(resources, "VirtualService")[name]["spec"]["http"]
    assert len({str((rule["timeout"], rule["retries"])) for rule in rules}) == 1
    return [(rules[0]["timeout"], rules[0]["retries"])]


def test_a_services_own_go_over_the_charts() -> None:
    resources = render(POLICIES | ISTIO)
    ((timeout, retries),) = http(resources, "mocka")
    assert (timeout, retries["attempts"], retries["retryRemoteLocalities"]) == ("5s", 3, True)
    assert http(resources, "demo-gateway") == [(timeout, retries)]
    assert http(resources, "mockb") == [("2s", {"attempts": 0})]  # Istio refuses more beside none
    assert http(render(POLICIES), "mocka") == [("5s", {"attempts": 3})]
    rule = of_kind(resources, "DestinationRule")["mockb"]["spec"]
    policy = rule["trafficPolicy"]
    assert policy["connectionPool"] == {"tcp": TCP, "http": HTTP | POOL["http"]}
    assert policy["outlierDetection"] == EJECTED | OUTLIERS
    attached = render(POLICIES | ISTIO | {"gateway": {"parentRefs": [{"name": "web"}]}})
    rules = of_kind(attached, "DestinationRule")
    for lane in ("v1", "v2"):
        ejected = rules[f"mocka-lane-{lane}"]["spec"]["trafficPolicy"]["outlierDetection"]
        assert ejected == EJECTED | OUTLIERS


def test_retries_by_a_grpc_status_are_a_services_own() -> None:
    retries: Values = {"attempts": 1, "retryOn": "unavailable,cancelled"}
    own: Values = {"services": {"mockb": {"appProtocol": "grpc", "route": {"retries": retries}}}}
    for provider, more in (({}, {}), (ISTIO, {"retryRemoteLocalities": True})):
        rules = of_kind(render(provider | own), "VirtualService")["mockb"]["spec"]["http"]
        assert all(rule["retries"] == retries | more for rule in rules)


def test_an_http_route_has_the_timeout_alone() -> None:
    values: Values = GATEWAY_API | {"services": {"mocka": {"route": {"timeout": "2s"}}}}
    routes = of_kind(render(values), "HTTPRoute")
    for name in ("demo-gateway", "mocka", "mocka-v2"):
        for rule in routes[name]["spec"]["rules"]:
            assert rule["timeouts"] == {"request": "2s"}
    told = refusal(GATEWAY_API | POLICIES)
    assert "services.mockb.trafficPolicy belongs to a DestinationRule" in told
    assert "services.mockb.route.retries is not supported with mesh.provider gateway-api" in told


@pytest.mark.parametrize("values", [{}, ISTIO, STRICT, ISTIO | STRICT])
def test_every_subset_loses_a_pod_that_can_not_be_reached(values: Values) -> None:
    """The baseline's too: a subset has its rule's settings, but for those that it says itself."""
    for rule in of_kind(render(values), "DestinationRule").values():
        assert rule["spec"]["trafficPolicy"] == {
            "connectionPool": {"tcp": TCP, "http": HTTP},
            "outlierDetection": EJECTED,
        }
        for subset in rule["spec"]["subsets"]:
            assert subset.get("trafficPolicy", {}).keys() <= {"loadBalancer"}


def test_zeros_and_all_of_a_services_own_count() -> None:
    own: Values = {
        "outlierDetection": {"consecutiveLocalOriginFailures": 0, "minHealthPercent": 0}
        | {"splitExternalLocalOriginErrors": False, "baseEjectionTime": "30s"},
        "connectionPool": {
            "tcp": {"connectTimeout": "3s", "maxConnections": 5},
            "http": {"idleTimeout": "1h"},
        },
    }
    values: Values = ISTIO | {"services": {"mockb": {"trafficPolicy": own}}}
    policy = of_kind(render(values), "DestinationRule")["mockb"]["spec"]["trafficPolicy"]
    assert policy["outlierDetection"] == EJECTED | own["outlierDetection"]
    assert policy["connectionPool"] == {
        "tcp": TCP | own["connectionPool"]["tcp"],
        "http": {"idleTimeout": "1h"},
    }


def test_a_route_takes_no_destinations() -> None:
    route: Values = {"services": {"mockb": {"route": {"route": []}}}}
    assert "additional properties 'route' not allowed" in refusal(route)
