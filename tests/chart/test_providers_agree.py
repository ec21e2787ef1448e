"""All providers make the lanes that random values describe.

So do HTTPRoutes of the Kubernetes Gateway API instead of an Istio Gateway.
"""

from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lanes.planning.result import Lane, Plan
from tests import kube
from tests.chart.rendering import Values, render
from tests.unit.lanes.reading import plan_of

DEFAULT_LANES = ("v1", "v2", "v3")

lane_names = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?", fullmatch=True).filter(
    lambda name: not name.isdigit()
)
# No dash, for that could give two services the same Deployment, and the chart refuses those.
service_names = st.from_regex(r"[a-z][a-z0-9]{0,12}", fullmatch=True)
# Headers that begin so have no meaning of their own.
headers = st.from_regex(r"lane([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)


@st.composite
def lanes(draw: st.DrawFn) -> Values:
    some = st.sampled_from(DEFAULT_LANES) | lane_names
    apart = st.lists(
        some, min_size=1, max_size=5, unique_by=lambda name: str(kube.membership(name))
    )
    names = draw(apart)
    cuts = sorted(draw(st.lists(st.integers(0, 100), min_size=len(names), max_size=len(names)))[1:])
    weights = [b - a for a, b in zip([0, *cuts], [*cuts, 100], strict=True)]
    return {
        "mode": draw(st.sampled_from(["permissive", "strict"])),
        "rules": draw(st.sampled_from(["changed", "all"])),
        "header": draw(headers),
        "baseline": draw(st.sampled_from(names)),
        "weights": dict(zip(names, weights, strict=True)),
        "enter": {"header": draw(st.sampled_from(["", "x-enter"]))},
        "sticky": {"cookie": draw(st.sampled_from(["", "kept"]))},
    }


@st.composite
def services(draw: st.DrawFn, baseline: str, others: list[str]) -> Values:
    """Draw one to four services; each calls some of the later ones, in any order."""
    names = draw(st.lists(service_names, min_size=1, max_size=4, unique=True))
    found: Values = {}
    for index, name in enumerate(names):
        behind = names[index + 1 :]
        more = draw(st.lists(st.sampled_from(others), unique=True)) if others else []
        found[name] = {
            "versions": {version: {} for version in (baseline, *more)},
            "upstreams": draw(st.lists(st.sampled_from(behind), unique=True)) if behind else [],
            "port": draw(st.sampled_from([8000, 8000, 81])),
            "namespace": draw(st.sampled_from(["", "", "elsewhere"])),
        }
    return found


@st.composite
def values(draw: st.DrawFn) -> Values:
    chosen = draw(lanes())
    baseline = chosen["baseline"]
    others = [n for n in chosen["weights"] if n != baseline]
    found = draw(services(baseline, others))
    return {
        "lanes": chosen,
        "services": found,
        "gateway": {"services": {next(iter(found)): {}}},
    }


# One lane has the whole split, and a weight that says so or none.
STICKY: Values = {
    "lanes": {
        "mode": "permissive",
        "header": "version",
        "weights": {"v1": 100},
        "sticky": {"cookie": "kept"},
    },
    "services": {
        "a": {"versions": {"v1": {}}, "upstreams": []},
    },
    "gateway": {"services": {"a": {}}},
}

# Nobody calls a0: a Service of its baseline's pods, which gateway-api has, is no service more.
APART: Values = {
    "lanes": {
        "mode": "permissive",
        "header": "version",
        "weights": {"v1": 100},
    },
    "services": {
        "a": {"versions": {"v1": {}}, "upstreams": []},
        "a0": {"versions": {"v1": {}}, "upstreams": []},
    },
    "gateway": {"services": {"a": {}}},
}


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@example(STICKY)
@example(APART)
@given(values())
def test_both_providers_plan_what_the_values_say(values: Values) -> None:
    asm, istio = (planned(values, name) for name in ("asm", "istio"))
    assert asm == istio
    routed = values | {"gateway": values["gateway"] | {"parentRefs": [{"name": "web"}]}}
    assert paths(planned(routed, "istio")) == paths(istio)
    if values["lanes"]["mode"] == "permissive":
        lanes = values["lanes"] | {"rules": "changed"}
        assert paths(planned(routed | {"lanes": lanes}, "gateway-api")) == paths(istio)
    assert asm.header == values["lanes"]["header"]
    weights = {name: w for name, w in values["lanes"]["weights"].items() if w is not None}
    assert {lane.name: lane.weight for lane in asm.lanes} == weights
    for lane in asm.lanes:
        assert steps(lane) == path_of(values, lane.name, next(iter(values["gateway"]["services"])))


def planned(values: Values, provider: str) -> Plan:
    """Return the plan of what the chart renders."""
    documents = render(values | {"mesh": {"provider": provider}, "test": {"enabled": False}})
    return plan_of(*documents)


def paths(plan: Plan) -> tuple[Any, ...]:
    """Return the lanes with weights and hops, without the first Service's name.

    HTTPRoutes lead to a Service of each version there.
    """
    found = [(lane, steps(lane)) for lane in plan.lanes]
    return (plan.header, *((lane.name, lane.weight, o[0][1], o[1:]) for lane, o in found))


def steps(lane: Lane) -> list[tuple[str, str]]:
    return [(hop.service, hop.version) for hop in lane.entry.calls()]


def path_of(values: Values, lane: str, service: str) -> list[tuple[str, str]]:
    """Return the path that the values describe: the lane's version, or the baseline's, or none."""
    own: dict[str, Any] = values["services"][service]
    if lane in own["versions"]:
        version = lane
    elif values["lanes"]["mode"] == "permissive":
        version = values["lanes"]["baseline"]
    else:
        return [(service, "")]
    behind = [step for name in own["upstreams"] for step in path_of(values, lane, name)]
    return [(service, version), *behind]
