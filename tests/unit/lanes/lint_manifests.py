"""Manifests without findings, and variants of them, for the tests of lint's rules."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from lanes.lint.check import lint
from tests.kube import (
    Document,
    deployment,
    destination_rule,
    gateway,
    header_is,
    istio,
    put,
    rule,
    service,
    to,
    virtual_service,
    without,
    write,
)


def findings(tmp_path: Path, code: str, documents: Sequence[Document]) -> list[str]:
    """Return the resource and field of each finding of a rule."""
    report = lint([write(tmp_path, *documents)])
    return sorted(f"{f.resource}: {f.field}" for f in report.findings if f.rule == code)


def message(tmp_path: Path, code: str, documents: Sequence[Document]) -> str:
    """Return the message of a rule's only finding."""
    report = lint([write(tmp_path, *documents)])
    (finding,) = (f for f in report.findings if f.rule == code)
    return finding.message


def cases(by_rule: Mapping[str, Sequence[tuple[list[Document], list[str]]]]) -> list[ParameterSet]:
    """Return a test's parameters: a rule's code, manifests, and the expected findings."""
    return [
        pytest.param(code, documents, expected, id=f"{code}-{number}")
        for code, rows in by_rule.items()
        for number, (documents, expected) in enumerate(rows)
    ]


def no_namespace(document: Document) -> Document:
    """Return the resource without its namespace: `kubectl apply` may put it into any."""
    return without(document, "metadata.namespace")


HTTP: Document = {"name": "http", "port": 8000}
CART = service("cart", HTTP)
GATEWAY = gateway()
PODS = [deployment("cart", "v1"), deployment("cart", "v2")]
SUBSETS = destination_rule("cart", "v1", "v2")
REST = rule(to("cart", "v1"))
SETS_LANE = {"request": {"set": {"baggage": "version=v2"}}}
ENTERED = virtual_service(
    "*", rule(to("cart", "v2", headers=SETS_LANE)), gateways=["demo-gateway"], name="entered"
)
MEMBER = r"(.*,)?\s*version\s*=\s*v2\s*([;,].*)?"
LANE = rule(to("cart", "v2"), match=[header_is("baggage", MEMBER, "regex")])
ROUTED = virtual_service("cart", LANE, REST)
GOOD = [GATEWAY, ENTERED, CART, *PODS, SUBSETS, ROUTED]
DNS = "svc.cluster.local"


def with_rules(*rules: Document, **fields: Any) -> list[Document]:
    """Return GOOD with these rules for the cart; `fields` are gateways, name and namespace."""
    return [d for d in GOOD if d is not ROUTED] + [virtual_service("cart", *rules, **fields)]


def replacing(old: Document, *new: Document) -> list[Document]:
    """Return GOOD with the documents `new` in place of `old`."""
    return [d for d in GOOD if d is not old] + list(new)


def of_kind(
    kind: str, api: str = "networking.istio.io/v1", name: str = "any", **spec: Any
) -> Document:
    """Return a resource of a kind that `tests.kube` has no function for."""
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}


def namespace(**labels: str) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "default", "labels": labels},
    }


def labeled(document: Document, **labels: str) -> Document:
    """Return a Deployment whose pods have these labels only."""
    return put(document, "spec.template.metadata.labels", labels)


def matching(*matches: Document, subset: str = "v2") -> Document:
    """Return a rule that sends requests that meet a match to a subset of the cart."""
    return rule(to("cart", subset), match=list(matches))


GET = {"method": {"exact": "GET"}}
# Resources of GOOD, as findings name them.
SERVICE, RULE, ROUTES = "Service cart", "DestinationRule cart", "VirtualService cart"
ENTRY = "VirtualService entered"
DESTINATION = "spec.http[0].route[0].destination"


def at_gateway(*rules: Document, at: Sequence[str] = ("demo-gateway",)) -> list[Document]:
    """Return GOOD with these rules at the gateways `at`."""
    return replacing(ENTERED, virtual_service("*", *rules, gateways=at, name="entered"))


def entry_match(match: Document, at: Sequence[str] = ("demo-gateway",)) -> list[Document]:
    """Return GOOD with two rules at the gateways: v2 for requests that match, or else v1."""
    return at_gateway(matching(match), REST, at=at)


# A subset whose labels no pod has.
NO_PODS: Document = {"name": "v2", "labels": {"version": "2"}}
CHAIN = istio({"web": (["v1", "v2"], ["cart"]), "cart": (["v1", "v2"], [])}, {"v1": 1, "v2": 1})


def chain_with(changes: Mapping[str, Document | None]) -> list[Document]:
    """Return CHAIN with documents replaced by kind and name, or removed where the value is None."""
    documents = {d["kind"] + " " + d["metadata"]["name"]: d for d in CHAIN}
    return [document for document in {**documents, **changes}.values() if document]


def without_baggage(version: str, *upstreams: str) -> Document:
    """Return pods of `web` that do not propagate baggage."""
    labels = {"lane-v2": "member"}
    return deployment("web", version, *upstreams, labels=labels, env={"OTEL_PROPAGATORS": "b3"})


ANY = rule(to("cart"))  # without a subset
PRIORITY = {"loadBalancer": {"localityLbSetting": {"failoverPriority": ["version=v2"]}}}
PREFERRED = destination_rule(
    "cart", "v1", {"name": "v2", "labels": {"app": "cart"}, "trafficPolicy": PRIORITY}
)
