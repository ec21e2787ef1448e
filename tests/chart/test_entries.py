"""Several entry services, each with a path or a host."""

import pytest

from lanes.planning.plan import plan
from tests.chart.rendering import (
    GATEWAY_API,
    ISTIO,
    LANE,
    Values,
    of_kind,
    refusal,
    render,
    without_tests,
)
from tests.unit.lanes.reading import mesh_of

LANES: Values = {"enter": {"header": "x-lane", "match": {"v2": [{"path": "/b/beta"}]}}}
SERVICES: Values = {
    "mocka": {},
    "mockb": {"path": "/b"},
    "mockc": {"path": "/b/c"},
    "users": {"host": "users.test"},
}
ENTRIES: Values = {
    "lanes": LANES,
    "services": {"users": {"versions": {"v1": {}, "v3": {}}, "port": 81}},
    "gateway": {"services": SERVICES},
}
ROUTE: Values = {"gateway": {"services": SERVICES, "parentRefs": [{"name": "web"}]}}
MESHES = {
    "asm": ENTRIES,
    "istio": ENTRIES | ISTIO,
    "HTTPRoute": ENTRIES | ISTIO | ROUTE,
    "gateway-api": ENTRIES | GATEWAY_API | ROUTE,
}
# Path and host of a request, where each lane begins, and the entry rules of v2.
ASKED: dict[tuple[str, str | None], tuple[str, list[str], list[str]]] = {
    ("/", None): ("mocka", ["v1", "v2", "v3"], ["x-lane: v2"]),
    ("/bb", None): ("mocka", ["v1", "v2", "v3"], ["x-lane: v2"]),
    ("/b", None): ("mockb", ["v1", "v1", "v3"], ["x-lane: v2", "path /b/beta"]),
    ("/b/c/d", None): ("mockc", ["v1", "v2", "v1"], ["x-lane: v2"]),
    ("/b", "users.test"): ("users", ["v1", "v1", "v3"], ["x-lane: v2", "path /b/beta"]),
}


@pytest.mark.parametrize("values", MESHES.values(), ids=MESHES)
def test_each_entry_has_its_requests_and_every_lane(values: Values) -> None:
    resources = without_tests(render(values))
    mesh = mesh_of(*resources)
    for (path, host), (service, versions, rules) in ASKED.items():
        lanes = plan(mesh, path, host).lanes
        # With HTTPRoutes, the Gateway calls a Service for each version: mocka-lane-v2.
        hops = [
            (hop.service.partition("-lane-")[0], hop.version)
            for hop in (lane.entry for lane in lanes)
        ]
        assert hops == [(service, version) for version in versions]
        assert [lane.weight for lane in lanes] == [40, 30, 30]
        assert sorted(map(str, lanes[1].entry_rules)) == sorted(rules)
    for policy in of_kind(resources, "NetworkPolicy").values():
        peers = policy["spec"]["ingress"][0]["from"]
        assert any("namespaceSelector" in peer for peer in peers), "the gateway is shut out"
    if gateways := of_kind(resources, "Gateway"):
        assert gateways["demo-gateway"]["spec"]["servers"][0]["hosts"] == ["*"]


def test_a_host_that_an_entry_names_is_its_own_where_it_takes_every_path() -> None:
    entries: Values = {
        "mocka": {},
        "mockb": {"path": "/b"},
        "mockc": {"host": "c.test", "path": "/c"},
        "users": {"host": "users.test"},
    }
    values = ENTRIES | {"gateway": {"hosts": ["*.test", "c.test"], "services": entries}}
    resources = without_tests(render(values))
    hosts = of_kind(resources, "Gateway")["demo-gateway"]["spec"]["servers"][0]["hosts"]
    assert hosts == ["*.test"]
    mesh = mesh_of(*resources)
    for path, host, service in (
        ("/b", "shop.test", "mockb"),
        ("/b", "c.test", "mockb"),
        ("/c", "c.test", "mockc"),
        ("/", "c.test", "mocka"),
        ("/b", "users.test", "users"),
    ):
        assert plan(mesh, path, host).lanes[0].entry.service == service


def test_each_entry_is_tested() -> None:
    pods = of_kind(render(ENTRIES), "Pod")
    assert {name: pod["spec"]["containers"][0]["args"][2:] for name, pod in pods.items()} == {
        "demo-test": [],
        "demo-test-mockb": ["--path=/b"],
        "demo-test-mockc": ["--path=/b/c"],
        "demo-test-users": ["--host=users.test"],
    }
    by_host: Values = LANE | {
        "lanes": {"only": "pr-1", "enter": {"host": "*.lanes.test"}},
        "gateway": LANE["gateway"] | {"services": {"mocka": {}, "mockc": {"host": "c.test"}}},
    }
    assert list(of_kind(render(by_host), "Pod")) == ["demo-test"]  # c.test is no way into pr-1


def test_entries_that_do_not_fit_are_told() -> None:
    services: Values = {
        "shop": {},
        "mocka": {"host": "v1.pre.test"},
        "mockb": {"host": "b.test", "path": "/b"},
        "mockc": {"host": "b.test", "path": "/b"},
    }
    values: Values = {
        "lanes": {"enter": {"host": "*.pre.test"}},
        "gateway": {"services": services, "hosts": ["b.test"]},
    }
    told = refusal(values)
    for sentence in (
        'gateway.services: "shop" is not a service. Use one of services (mocka, mockb, mockc).',
        "mockb and mockc would both take /b of b.test. Give one a path or a host of its own.",
        "mocka.host: v1.pre.test leads into lane v1, by lanes.enter.host. Use another host.",
    ):
        assert sentence in told
    values["gateway"]["services"] = services | {"shop": None}
    assert "each of gateway.services has a host, so none answers at a lane's" in refusal(values)
    behind: Values = {"mocka": {}, "mockb": {"path": "/b"}}
    behind["mockc"] = {"path": "/b", "host": "b.test"}
    told = refusal({"gateway": {"services": behind, "hosts": ["b.test"]}})
    assert (
        "gateway.services: mockb would get no request, because others take all requests of" in told
    )
    assert told.count("\n- ") == 1
