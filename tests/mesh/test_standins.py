"""Stand-ins for services whose environment names the services that they call."""

import sys
from pathlib import Path

from lanes.planning.plan import plan
from lanes.running.runtime import RunningMesh
from lanes.verification.gateway import Gateway
from lanes.verification.hints import Hint, HintCode
from lanes.verification.sending import send_each, send_repeatedly
from lanes.verification.targets import entry_targets
from lanes.verification.verdict import Verdict
from lanes.verification.verify import verify
from tests import kube
from tests.kube import Document, destination_rule, foreign, header_is, rule, service, to
from tests.mesh.running import ROOT, ask, running, versions

HOP = f"{sys.executable} {ROOT / 'tests/languages/plain/server.py'}"


def versioned(name: str, *calls: str) -> list[Document]:
    """Return a service whose v2 gets requests with x-lane: v2."""
    env = {f"ADDRESS_{number}": call for number, call in enumerate(calls)}
    lane = rule(to(name, "v2"), match=[header_is("x-lane", "v2")])
    return [
        service(name),
        *(foreign(name, version, **env) for version in ("v1", "v2")),
        destination_rule(name, "v1", "v2"),
        kube.virtual_service(name, lane, rule(to(name, "v1"))),
    ]


SHOP = [
    kube.gateway(),
    kube.virtual_service("*", rule(to("shop")), gateways=["demo-gateway"]),
    service("shop"),
    foreign("shop", CART_ADDR="cart:8000", USERS_URL="http://users:8000/me"),
    *versioned("cart", "http://stock:8000/"),
    *versioned("stock"),
    service("users"),
    foreign("users"),
]


def verdict_of(mesh: RunningMesh) -> Verdict:
    planned = plan(mesh.mesh)
    client = Gateway(mesh.url).client()
    calls = entry_targets(planned, planned.enterable, 20)
    return verify(planned, send_repeatedly(client, 20, 4), send_each(client, calls, 4))


def test_stand_ins_propagate_the_lane_and_make_the_calls_of_variables(tmp_path: Path) -> None:
    with running(kube.write(tmp_path, *SHOP)) as mesh:
        verdict = verdict_of(mesh)
        assert verdict.ok, (verdict.unexpected, verdict.hints)
        assert [entered.count for entered in verdict.entered] == [20]
        answer, _ = ask(mesh, [("x-lane", "v2"), ("baggage", "handed-on.x-lane=v1")])
        assert versions(answer) == ["shop v1", "cart v2", "stock v2", "users v1"]
        answer, _ = ask(mesh, [("baggage", "handed-on.x-lane=v2")])
        assert versions(answer) == ["shop v1", "cart v1", "stock v1", "users v1"]


def test_own_code_has_to_propagate_the_header(tmp_path: Path) -> None:
    line = f"cart=app=cart version=own POD_IP=$HOST upstream_url=$ADDRESS_0 {HOP}"
    with running(kube.write(tmp_path, *SHOP), commands=[line]) as mesh:
        answer, _ = ask(mesh, [("x-lane", "v2"), ("baggage", "user=42")])
        assert versions(answer) == ["shop v1", "cart own", "stock v1", "users v1"]
        verdict = verdict_of(mesh)
    assert not verdict.ok
    assert verdict.hints == (Hint(HintCode.ASSUMED, ("shop", "cart"), header="x-lane"),)


def test_a_cycle_of_calls_ends(tmp_path: Path) -> None:
    back = [service("users"), foreign("users", SHOP_ADDR="shop:8000")]
    with running(kube.write(tmp_path, *SHOP[:-2], *back)) as mesh:
        answer, _ = ask(mesh)
        assert versions(answer) == ["shop v1", "cart v1", "stock v1", "users v1"]
        assert "stand-ins leave out users -> shop, which is part of a cycle" in mesh.stand_ins.notes
