"""What an upgrade sees of the cluster: lanes that have requests, pods that an autoscaler chose."""

import pytest

from tests.chart.cluster import cluster
from tests.chart.rendering import (
    GATEWAY_API,
    ISTIO,
    Values,
    of_kind,
    parse,
    render,
    template,
    without_tests,
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


def lanes(form: Values, services: Values | None = None, **weights: int | None) -> Values:
    """Values of a form with other weights than the chart's own: v1 40, v2 30, v3 30."""
    changed = form.get("lanes", {}) | {"weights": weights}
    return form | {"lanes": changed, "services": services or {}}


def upgrade(before: Values, after: Values) -> tuple[str, str]:
    """What Helm renders for an upgrade from one set of values to another, and what it says."""
    with cluster(NAMESPACE, *without_tests(render(before))) as options:
        done = template(after, *options)
    return done.stdout, done.stderr


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_lane_with_a_weight_neither_comes_nor_goes_in_one_upgrade(form: Values) -> None:
    after = lanes(form, SERVICES, v1=50, v3=None, v4=20)
    renamed: Values = {"services": {"mocka": {"host": "shop.test"}}}
    _, said = upgrade(form, after | {"gateway": form.get("gateway", {}) | renamed})
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
    idle = lanes(form, v1=70, v3=0)
    replaced = lanes(form, SERVICES, v1=70, v3=None, v4=0)
    busy = lanes(form, SERVICES, v1=50, v3=None, v4=20)
    for before, after in [(form, idle), (idle, replaced), (replaced, busy)]:
        rendered, said = upgrade(before, after)
        assert rendered
        assert not said


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_lane_that_the_first_service_lacks_is_known_by_its_header(form: Values) -> None:
    without: Values = {"mocka": {"versions": {"v3": None}}}
    before = lanes(form, without)
    rendered, said = upgrade(before, lanes(form, without, v1=50, v3=20))
    assert rendered
    assert not said
    gone: Values = without | {"mockb": {"versions": {"v3": None}}}
    _, said = upgrade(before, lanes(form, gone, v1=70, v3=None))
    assert "lanes.weights lacks v3, which has 30% of the requests now" in said
    assert said.count("\n- ") == 1


def test_the_fallback_of_asm_takes_what_a_step_would_cost() -> None:
    rendered, said = upgrade({}, lanes({}, SERVICES, v1=50, v3=None, v4=20))
    assert rendered
    assert not said


def test_a_release_without_routing_has_no_lanes_to_lose() -> None:
    _, said = upgrade(ISTIO | {"routing": {"enabled": False}}, ISTIO)
    assert "lanes.weights" not in said


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_service_more_needs_no_steps(form: Values) -> None:
    late: Values = {"mockc": {"upstreams": ["late"]}, "late": {"versions": {"v1": {}, "v2": {}}}}
    rendered, said = upgrade(form, form | {"services": late})
    assert rendered
    assert not said


V2_AT_MOCKB: Values = {"mockb": {"versions": {"v2": {}}}}
AT_ONCE = (
    "services.mockb: lane v2 is {} here, and has 30% of the requests{}. Set its weight to 0 first,"
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
    comes, goes = (
        AT_ONCE.format("new", "", "to 30"),
        AT_ONCE.format("removed", " now", "remove it here"),
    )
    for before, after, sentence in [(form, more, comes), (idle, more, comes), (more, form, goes)]:
        _, said = upgrade(before, after)
        assert sentence in said
        assert said.count("\n- ") == 1
    for before, after in [(idle, idle_more), (idle_more, more), (more, idle_more)]:
        rendered, said = upgrade(before, after)
        assert rendered
        assert not said


@pytest.mark.parametrize("form", [ISTIO, ISTIO | ROUTE, {}], ids=["istio", "HTTPRoute", "asm"])
def test_leaving_strict_mode_makes_nothing_worse(form: Values) -> None:
    """Where a lane lacks a version its requests fail now, and elsewhere its pods have the label."""
    rendered, said = upgrade(form | STRICT, form)
    assert rendered
    assert not said
    _, said = upgrade(form | STRICT, lanes(form, {"mocka": {"versions": {"v2": None}}}))
    worse = "services.mocka: lane v2 is removed here, and has 30% of the requests now"
    assert (worse in said) is bool(form)
    assert said.count("\n- ") == bool(form)


@pytest.mark.parametrize("form", [ISTIO, ISTIO | ROUTE, {}], ids=["istio", "HTTPRoute", "asm"])
def test_entering_strict_mode_asks_for_the_versions_that_lanes_need(form: Values) -> None:
    _, said = upgrade(form, form | STRICT)
    for service, lane in (("mockb", "v2"), ("mockc", "v3")):
        assert f"services.{service}: in strict mode lane {lane}, which has 30% of the" in said
    assert said.count("\n- ") == 2
    whole: Values = {"mockb": {"versions": {"v2": {}}}, "mockc": {"versions": {"v3": {}}}}
    _, said = upgrade(form, form | lanes(STRICT, whole))
    assert (
        said.count("is new here, and has 30% of the requests. Set its weight to 0 first, and to 30")
        == 2
    )
    idle: Values = {"v1": 100, "v2": 0, "v3": 0}
    for before, after in [
        (form, lanes(STRICT, **idle)),
        (lanes(form, whole), lanes(STRICT, whole)),
    ]:
        rendered, said = upgrade(before, form | after)
        assert rendered
        assert not said


@pytest.mark.parametrize("form", [ISTIO | STRICT, STRICT], ids=["istio", "asm"])
def test_a_strict_lane_keeps_its_versions_while_it_has_a_weight(form: Values) -> None:
    gone: Values = {"mockc": {"versions": {"v2": None}}}
    _, said = upgrade(form, lanes(form, gone))
    assert "services.mockc: in strict mode lane v2, which has 30% of the requests, gets" in said
    assert said.count("\n- ") == 1
    for before, after in [(form, lanes(form, v1=70, v2=0)), (lanes(form, gone), lanes(form, gone))]:
        rendered, said = upgrade(before, after)
        assert rendered
        assert not said


AUTOSCALED: Values = {
    "defaults": ELSEWHERE["defaults"] | {"autoscaling": {"enabled": True, "minReplicas": 3}}
}


@pytest.mark.parametrize(("live", "rendered"), [(1, 3), (5, 5), (None, 3)])
def test_an_upgrade_leaves_the_pods_that_the_autoscaler_chose(
    live: int | None, rendered: int
) -> None:
    there = list(of_kind(render(ELSEWHERE), "Deployment").values()) if live else []
    there = [item | {"spec": {"replicas": live}} for item in there]
    with cluster(NAMESPACE, *there) as options:
        done = template(AUTOSCALED, *options)
    assert not done.stderr
    found = of_kind(parse(done.stdout), "Deployment").values()
    assert {item["spec"]["replicas"] for item in found} == {rendered}
