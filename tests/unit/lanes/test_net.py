"""Nets of calls: many ways lead to one service, and it is planned once for calls that are alike."""

import itertools

import pytest

from lanes.judging.answers import parse
from lanes.judging.sorting import sort
from lanes.judging.splits import splits
from lanes.judging.tracing import traced
from lanes.page import picture
from lanes.planning.hops import MATCH
from lanes.planning.plan import plan
from lanes.planning.warnings import warnings
from lanes.report.plan import plan_json, plan_notes, plan_table
from tests.kube import (
    Chain,
    asm,
    deployment,
    destination_rule,
    rule,
    service,
    to,
    virtual_service,
)
from tests.unit.lanes.reading import lanes_of, mesh_of, plan_of, refusal

LAYERS, WIDTH = 24, 3


def layered() -> Chain:
    """A first service, then layers of services that each call all of the next one."""
    layers = [["first"]]
    layers += [[f"s{layer}-{n}" for n in range(WIDTH)] for layer in range(LAYERS)]
    called = [*layers[1:], []]
    return {
        name: (("v1", "v2"), tuple(below))
        for layer, below in zip(layers, called, strict=True)
        for name in layer
    }


def test_a_net_is_planned_judged_and_shown_by_its_services_and_not_by_its_ways() -> None:
    mesh = mesh_of(*asm(layered(), {"v1": 1, "v2": 1}))  # some 3 ** 24 ways, which never end
    planned = plan(mesh)
    for lane in planned.lanes:
        assert len(lane.path) == 1 + LAYERS * WIDTH
        assert {(hop.version, hop.why) for hop in lane.path} == {(lane.name, MATCH)}
    assert warnings(mesh, planned) == ()
    assert (len(plan_table(planned).columns), plan_notes(planned)) == (3 + LAYERS * WIDTH, [])
    assert len(plan_json(mesh, planned)["lanes"][0]["path"]) == 1 + LAYERS * WIDTH
    assert picture.depths(planned)["s23-1"] == LAYERS
    assert len(picture.planned_ways(planned.lanes[0])) == 1 + WIDTH + (LAYERS - 1) * WIDTH**2
    answer = parse(200, "text/plain", b"-> first(version: v1, ip: ::1)")
    judged = sort(planned, [answer], [])
    assert splits(judged.groups, judged.drawn) == ()
    assert [hop.why for hop in traced(planned, answer, planned.lanes[0]).hops] == [MATCH]


def test_services_that_all_call_each_other_are_planned() -> None:
    names = [f"s{number}" for number in range(14)]
    documents = asm(dict.fromkeys(names, (("v1",), ())), {"v1": 1})
    calls = {name: tuple(other for other in names if other != name) for name in names}
    (lane,) = plan_of(*documents, calls=calls).lanes
    assert {hop.service for hop in lane.path} == set(names)


def test_a_service_that_is_asked_in_two_ways_shows_both_answers() -> None:
    rules = (rule(to("c", "v2"), match=[{"uri": {"exact": "/beta"}}]), rule(to("c", "v1")))
    documents = [
        *asm({"a": (("v1",), ("b", "c")), "b": (("v1",), ("http://c:8000/beta",))}, {"v1": 1}),
        service("c"),
        *(deployment("c", version) for version in ("v1", "v2")),
        destination_rule("c", "v1", "v2"),
        virtual_service("c", *rules),
    ]
    planned = plan_of(*documents)
    *_, cell = plan_table(planned).columns
    assert [str(text) for text in cell.cells] == ["v2 !, v1"]


def test_a_call_back_that_another_version_answers_is_no_loop() -> None:
    documents = asm({"a": (("v1",), ("b",)), "b": (("v1",), ("http://a:8000/back",))}, {"v1": 1})
    rules = (rule(to("a", "v2"), match=[{"uri": {"exact": "/back"}}]), rule(to("a", "v1")))
    own = {
        "DestinationRule": destination_rule("a", "v1", "v2"),
        "VirtualService": virtual_service("a", *rules),
    }
    for kind, document in own.items():
        old = next(d for d in documents if (d["kind"], d["metadata"]["name"]) == (kind, "a"))
        documents[documents.index(old)] = document
    assert lanes_of(*documents, deployment("a", "v2")) == {"v1": "a v1, b v1, a v2 !"}


@pytest.mark.parametrize("tail_first", [True, False])
def test_a_chain_is_too_long_whichever_way_it_is_met(tail_first: bool) -> None:
    """A hop that was planned at the end of a short way may stand at the end of a longer one."""
    names = [f"s{number}" for number in range(102)]
    calls = {name: [after] for name, after in itertools.pairwise(names)}
    calls["s0"].insert(0 if tail_first else 1, "s50")
    chain: Chain = {name: (("v1",), calls.get(name, ())) for name in names}
    assert refusal(*asm(chain, {"v1": 1})) == (
        "lane v1: a chain of more than 100 calls is not planned"
    )
