"""Upgrades that read the cluster: lanes with requests, and replicas set by an autoscaler."""

import pytest

from tests.chart.api_server import cluster
from tests.chart.rendering import (
    GATEWAY_API,
    ISTIO,
    Values,
    of_kind,
    parse,
    render,
    template,
)

ELSEWHERE: Values = {"defaults": {"namespace": "elsewhere"}}
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "elsewhere"}}
STRICT: Values = {"lanes": {"mode": "strict"}}
ROUTE: Values = {"gateway": {"parentRefs": [{"name": "web"}]}}
FORMS: dict[str, Values] = {
    "istio": ISTIO,
    "istio, strict": ISTIO | STRICT,
    "istio, HTTPRoute": ISTIO | ROUTE,
    "asm, strict": STRICT,
    "gateway-api": GATEWAY_API,
}
SERVICES: Values = {
    "mocka": {"versions": {"v3": None, "v4": {}}},
    "mockb": {"versions": {"v3": None}},
}
LATE: Values = {"mockc": {"upstreams": ["late"]}, "late": {"versions": {"v1": {}, "v2": {}}}}


def lanes(form: Values, services: Values | None = None, **weights: int | None) -> Values:
    """Return values of a form with changes to the chart's weights: v1 40, v2 30, v3 30."""
    changed = form.get("lanes", {}) | {"weights": weights}
    return form | {"lanes": changed, "services": services or {}}


# `helm test` would have a copy of everything, rendered once more.
UNTESTED: Values = {"test": {"enabled": False}}


def refused(before: Values, after: Values) -> str:
    """Return Helm's errors for an upgrade from one set of values to another."""
    with cluster(NAMESPACE, *render(before | UNTESTED)) as options:
        return template(after | UNTESTED, *options).stderr


def passes(before: Values, *steps: Values) -> None:
    """Upgrade step by step; the cluster of each step holds what the last one rendered."""
    there = render(before | UNTESTED)
    for after in steps:
        with cluster(NAMESPACE, *there) as options:
            done = template(after | UNTESTED, *options)
        assert not done.stderr
        there = parse(done.stdout)
        assert there


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_lane_with_a_weight_neither_comes_nor_goes_in_one_upgrade(form: Values) -> None:
    after = lanes(form, SERVICES, v1=50, v3=None, v4=20)
    renamed: Values = {"services": {"mocka": {"host": "shop.test"}}}
    said = refused(form, after | {"gateway": form.get("gateway", {}) | renamed})
    assert (
        "lanes.weights lacks v3, which has 30% of the requests now. Set its weight to 0 first"
        in said
    )
    assert (
        "lanes.weights: the lane v4 is new. Set its weight to 0 first, and to 20 with the" in said
    )
    assert said.count("\n- ") == 2


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_in_two_steps_it_does(form: Values) -> None:
    """A service more needs none, though lanes with a weight have versions of it."""
    idle = lanes(form, LATE, v1=70, v3=0)
    replaced = lanes(form, LATE | SERVICES, v1=70, v3=None, v4=0)
    busy = lanes(form, LATE | SERVICES, v1=50, v3=None, v4=20)
    passes(form, idle, replaced, busy)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_lane_that_the_first_service_lacks_is_known_by_its_header(form: Values) -> None:
    without: Values = {"mocka": {"versions": {"v3": None}}}
    before = lanes(form, without)
    passes(before, lanes(form, without, v1=50, v3=20))
    gone: Values = without | {"mockb": {"versions": {"v3": None}}}
    said = refused(before, lanes(form, gone, v1=70, v3=None))
    assert "lanes.weights lacks v3, which has 30% of the requests now" in said
    assert said.count("\n- ") == 1


def test_the_fallback_of_asm_takes_what_a_step_would_cost() -> None:
    passes({}, lanes({}, SERVICES, v1=50, v3=None, v4=20))


def test_a_release_without_routing_has_no_lanes_to_lose() -> None:
    said = refused(ISTIO | {"routing": {"enabled": False}}, ISTIO)
    assert "lanes.weights" not in said


V2_AT_MOCKB: Values = {"mockb": {"versions": {"v2": {}}}}
AT_ONCE = (
    "services.mockb: lane {} is {} here, and has 30% of the requests{}. Set its weight to 0 first,"
    " and {} with"
)


@pytest.mark.parametrize(
    "form",
    [ISTIO | ELSEWHERE, ISTIO | ROUTE, GATEWAY_API | ELSEWHERE],
    ids=["istio", "istio, HTTPRoute", "gateway-api"],
)
def test_a_lane_with_a_weight_neither_gets_nor_loses_a_version_in_one_upgrade(form: Values) -> None:
    """Its rule there comes before pods are ready or have the subset's label, or goes after it."""
    more = lanes(form, V2_AT_MOCKB)
    idle, idle_more = lanes(form, v1=70, v2=0), lanes(form, V2_AT_MOCKB, v1=70, v2=0)
    other: Values = {"mockb": {"versions": {"v2": {}, "v3": None}}}
    comes = AT_ONCE.format("v2", "new", "", "to 30")
    goes = AT_ONCE.format("v3", "removed", " now", "remove it here")
    for before, after, told in [(form, lanes(form, other), [comes, goes]), (idle, more, [comes])]:
        said = refused(before, after)
        assert [sentence for sentence in told if sentence not in said] == []
        assert said.count("\n- ") == len(told)
    passes(idle, idle_more, more, idle_more)


@pytest.mark.parametrize("form", [ISTIO, ISTIO | ROUTE, {}], ids=["istio", "HTTPRoute", "asm"])
def test_leaving_strict_mode_makes_nothing_worse(form: Values) -> None:
    """Where a lane lacks a version its requests fail now, and elsewhere its pods have the label."""
    passes(form | STRICT, form)
    said = refused(form | STRICT, lanes(form, {"mocka": {"versions": {"v2": None}}}))
    worse = "services.mocka: lane v2 is removed here, and has 30% of the requests now"
    assert (worse in said) is bool(form)
    assert said.count("\n- ") == bool(form)


@pytest.mark.parametrize("form", [ISTIO, ISTIO | ROUTE, {}], ids=["istio", "HTTPRoute", "asm"])
def test_entering_strict_mode_asks_for_the_versions_that_lanes_need(form: Values) -> None:
    said = refused(form, form | lanes(STRICT, V2_AT_MOCKB))
    assert "services.mockc: in strict mode lane v3, which has 30% of the" in said
    assert AT_ONCE.format("v2", "new", "", "to 30") in said
    assert said.count("\n- ") == 2
    whole = V2_AT_MOCKB | {"mockc": {"versions": {"v3": {}}}}
    passes(form, form | lanes(STRICT, v1=100, v2=0, v3=0))
    passes(lanes(form, whole), form | lanes(STRICT, whole))


@pytest.mark.parametrize("form", [ISTIO | STRICT, STRICT], ids=["istio", "asm"])
def test_a_strict_lane_keeps_its_versions_while_it_has_a_weight(form: Values) -> None:
    gone: Values = {"mockc": {"versions": {"v2": None}}}
    said = refused(form, lanes(form, gone))
    assert "services.mockc: in strict mode lane v2, which has 30% of the requests, gets" in said
    assert said.count("\n- ") == 1
    passes(form, lanes(form, v1=70, v2=0))
    passes(lanes(form, gone), lanes(form, gone))


AUTOSCALED: Values = {
    "defaults": ELSEWHERE["defaults"] | {"autoscaling": {"enabled": True, "minReplicas": 3}}
}


def test_an_upgrade_leaves_the_pods_that_the_autoscaler_chose() -> None:
    """Not fewer than values say; a service without live pods gets those."""
    live = {"mocka": 1, "mockb": 5}
    there = [
        item | {"spec": {"replicas": live[item["metadata"]["labels"]["app"]]}}
        for item in of_kind(render(ELSEWHERE), "Deployment").values()
        if item["metadata"]["labels"]["app"] in live
    ]
    with cluster(NAMESPACE, *there) as options:
        done = template(AUTOSCALED, *options)
    assert not done.stderr
    found = of_kind(parse(done.stdout), "Deployment").values()
    replicas = {(item["metadata"]["labels"]["app"], item["spec"]["replicas"]) for item in found}
    assert replicas == {("mocka", 3), ("mockb", 5), ("mockc", 3)}
