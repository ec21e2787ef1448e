"""Entry rules on real Envoy and real services, for every provider and kind of gateway."""

from dataclasses import replace
from pathlib import Path

import pytest

from lanes.planning.entry_rule import EntryRule
from lanes.planning.plan import plan
from lanes.planning.result import Plan
from lanes.running.runtime import RunningMesh
from lanes.verification.gateway import Gateway
from lanes.verification.sending import send_each
from lanes.verification.targets import entry_targets
from lanes.verification.verify import verify
from tests import kube
from tests.chart.rendering import Values, render, without_tests
from tests.entry_rules import ENTERS, ENTERS_BY_HOST, OPEN, WIDE_OPEN
from tests.hostile import Headers
from tests.mesh.entering import assert_sticky, kept_out, let_in
from tests.mesh.running import PATHS, ask, running, versions

FORMS: dict[str, tuple[str, Values, Values, list[Headers]]] = {
    "asm": ("asm", {}, WIDE_OPEN, ENTERS + ENTERS_BY_HOST),
    "istio": ("istio", {}, WIDE_OPEN, ENTERS + ENTERS_BY_HOST),
    "istio, HTTPRoute": ("istio", {"parentRefs": [{"name": "web"}]}, OPEN, ENTERS),
    "gateway-api": (
        "gateway-api",
        {"parentRefs": [{"name": "web"}]},
        WIDE_OPEN,
        ENTERS + ENTERS_BY_HOST,
    ),
}
# More members than OpenTelemetry reads.
MUCH = ",".join(f"k{number}=v" for number in range(200))


def misrouted(mesh: RunningMesh, planned: Plan) -> list[tuple[str, EntryRule]]:
    """Send requests by every entry rule; return the rules that do not lead to their lanes."""
    calls = entry_targets(planned, planned.enterable, 3)
    verdict = verify(planned, [], send_each(Gateway(mesh.url).client(), calls, 4))
    assert len(verdict.entered) == sum(len(lane.entry_rules) for lane in planned.lanes) >= 9
    return [(entered.lane, entered.by) for entered in verdict.entered if not entered.ok]


def with_rule(planned: Plan, name: str, way: EntryRule) -> Plan:
    """Return the plan with another entry rule of the named lane."""
    return replace(
        planned,
        lanes=tuple(
            replace(lane, entry_rules=(*lane.entry_rules, way)) if lane.name == name else lane
            for lane in planned.lanes
        ),
    )


@pytest.mark.parametrize(("provider", "gateway", "lanes", "requests"), FORMS.values(), ids=FORMS)
def test_a_lane_is_entered_only_by_its_entry_rules(
    tmp_path: Path, provider: str, gateway: Values, lanes: Values, requests: list[Headers]
) -> None:
    values: Values = {"mesh": {"provider": provider}, "gateway": gateway, "lanes": lanes}
    with running(kube.write(tmp_path, *without_tests(render(values)))) as mesh:
        assert not kept_out(mesh, requests)
        # That host: a Gateway listens to what stands before a colon.
        odd = ["[('host', 'v2.preview.example.com:80x')]"] if provider == "gateway-api" else []
        assert let_in(mesh) == odd
        assert misrouted(mesh, plan(mesh.mesh)) == []
        closed = EntryRule({"cookie": "closed=v2"})
        assert misrouted(mesh, with_rule(plan(mesh.mesh), "v2", closed)) == [("v2", closed)]
        assert_sticky(mesh)


@pytest.mark.parametrize("provider", ["asm", "istio"])
def test_sticky_lanes_do_not_depend_on_baggage(tmp_path: Path, provider: str) -> None:
    """And a path is a way in."""
    values: Values = {
        "mesh": {"provider": provider},
        "lanes": OPEN | {"header": "lane", "enter": {"match": {"v2": [{"path": "/beta"}]}}},
    }
    with running(kube.write(tmp_path, *without_tests(render(values)))) as mesh:
        for baggage in ("user=42", "lane=v2", "l%61ne=v2", MUCH):
            for lane in ("v1", "v3"):
                sent = [("cookie", f"kept={lane}"), ("baggage", baggage)]
                answer, _ = ask(mesh, sent)
                assert {step.lane for step in answer.path} == {lane}, baggage
                assert versions(answer) == dict(PATHS)[lane], baggage
        lanes = {path: ask(mesh, path=path)[1].headers["x-lane"] for path in ("beta", "beta/1?q")}
        assert set(lanes.values()) == {"v2"}, lanes
        assert ask(mesh, path="betamax")[1].headers["x-lane"] != "v2"
