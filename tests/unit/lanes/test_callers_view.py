"""Manifests without a gateway are planned as a caller in the mesh sees them."""

from typing import Any

import pytest

from lanes.planning.callers_view import as_called
from lanes.planning.plan import plan
from lanes.report.plan import one_line
from tests.kube import (
    Document,
    backend,
    deployment,
    destination_rule,
    gateway,
    header_is,
    http_route,
    route_rule,
    rule,
    service,
    to,
    to_service,
    virtual_service,
    write,
)
from tests.unit.lanes.reading import mesh_of
from tests.unit.lanes.test_cli import lanes

REVIEWS = [
    service("reviews"),
    deployment("reviews"),
    deployment("reviews", "v2"),
    destination_rule("reviews", "v1", "v2"),
]
BY_USER = virtual_service(
    "reviews",
    rule(to("reviews", "v2"), match=[header_is("end-user", "jason")]),
    rule(to("reviews", "v1")),
)


def planned(*documents: Document, **where: Any) -> dict[str, str]:
    mesh = as_called(mesh_of(*documents), where.get("calls"))
    return {lane.name: one_line(lane) for lane in plan(mesh, **where).lanes}


def messages(*documents: Document) -> list[str]:
    warnings = as_called(mesh_of(*documents)).warnings
    return [one.message for one in warnings if one.rule == "no-gateway"]


def test_requests_begin_at_a_service_that_calls_another_and_at_no_database() -> None:
    stock = [service("a"), deployment("a"), service("cart"), deployment("cart")]
    web = [service("web"), deployment("web", "v1", "cart")]
    assert planned(*stock, *web) == {"untagged": "web v1, cart v1"}
    beside = [service("cart", namespace="other"), deployment("cart", namespace="other")]
    beside += [service("web", namespace="other"), deployment("web", namespace="other")]
    assert planned(*stock, *beside, *web) == {"untagged": "web v1, cart v1"}
    db = [service("db", {"name": "pg", "port": 5432}), deployment("db")]
    assert planned(*db, service("a"), deployment("a")) == {"untagged": "a v1"}


def test_requests_begin_at_the_first_of_services_that_call_each_other() -> None:
    documents = [service("a"), deployment("a", "v1", "b"), service("b"), deployment("b", "v1", "a")]
    assert messages(*documents) == [
        "nothing here is bound to a gateway: planned as seen by a caller of a"
    ]


def test_the_rules_of_one_service() -> None:
    assert planned(*REVIEWS, BY_USER) == {
        "untagged": "reviews v1",
        "end-user: jason": "reviews v2",
    }
    split = virtual_service(
        "reviews", rule(to("reviews", "v1", weight=90), to("reviews", "v2", weight=10))
    )
    assert planned(*REVIEWS, split) == {"untagged": "reviews v1 90% v2 10%"}
    selected = [service(f"reviews-{v}", selector={"app": "reviews", "version": v}) for v in ("v2",)]
    route = http_route("r", to_service("reviews"), route_rule(backend("reviews-v2")))
    assert planned(*REVIEWS, *selected, route) == {"untagged": "reviews v2"}


def test_the_call_graph_from_the_service_that_nobody_calls() -> None:
    shop = [service("shop"), deployment("shop", "v1", "reviews")]
    found = planned(*REVIEWS, BY_USER, *shop)
    assert found == {"untagged": "shop v1, reviews v1", "jason": "shop v1 *, reviews v2"}
    by_word = [service("shop"), deployment("shop")]
    assert planned(*by_word, *REVIEWS, BY_USER, calls={"shop": ("reviews",)}) == found
    assert messages(*shop, *REVIEWS, BY_USER) == [
        "nothing here is bound to a gateway: planned as seen by a caller of shop"
    ]


def test_several_services_with_rules() -> None:
    ratings = [service("ratings"), deployment("ratings"), destination_rule("ratings", "v1")]
    ruled = virtual_service("ratings", rule(to("ratings", "v1"), timeout="1s"))
    documents = [*REVIEWS, BY_USER, *ratings, ruled]
    assert planned(*documents) == {
        "untagged": "reviews v1",
        "end-user: jason": "reviews v2",
        "host ratings": "ratings v1",
    }
    assert planned(*documents, domain="ratings")["untagged"] == "ratings v1"


def test_services_that_call_each_other_or_have_no_rules() -> None:
    cycle = [service("a"), deployment("a", "v1", "reviews"), *REVIEWS[:1]]
    back = [deployment("reviews", "v1", "a"), BY_USER, *REVIEWS[2:]]
    assert messages(*cycle, *back)[0].endswith("a caller of reviews")
    assert planned(service("a"), deployment("a")) == {"untagged": "a v1"}
    two = [service("a"), deployment("a"), service("z"), deployment("z")]
    assert planned(*two) == {"untagged": "a v1"}
    both = [service(name) for name in ("a", "b", "z")] + [deployment("b", "v1", "a")]
    assert planned(*both, two[1], deployment("z", "v1", "a")) == {"untagged": "b v1, a v1"}


def test_rules_for_callers_that_are_not_there_name_no_lane() -> None:
    """A gateway meets those for every caller."""
    own = rule(
        to("reviews", "v2"),
        match=[{"sourceLabels": {"app": "z"}, **header_is("end-user", "jason")}],
    )
    ruled = virtual_service("reviews", own, rule(to("reviews", "v1")))
    mesh = as_called(mesh_of(*REVIEWS, deployment("z"), ruled))
    assert [lane.name for lane in plan(mesh).lanes] == ["untagged"]
    assert plan(mesh).unset_headers == ()


def of_kind(kind: str, api: str, spec: Document) -> Document:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": "x"}, "spec": spec}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (of_kind("Ingress", "networking.k8s.io/v1", {}), "the Ingress here is not planned"),
        (
            of_kind("IngressRoute", "traefik.io/v1alpha1", {}),
            "the IngressRoute here is not planned",
        ),
        (of_kind("HTTPProxy", "projectcontour.io/v1", {}), "the HTTPProxy here is not planned"),
        (
            of_kind("Canary", "flagger.app/v1beta1", {}),
            "Flagger writes its routing while it runs (Canary)",
        ),
        (
            of_kind("Rollout", "argoproj.io/v1alpha1", {"workloadRef": {"name": "reviews-v1"}}),
            "Argo Rollouts writes its weights while it runs (Rollout)",
        ),
    ],
)
def test_what_explains_that_there_is_none(document: Document, sentence: str) -> None:
    assert messages(*REVIEWS, BY_USER, document) == [
        f"nothing here is bound to a gateway; {sentence}: planned as seen by a caller of reviews"
    ]


@pytest.mark.parametrize(
    "document",
    [
        gateway(),
        virtual_service("*", rule(to("reviews")), gateways=["g"], name="web"),
        http_route("r", {"name": "web"}, route_rule(backend("reviews"))),
    ],
)
def test_with_a_gateway_it_is_that_which_counts(document: Document) -> None:
    assert messages(*REVIEWS, BY_USER, document) == []


def test_the_command_plans_it(tmp_path: Any) -> None:
    file = write(tmp_path, *REVIEWS, BY_USER)
    done = lanes("plan", file)
    assert done.exit_code == 0
    assert "warning: nothing here is bound to a gateway" in done.stdout
    assert lanes("diff", file, file).exit_code == 0
