"""What `lanes lint` says of values that have not the shape of their kind, by field."""

from pathlib import Path

import pytest

from lanes.lint.check import lint
from tests.kube import (
    Document,
    deployment,
    destination_rule,
    gateway,
    header_is,
    put,
    rule,
    service,
    to,
    virtual_service,
    without,
    write,
)

CART, PODS, GATEWAY = service("cart", 8000), deployment("cart"), gateway()
ROUTES = virtual_service("cart", rule(to("cart")))
KUSTOMIZATION = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "any"}}
ABORT = "spec.http[0].fault.abort"


def of_kind(kind: str, document: Document = PODS) -> Document:
    return put(document, "kind", kind)


def asking(header: str, field: str) -> Document:
    return virtual_service("cart", rule(to("cart"), match=[header_is(header, "x", field)]))


# A resource, a field, the value there, and whether it is reported.
VALUES: list[tuple[Document, str, object, bool]] = [
    (GATEWAY, "spec.servers", "x", True),
    (GATEWAY, "spec.servers", [], True),
    (GATEWAY, "spec.servers[0]", [], True),
    (CART, "spec.selector", [], True),
    (CART, "metadata", [], True),
    (CART, "spec.ports[0].port", "80", True),
    (CART, "spec.ports[0].port", 80.5, True),
    (CART, "spec.ports[0].port", 80.0, False),
    (CART, "spec.ports[0].port", 0, True),
    (CART, "spec.ports[0].port", 65536, True),
    (PODS, "spec.template.spec.hostNetwork", "yes", True),
    (PODS, "spec.replicas", -1, True),
    (PODS, "spec.replicas", 10**6, False),  # which a cluster takes
    (ROUTES, f"{ABORT}.percentage.value", "x", True),
    (ROUTES, "spec.http[0].timeout", "x", True),
    (
        destination_rule("cart", policy={"outlierDetection": {}}),
        "spec.trafficPolicy.outlierDetection.interval",
        "0s",
        True,
    ),
    # What looks like a number, as a label and elsewhere.
    (CART, "spec.selector.x", 1, True),
    (CART, "spec.selector.x", 1.5, True),
    (CART, "spec.selector.x", False, True),
    (CART, "spec.selector.x", [], False),
    (CART, "spec.selector.x", None, False),
    (CART, "metadata.labels.x", 1, True),
    (CART, "metadata.annotations.x", 1, True),
    (CART, "metadata.name", 1, False),
    (PODS, "spec.selector.matchLabels.x", 1, True),
    (asking("x", "exact"), "spec.http[0].match[0].sourceLabels.x", 1, True),
    (ROUTES, "spec.http[0].name", 1, False),
]


@pytest.mark.parametrize(("document", "field", "value", "reported"), VALUES)
def test_a_value_of_another_type_is_reported_where_no_cluster_takes_it(
    document: Document, field: str, value: object, reported: bool, tmp_path: Path
) -> None:
    file = write(tmp_path, put(document, field, value))
    fields = [sentence.split(": ")[2] for sentence in lint([file]).unread]
    assert fields == [field] * reported


HEADERS = "spec.http[0].match[0].headers"
WITHOUT_TEMPLATE = without(PODS, "spec.template")

# What is read, and the fields of the first of it that are reported.
FIELDS: list[tuple[list[Document], list[str]]] = [
    *(
        ([of_kind(kind, document)], [field] * reported)
        for kind, reported in (
            *(("Deployment", True), ("StatefulSet", True), ("DaemonSet", True)),
            *(("ReplicaSet", False),),
        )
        for document, field in (
            (WITHOUT_TEMPLATE, "spec.template"),
            (without(PODS, "spec"), "spec"),
        )
    ),
    ([without(CART, "spec")], []),
    ([without(PODS, "spec.template.spec")], []),
    ([WITHOUT_TEMPLATE, SECRET], ["spec.template"]),
    ([WITHOUT_TEMPLATE, SECRET, KUSTOMIZATION], []),  # it may be a patch
    # A field misspelt, unless it may be a newer one.
    ([asking("x", "exat")], [f"{HEADERS}.x.exat"]),
    ([asking("exact", "exat")], [f"{HEADERS}.exact.exat"]),
    ([asking("x", "exhaust")], []),
    ([put(asking("x", "exact"), f"{HEADERS}.x.exat", "y")], []),  # the known one is there
    ([put(ROUTES, "spec.http[0].mirror_percent", 3)], []),
    ([put(ROUTES, "spec.http[0].mirror_percents", 3)], ["spec.http[0].mirror_percents"]),
    ([put(ROUTES, "spec.exprtTo", ["."])], ["spec.exprtTo"]),
    ([put(ROUTES, "spec.export_to", ["."])], ["spec.export_to"]),
    ([put(without(ROUTES, "spec"), "spc", {})], ["spc"]),
    (
        [destination_rule("cart", policy={"outlierDetection": {"consecutiveErrors": 5}})],
        [],
    ),
]


@pytest.mark.parametrize(("documents", "expected"), FIELDS)
def test_what_is_missing_or_misspelt_is_reported(
    documents: list[Document], expected: list[str], tmp_path: Path
) -> None:
    file = write(tmp_path, *documents)
    assert [sentence.split(": ")[2] for sentence in lint([file]).unread] == expected


@pytest.mark.parametrize(("written", "reported"), [("12", True), ("12:30", False)])
def test_what_another_reader_of_yaml_takes_for_a_string_is_one(
    written: str, reported: bool, tmp_path: Path
) -> None:
    file = tmp_path / "cart.yaml"
    head = "apiVersion: v1\nkind: Service\nmetadata: {name: cart}\n"
    file.write_text(f"{head}spec: {{selector: {{at: {written}}}}}\n", encoding="utf-8")
    assert len(lint([str(file)]).unread) == reported


def test_every_resource_counts(tmp_path: Path) -> None:
    """Those of kinds that have no model, and those that their model does not take, as well."""
    unread = put(service("shop"), "spec", [])
    assert lint([write(tmp_path, CART, SECRET, unread)]).resources == 3
