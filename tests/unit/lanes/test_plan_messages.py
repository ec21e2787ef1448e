"""What a plan says: each sentence once."""

from typing import get_args, get_type_hints

import pytest

from lanes.mesh.diagnostics import Place
from lanes.mesh.model import (
    Host,
)
from lanes.mesh.traffic import Abort
from lanes.planning import messages
from lanes.planning.hop import MISROUTED, Hop, Misrouted, Reason, Unanswered
from lanes.planning.lane_headers import LaneHeader
from lanes.planning.lanes import NotPlanned
from lanes.planning.left_out import OtherRule, PlannedPort
from lanes.planning.messages import PlanError, Problem
from lanes.planning.result import Lane, Plan
from lanes.report.plan_notes import plan_notes

PATH = {"lane": "v2", "service": "cart", "versions": "v1, v2"}
PROBLEMS: dict[str, PlanError] = {
    "x: no Deployment found. Add the Deployments of the services.": PlanError(
        Problem.NO_PODS, sources="x"
    ),
    "x: no VirtualService with HTTP rules and no HTTPRoute is bound to a gateway."
    " Bind one with spec.gateways or spec.parentRefs, or begin with lanes init.": PlanError(
        Problem.NO_GATEWAY, sources="x"
    ),
    "x: the gateway does not serve b.org. It serves a.org.": PlanError(
        Problem.HOST_NOT_SERVED, sources="x", host="b.org", served="a.org"
    ),
    "x: no rule of the gateway matches a request for /y. Name another with --path.": PlanError(
        Problem.NO_GATEWAY_RULE, sources="x", path="/y"
    ),
    "The gateway's rule for / is not supported, so nothing can be planned: VirtualService x: spec."
    " Name another path with --path.": PlanError(
        Problem.NOT_SUPPORTED, path="/", why="VirtualService x: spec"
    ),
    "x: VirtualService any: spec.http[0]: the rule answers / with 204 by itself, so there are no"
    " lanes. Name another path with --path.": PlanError(
        Problem.ANSWERS_ITSELF,
        rule="x: VirtualService any: spec.http[0]",
        path="/",
        status=204,
    ),
    "x: the gateway sets a, b. Set one header at each destination, which an ASMHeaderPropagation"
    " names, or one baggage member.": PlanError(
        Problem.SEVERAL_LANE_HEADERS, sources="x", names="a, b"
    ),
    "x: the gateway sets lane v2 at two destinations. Set it at one.": PlanError(
        Problem.LANE_SET_TWICE, sources="x", lane="v2"
    ),
    "--calls shops: no such service in these manifests. Name one that lanes plan shows.": PlanError(
        Problem.UNKNOWN_CALLER, caller="shops"
    ),
    "--calls shop=carts: carts is no Service here with an HTTP port. Correct it.": PlanError(
        Problem.UNKNOWN_CALLEE, caller="shop", target="carts"
    ),
    "--port cart=7: cart has no HTTP port 7 here, but 80. Correct it.": PlanError(
        Problem.UNKNOWN_PORT, name="cart", port=7, known="80"
    ),
    "pod shop-v1 calls http://x/, not the http URL of a Service here. Correct it.": PlanError(
        Problem.NO_SERVICE_URL, pod="shop-v1", url="http://x/"
    ),
    "lane v2: the rule at cart splits the lane and changes headers by destination, so the lane has"
    " several paths. Match the lane before splitting.": PlanError(Problem.SPLITS_AND_SETS, **PATH),
    "lane v2: the pods that answer at cart (v1, v2) call different upstreams, so the lane has"
    " several paths. Route to each of them by a rule of its own.": PlanError(
        Problem.UPSTREAMS_DIFFER, **PATH
    ),
    "lane v2: the calls of the pods that answer at cart (v1, v2) meet other rules, so the lane has"
    " several paths. Route to each of them by a rule of its own.": PlanError(
        Problem.SIDECARS_DIFFER, **PATH
    ),
    "x: 1,000 lanes at 2,000 ports with 30 rules are more than can be planned together. Give the"
    " manifests of fewer lanes, or of fewer services.": PlanError(
        Problem.TOO_MUCH_TO_PLAN, sources="x", lanes=1000, services=2000, rules=30
    ),
    "lane v2: a -> b -> a: these calls never end. Break the cycle.": PlanError(
        Problem.NEVER_ENDS, lane="v2", cycle="a -> b -> a"
    ),
    "lane v2: a chain of more than 100 calls is not supported": PlanError(
        Problem.CHAIN_TOO_LONG, lane="v2", most=100
    ),
    "no lane v9 in these manifests. The lanes are v1, v2.": PlanError(
        Problem.NO_LANE, lane="v9", known="v1, v2"
    ),
    "lane v2 has no entry rule, so requests enter it by nothing. Add a gateway rule for, say, the"
    " header x-lane: v2.": PlanError(Problem.NO_ENTRY_RULE, lane="v2", weight="nothing"),
    "lane v2 is entered by POST alone, which may change something, so no request is sent. Add a"
    " gateway rule that matches GET, for, say, the header x-lane: v2.": PlanError(
        Problem.NO_TESTABLE_RULE, lane="v2", methods="POST", because="may change something"
    ),
}


def test_problems() -> None:
    assert {str(error) for error in PROBLEMS.values()} == set(PROBLEMS)
    assert {error.problem for error in PROBLEMS.values()} == set(Problem)


REASONS: dict[str, Misrouted | NotPlanned | Unanswered] = {
    "the rule of lane v1 also matches this lane": Misrouted(Reason.CAUGHT, "v1"),
    "a rule that matches every request precedes the lane's own": Misrouted(Reason.SHADOWED),
    "the lane header does not reach this service": Misrouted(Reason.LOST),
    "subset a, b selects none of the v2 pods that run here": Misrouted(
        Reason.UNSELECTED, "v2", ("a", "b")
    ),
    "its rule selects none of the v2 pods that run here": Misrouted(Reason.UNSELECTED, "v2"),
    "subset a selects pods of other versions beside v2": Misrouted(Reason.MIXED, "v2", ("a",)),
    "subset a selects pods of other versions beside v2: its failoverPriority has no effect without"
    " outlierDetection": Misrouted(Reason.NO_FAILOVER, "v2", ("a",)),
    "v2 runs here, and no rule routes to it": Misrouted(Reason.UNROUTED, "v2"),
    "path /x (answers 500: no backend has a weight above 0)": NotPlanned("path /x", "no-weight"),
    "path /x (answers 301 by itself)": NotPlanned("path /x", "answers-itself", status=301),
    "path /x (splits requests itself)": NotPlanned("path /x", "splits"),
    "path /x (sets no lane)": NotPlanned("path /x", "sets-no-lane"),
    "path /x (all of its requests go to spec.http[0])": NotPlanned(
        "path /x", "shadowed", why="spec.http[0]"
    ),
    "path /x (the requests that were tried go to spec.http[0])": NotPlanned(
        "path /x", "taken", why="spec.http[0]"
    ),
    "x-lane (no example of what it matches is known)": NotPlanned("x-lane", "no-example"),
    "x-lane: a (what answers also depends on the lane that the gateway sets)": NotPlanned(
        "x-lane: a", "depends-on-gateway"
    ),
    "path /x (leads lane v2 to other versions)": NotPlanned("path /x", "other-path", "v2"),
    "no rule matches the lane": Unanswered("no-rule"),
    "the rule answers by itself": Unanswered("answers-itself"),
    "no backend of the rule has a weight above 0": Unanswered("no-weight"),
    "the rule names c.shop, api.org, which is not a Service here": Unanswered(
        "no-service", (Host("c", "shop"), Host("api.org", ""), Host("c", "shop"))
    ),
    "the rule names a Service that it may not route to": Unanswered("not-permitted"),
    "the calls have no TLS, and a PeerAuthentication of the pods requires it": Unanswered(
        "tls-refused"
    ),
    "no DestinationRule here defines the subset that the rule names": Unanswered("no-subset"),
    "the destination has no pods": Unanswered("no-pods"),
    "the rule names no port, and b.shop has none of the number that is called": Unanswered(
        "no-port", (Host("b", "shop"),)
    ),
    "the lane has no version here, and no fallback": Unanswered("no-version"),
}


def test_reasons() -> None:
    assert {str(reason): reason for reason in REASONS.values()} == REASONS


@pytest.mark.parametrize(
    ("codes", "sentences"),
    [
        (get_args(get_type_hints(NotPlanned)["reason"]), messages.NOT_PLANNED),
        (get_args(get_type_hints(Unanswered)["code"]), messages.UNANSWERED),
        (MISROUTED, messages.MISROUTED),
    ],
)
def test_each_code_has_a_sentence(codes: tuple[str, ...], sentences: dict[str, str]) -> None:
    assert list(codes) == list(sentences)


def lane(name: str, *hops: Hop, header: str = "", unreached: tuple[Hop, ...] = ()) -> Lane:
    entry = Hop("web", (name,), Reason.MATCH, hops, assumed=True)
    return Lane(name, 1, entry, client_header=header, unreached=unreached)


def none(status: int, unanswered: Unanswered) -> Hop:
    return Hop("cart", (), Reason.NONE, status=status, unanswered=unanswered)


CAUGHT = Hop("users", ("v1",), Reason.CAUGHT, misrouted=Misrouted(Reason.CAUGHT, "v1"))
OPEN = Hop("db", ("", "v1"), Reason.SPLIT)


def test_notes() -> None:
    lanes = (
        lane("v1", Hop("cart", ("v1",), Reason.MATCH, failing=(Abort(503, 0.5),))),
        lane("v2", none(503, Unanswered("no-pods")), CAUGHT),
        lane("v3", none(503, Unanswered("no-rule")), CAUGHT, header="x-lane"),
        lane("v4", none(404, Unanswered("no-rule")), unreached=(OPEN,)),
        lane("v5", Hop("cart", ("v1",), Reason.FALLBACK), header="x-lane"),
    )
    headers = (LaneHeader("jason", "end-user", (("end-user", "jason"),)),)
    refused = (NotPlanned("path /x", "splits"),)
    planned = Plan(
        "version",
        "*",
        lanes,
        refused,
        unset_headers=headers,
        unreached=("a", "db"),
        default_status=404,
        other_rules=(OtherRule("cart", "path /items", Place()),),
        ports=(PlannedPort("cart", 80, (81, 82)),),
    )
    assert plan_notes(planned) == [
        "* fallback: the lane has no version here",
        f"- answers 503 at cart, lane v2: {Unanswered('no-pods')}",
        f"- answers 503 at cart, lane v3: {Unanswered('no-rule')}",
        f"- answers 404: {Unanswered('no-rule')}",
        f"! users, lane v2, v3: {Misrouted(Reason.CAUGHT, 'v1')}",
        "| any of these versions answers: no rule chooses one",
        "(none) the pods have no version label",
        "? not found in any call path; the cell shows what a call would get.",
        "  Use --calls CALLER=a,db to add it.",
        "assumed: baggage is propagated at web. No manifest shows it: check the code",
        "v3, v5: set by no gateway; a client or a service has to send x-lane",
        "jason: no gateway sets it or lets it in; a service has to send end-user: jason",
        "requests that no entry rule matches: the gateway answers 404",
        "not planned: path /x (splits requests itself)",
        "not planned: cart, path /items (no planned call matches it)",
        "port: cart is planned at port 80, and not at 81, 82",
    ]
    assert plan_notes(Plan("version", "*", (lane("v1"),))) == [
        "assumed: baggage is propagated at web. No manifest shows it: check the code"
    ]
