"""Timeouts, retries, outlier detection and connection pools of a service, in Istio's words."""

from typing import Any

from tests.chart.rendering import GATEWAY_API, ISTIO, Values, of_kind, refusal, render

OUTLIERS: Values = {"consecutive5xxErrors": 7}
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
    assert rule["trafficPolicy"] == {"outlierDetection": OUTLIERS, "connectionPool": POOL}
    ejected = rule["subsets"][1]["trafficPolicy"]["outlierDetection"]
    assert ejected.items() >= (OUTLIERS | {"maxEjectionPercent": 100, "interval": "500ms"}).items()
    attached = render(POLICIES | ISTIO | {"gateway": {"parentRefs": [{"name": "web"}]}})
    rules = of_kind(attached, "DestinationRule")
    assert rules["mocka-lane-v1"]["spec"]["trafficPolicy"] == {"outlierDetection": OUTLIERS}
    assert rules["mocka-lane-v2"]["spec"]["trafficPolicy"]["outlierDetection"] == ejected


def test_an_http_route_has_the_timeout_alone() -> None:
    values: Values = GATEWAY_API | {"services": {"mocka": {"route": {"timeout": "2s"}}}}
    routes = of_kind(render(values), "HTTPRoute")
    for name in ("demo-gateway", "mocka", "mocka-v2"):
        for rule in routes[name]["spec"]["rules"]:
            assert rule["timeouts"] == {"request": "2s"}
    told = refusal(GATEWAY_API | POLICIES)
    assert "services.mockb.trafficPolicy is a DestinationRule's" in told
    assert "services.mockb.route.retries: with mesh.provider gateway-api an HTTPRoute has" in told


def test_what_lanes_fall_back_by_stays_the_charts() -> None:
    policy: Values = {"outlierDetection": {"maxEjectionPercent": 10}}
    values: Values = ISTIO | {"services": {"mockb": {"trafficPolicy": policy}}}
    assert "outlierDetection: maxEjectionPercent is the chart's to set, for a lane" in refusal(
        values
    )
    route: Values = {"services": {"mockb": {"route": {"route": []}}}}
    assert "additional properties 'route' not allowed" in refusal(route)
