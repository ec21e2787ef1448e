"""Entry rules: the gateway's rules before the split, for each provider."""

from typing import Any

import pytest

from tests.chart.rendering import ENTRY_RULES, ISTIO, Values, of_kind, render, without_tests
from tests.unit.lanes.reading import entry_rules_of, plan_of

ROUTED: Values = ISTIO | {"gateway": {"parentRefs": [{"name": "web"}]}}
NEW: Values = {"lanes": {"weights": {"pr-1": 0}}, "services": {"mockb": {"versions": {"pr-1": {}}}}}


def rules(values: Values) -> dict[str, Any]:
    """Return the gateway's rules by name, in their order."""
    found = of_kind(render(values), "VirtualService")["demo-gateway"]["spec"]["http"]
    return {rule["name"]: rule for rule in found}


def entry_rules(values: Values) -> dict[str, list[str]]:
    """Return the planned entry rules of each lane."""
    return entry_rules_of(plan_of(*without_tests(render(values))))


@pytest.mark.parametrize("values", [{}, ISTIO, ROUTED], ids=["asm", "istio", "HTTPRoute"])
def test_the_plan_shows_each_lanes_entry_rules(values: Values) -> None:
    lanes = NEW["lanes"] | {
        "enter": {
            "header": "x-lane",
            "cookie": "lane",
            "lanes": {"pr-1": True},
            "match": {"v2": [{"path": "/beta"}, {"headers": {"x-user": {"prefix": "j"}}}]},
        }
    }
    assert entry_rules(values | NEW | {"lanes": lanes}) == {
        "v1": [],
        "v2": ["path /beta", "x-user: j"],
        "v3": [],
        "pr-1": ["x-lane: pr-1", "cookie: lane=pr-1"],
    }


def test_a_host_of_its_own_is_served_beside_the_others() -> None:
    values: Values = {"lanes": {"enter": {"host": "*.preview.test"}}}
    served = values | {"gateway": {"hosts": ["shop.test"]}}
    assert entry_rules(served)["v2"] == ["host v2.preview.test"]
    resources = render(served)
    (gateway,) = of_kind(resources, "Gateway").values()
    assert gateway["spec"]["servers"][0]["hosts"] == ["shop.test", "*.preview.test"]
    assert of_kind(render(values), "VirtualService")["demo-gateway"]["spec"]["hosts"] == ["*"]


def test_the_plainest_word_comes_first_and_the_split_last() -> None:
    values = {"lanes": ENTRY_RULES["lanes"] | {"weights": {"v1": 70, "v3": 0}}}
    assert list(rules(values)) == [
        "v2-by-header",
        "v2-by-host",
        "v3-by-match",
        "v1-sticky",
        "v2-sticky",
        "lanes",
    ]


def test_a_lane_without_the_first_service_enters_at_the_baseline() -> None:
    enter = {"lanes": NEW["lanes"] | {"enter": {"header": "x-lane"}}}
    for provider in ("asm", "istio"):
        values = NEW | enter | {"mesh": {"provider": provider}}
        (route,) = rules(values)["pr-1-by-header"]["route"]
        assert route["destination"]["subset"] == "v1"
        assert "pr-1" in str(route["headers"]["request"])


@pytest.mark.parametrize("secret", ["", "cert"])
def test_the_cookie_of_a_drawn_lane(secret: str) -> None:
    month = {"sticky": {"cookie": "kept", "maxAge": 2592000}}
    values = {"lanes": ENTRY_RULES["lanes"] | month, "gateway": {"tls": {"secret": secret}}}
    split = rules(values)["lanes"]["route"]
    said = [route["headers"]["response"] for route in split]
    assert said == [
        {
            "set": {"x-lane": lane},
            "add": {
                "set-cookie": f"kept={lane}; Max-Age=2592000; Path=/; HttpOnly; SameSite=Lax"
                + "; Secure" * bool(secret)
            },
        }
        for lane in ("v1", "v2", "v3")
    ]


def test_lanes_that_go_take_their_entry_rules_with_them() -> None:
    """A file more takes away what another has brought."""
    enter = {"lanes": {"pr-1": True, "v2": True}, "match": {"pr-1": [{"path": "/beta"}]}}
    lanes = {"weights": {"pr-1": None}, "enter": {"header": "x-lane"} | enter}
    assert list(rules(NEW | {"lanes": lanes})) == ["v2-by-header", "lanes"]


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({}, {"default-demo-enter": ("istio-system", {"istio": "ingressgateway"})}),
        (
            {"gateway": {"parentRefs": [{"name": n, "namespace": "edge"} for n in "aab"]}},
            {
                f"default-demo-{name}-enter": (
                    "edge",
                    {"gateway.networking.k8s.io/gateway-name": name},
                )
                for name in "ab"
            },
        ),
    ],
)
def test_who_may_enter_is_asked_at_the_gateway(values: Values, names: dict[str, Any]) -> None:
    lanes = {"lanes": {"enter": {"header": "x-lane", "from": ["10.0.0.0/8"]}}}
    policies = of_kind(render(ISTIO | values | lanes), "AuthorizationPolicy")
    assert {
        name: (policy["metadata"]["namespace"], policy["spec"]["selector"]["matchLabels"])
        for name, policy in policies.items()
    } == names
    for policy in policies.values():
        assert policy["spec"]["action"] == "DENY"
        (rule,) = policy["spec"]["rules"]
        assert rule["from"] == [{"source": {"notRemoteIpBlocks": ["10.0.0.0/8"]}}]
        assert rule["when"][0]["values"] == ["v1", "v2", "v3"]


def test_nobody_is_asked_where_no_entry_rule_is_open() -> None:
    lanes: Values = {"lanes": {"enter": {"from": ["10.0.0.0/8"]}}}
    assert not of_kind(render(lanes), "AuthorizationPolicy")
