"""Call graphs with many paths to one service, and with cycles. Equal calls are planned once."""

import itertools

import pytest

from lanes.evidence.answers import parse
from lanes.page import picture
from lanes.planning.hop import Reason
from lanes.planning.messages import Problem
from lanes.planning.plan import plan
from lanes.report.plan import plan_table
from lanes.report.plan_json import plan_json
from lanes.report.plan_notes import plan_notes
from lanes.report.plan_warnings import warnings
from lanes.verification.classification import classify
from lanes.verification.hop_splits import splits
from lanes.verification.tracing import traced
from tests.kube import (
    Chain,
    Document,
    asm,
    deployment,
    destination_rule,
    put,
    rule,
    service,
    to,
    virtual_service,
)
from tests.unit.lanes.reading import lanes_of, mesh_of, plan_of, problem_of

LAYERS, WIDTH = 24, 3


def layered_chain() -> Chain:
    """Return a first service, then layers of services that each call all of the next layer."""
    layers = [["first"]]
    layers += [[f"s{layer}-{n}" for n in range(WIDTH)] for layer in range(LAYERS)]
    upstreams = [*layers[1:], []]
    return {
        name: (("v1", "v2"), tuple(below))
        for layer, below in zip(layers, upstreams, strict=True)
        for name in layer
    }


def test_plan_report_and_verification_grow_with_services_and_not_with_paths() -> None:
    mesh = mesh_of(*asm(layered_chain(), {"v1": 1, "v2": 1}))  # 3 ** 24 paths
    planned = plan(mesh)
    for lane in planned.lanes:
        assert len(lane.path) == 1 + LAYERS * WIDTH
        assert {(hop.version, hop.reason) for hop in lane.path} == {(lane.name, Reason.MATCH)}
    assert warnings(mesh, planned) == ()
    assert (len(plan_table(planned).headings), plan_notes(planned)) == (3 + LAYERS * WIDTH, [])
    assert len(plan_json(mesh, planned)["lanes"][0]["path"]) == 1 + LAYERS * WIDTH
    assert picture.depths(planned)["s23-1"] == LAYERS
    assert len(picture.planned_links(planned.lanes[0])) == 1 + WIDTH + (LAYERS - 1) * WIDTH**2
    answer = parse(200, "text/plain", b"-> first(version: v1, ip: ::1)")
    verified = classify(planned, [answer], [])
    assert splits(verified.groups, verified.drawn) == ()
    assert [hop.why for hop in traced(planned, answer, planned.lanes[0]).hops] == [Reason.MATCH]


def test_services_that_may_all_call_each_other_are_planned() -> None:
    names = [f"s{number}" for number in range(14)]
    documents = asm(dict.fromkeys(names, (("v1",), ())), {"v1": 1})
    calls = {name: tuple(other for other in names if other != name) for name in names}
    (lane,) = plan_of(*documents, calls=calls).lanes
    assert {hop.service for hop in lane.path} == set(names)


def test_a_service_that_two_callers_get_in_two_versions_shows_both() -> None:
    rules = (rule(to("c", "v2"), match=[{"uri": {"exact": "/beta"}}]), rule(to("c", "v1")))
    documents = [
        *asm({"a": (("v1",), ("b", "c")), "b": (("v1",), ("http://c:8000/beta",))}, {"v1": 1}),
        service("c"),
        *(deployment("c", version) for version in ("v1", "v2")),
        destination_rule("c", "v1", "v2"),
        virtual_service("c", *rules),
    ]
    planned = plan_of(*documents)
    assert [str(row[-1]) for row in plan_table(planned).rows] == ["v2 ! / v1"]


def replaced(documents: list[Document], host: str, *rules: Document) -> list[Document]:
    """Return the documents with these rules for a host, and with its subsets v1 and v2."""
    new = [virtual_service(host, *rules), destination_rule(host, "v1", "v2")]
    names = {(d["kind"], host) for d in new}
    return [d for d in documents if (d["kind"], d["metadata"]["name"]) not in names] + new


def test_a_call_back_that_another_version_answers_is_no_endless_cycle() -> None:
    documents = asm({"a": (("v1",), ("b",)), "b": (("v1",), ("http://a:8000/back",))}, {"v1": 1})
    rules = (rule(to("a", "v2"), match=[{"uri": {"exact": "/back"}}]), rule(to("a", "v1")))
    documents = replaced(documents, "a", *rules)
    assert lanes_of(*documents, deployment("a", "v2")) == {"v1": "a v1 / v2 !, b v1"}


def annotated(calls: dict[str, str], *documents: Document) -> list[Document]:
    """Return services with a `traffic-lanes/calls` annotation; the gateway calls the first."""
    first = next(iter(calls))
    services = [
        put(service(name), "metadata.annotations", {"traffic-lanes/calls": upstreams})
        for name, upstreams in calls.items()
    ]
    pods = [put(deployment(name), "spec.template.spec.containers[0].env", []) for name in calls]
    entry = virtual_service("*", rule(to(first)), gateways=["gw"])
    return [entry, *services, *pods, *documents]


@pytest.mark.parametrize("upstreams", ["shop,cart", "cart,shop"])
def test_all_services_of_an_annotated_cycle_are_planned_from_either_service(upstreams: str) -> None:
    """cart calls shop by a path that only the service old answers."""
    calls = {
        "web": upstreams,
        "shop": "cart",
        "cart": "http://shop:8000/legacy",
        "old": "db",
        "db": "",
    }
    legacy = rule(to("old"), match=[{"uri": {"exact": "/legacy"}}])
    planned = plan_of(*annotated(calls, virtual_service("shop", legacy, rule(to("shop")))))
    answering = {name for hop in planned.lanes[0].path for name, _ in hop.answering}
    assert answering == set(calls)
    assert planned.unreached == ()


@pytest.mark.parametrize("upstreams", ["x,s", "s,x"])
def test_a_cycle_is_the_same_from_a_caller_without_a_sidecar(upstreams: str) -> None:
    calls = {"e": upstreams, "x": "y", "y": "x", "s": "y"}
    no_sidecar = put(
        deployment("s", "v2"),
        "spec.template.metadata.annotations",
        {"sidecar.istio.io/inject": "false"},
    )
    no_sidecar = put(no_sidecar, "spec.template.spec.containers[0].env", [])
    assert {hop.service for hop in plan_of(*annotated(calls, no_sidecar)).lanes[0].path} == set(
        calls
    )


@pytest.mark.parametrize("upstreams", ["a", "b", "a,b", "b,a"])
def test_a_cycle_with_one_annotated_call_may_end(upstreams: str) -> None:
    documents = annotated({"web": upstreams, "a": "b"}, service("b"), deployment("b", "v1", "a"))
    assert {hop.service for hop in plan_of(*documents).lanes[0].path} == {"web", "a", "b"}


def test_the_error_names_the_cycle_that_never_ends() -> None:
    back = rule(to("a", "v2"), match=[{"uri": {"exact": "/back"}}])
    chain: Chain = {
        "a": (("v1",), ("b",)),
        "b": (("v1",), ("http://a:8000/back",)),
        "c": (("v1",), ("d",)),
        "d": (("v1",), ("c",)),
    }
    documents = replaced(asm(chain, {"v1": 1}), "a", back, rule(to("a", "v1")))
    endless = (Problem.NEVER_ENDS, {"lane": "v1", "cycle": "c -> d -> c"})
    assert problem_of(*documents, deployment("a", "v2", "c")) == endless


def test_a_cycle_that_adds_to_a_header_never_ends() -> None:
    chain: Chain = {"a": (("v1",), ("b",)), "b": (("v1",), ("a",))}
    grows = rule(to("b", "v1"), headers={"request": {"add": {"baggage": "via=b"}}})
    endless = (Problem.NEVER_ENDS, {"lane": "v1", "cycle": "b -> a -> b"})
    assert problem_of(*replaced(asm(chain, {"v1": 1}), "b", grows)) == endless


def test_equal_calls_have_equal_namespaces_ports_and_header_propagation() -> None:
    """Two services b call the db of their namespace, and cart. Only one has a propagation."""
    chain: Chain = {
        "a": (("v1",), ("b", "http://b.other:8000/", "db", "http://db:9000/")),
        "b": (("v1",), ("http://cart.default:8000/", "db")),
        "cart": (("v1", "v2"), ()),
    }
    documents = asm(chain, {"v1": 1, "v2": 1})
    documents += [
        service("b", namespace="other"),
        deployment("b", "v7", "http://cart.default:8000/", "db", namespace="other"),
        service("db", 8000, {"port": 9000, "targetPort": 8000}),
        deployment("db", "v1"),
        service("db", namespace="other"),
        deployment("db", "v8", namespace="other"),
    ]
    assert lanes_of(*documents)["v2"] == ("a v1 *, b v1 * / v7 *, cart v2 / v1 !, db v1 * / v8 *")


@pytest.mark.parametrize("tail_first", [True, False])
def test_the_longest_path_counts_for_the_limit_of_hops(tail_first: bool) -> None:
    """A hop that was planned in a short path may also end a longer one."""
    names = [f"s{number}" for number in range(102)]
    calls = {name: [after] for name, after in itertools.pairwise(names)}
    calls["s0"].insert(0 if tail_first else 1, "s50")
    chain: Chain = {name: (("v1",), calls.get(name, ())) for name in names}
    too_long = (Problem.CHAIN_TOO_LONG, {"lane": "v1", "most": 100})
    assert problem_of(*asm(chain, {"v1": 1})) == too_long
