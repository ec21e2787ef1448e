"""Where a field stands in its file, and what is left of a resource without some of them."""

import pytest

from lanes.reading import kinds
from lanes.reading.documents import documents
from lanes.reading.kinds.core import Service
from lanes.reading.kinds.istio import Sidecar
from lanes.reading.partial import understood
from lanes.reading.positions import Written
from tests.kube import Document, put, service

TEXT = """\
kind: Service
spec:
  ports:
    - port: 80
      name: http
    - port:
        81
  selector:
    app.kubernetes.io/name: a
    app: {app: b}
    app.x: c
  items: []
"""


@pytest.mark.parametrize(
    ("field", "line", "text"),
    [
        ("", 1, ""),
        ("kind", 1, "Service"),
        ("spec", 2, ""),
        ("spec.ports", 3, ""),
        ("spec.ports[0]", 4, ""),
        ("spec.ports[0].port", 4, "80"),
        ("spec.ports[0].name", 5, "http"),
        ("spec.ports[1].port", 6, "81"),
        ("spec.ports[1].name", 6, ""),
        ("spec.ports[2].name", 3, ""),
        ("spec.ports[x].name", 3, ""),
        ("spec.ports.port", 3, ""),
        ("spec.selector[app.kubernetes.io/name]", 9, "a"),
        ("spec.selector.app.kubernetes.io/name", 9, "a"),
        ("spec.selector.app.app", 10, "b"),
        ("spec.selector.app.x", 11, "c"),
        ("spec.selector.ap", 8, ""),
        ("spec.selector.other", 8, ""),
        ("spec.items[0]", 12, ""),
        ("kind.spec", 1, "Service"),
    ],
)
def test_where_a_field_begins_and_what_stands_there(field: str, line: int, text: str) -> None:
    ((data, node),) = documents("x.yaml", TEXT)
    written = Written(data, node)
    assert (written.line(field), written.text(field)) == (line, text)


@pytest.mark.parametrize(
    ("text", "lines"), [("kind: List\nitems:\n- a: 1\n- b: 2\n", [3, 4]), ("items: {a: 1}\n", [1])]
)
def test_the_items_of_a_list_have_their_own_lines(text: str, lines: list[int]) -> None:
    ((data, node),) = documents("x.yaml", text)
    assert [one.line("") for one in Written(data, node).items()] == lines


def many(number: int) -> Document:
    """A Service of whose ports so many are none, one after another."""
    return put(service("a"), "spec.ports", [{"port": 0} for _ in range(number)])


@pytest.mark.parametrize(
    ("document", "left_out", "ports"),
    [
        (service("a"), (), [8000]),
        (put(service("a"), "spec.ports[0].port", 0), ("spec.ports[0].port", "spec.ports"), []),
        (put(service("a"), "spec.ports[0].targetPort", -1), ("spec.ports[0].targetPort",), [8000]),
        (many(2), ("spec.ports[0].port", "spec.ports[1].port", "spec.ports"), []),
        (put(service("a"), "spec.selector.app", 5), ("spec.selector.app",), [8000]),
        (put(service("a"), "spec.ports", [{"port": 80}, "x"]), ("spec.ports",), []),
    ],
)
def test_what_is_understood_of_a_resource(
    document: Document, left_out: tuple[str, ...], ports: list[int]
) -> None:
    body, found = understood(Service, document)
    assert body is not None
    assert (found, [port.port for port in body.spec.ports]) == (left_out, ports)


def test_nothing_is_left_without_metadata_or_spec() -> None:
    for broken in ({**service("a"), "metadata": 5}, {**service("a"), "spec": 5}):
        assert understood(Service, broken) == (None, ())


def test_fields_that_are_not_known_are_left_out_by_their_names() -> None:
    spec = {"egress": [{"hosts": ["./*"], "port": {}}], "other": 1}
    document = {"apiVersion": "x", "kind": "Sidecar", "metadata": {"name": "a"}, "spec": spec}
    body, found = understood(Sidecar, document)
    assert found == ("spec.egress[0].port", "spec.other")
    assert body is not None
    assert body.spec.egress[0].hosts == ["./*"]


@pytest.mark.parametrize(
    ("document", "group", "name", "namespace"),
    [
        ({"apiVersion": "x.org/v1", "kind": "A", "metadata": {"name": "a"}}, "x.org", "a", ""),
        ({"apiVersion": "v1", "metadata": {"namespace": "b"}}, "", "", "b"),
        ({"metadata": 5}, "", "", ""),
    ],
)
def test_what_is_known_of_any_resource(
    document: Document, group: str, name: str, namespace: str
) -> None:
    body = kinds.Untyped.of(document)
    found = (body.group, body.kind, body.metadata.name, body.metadata.namespace)
    assert found == (group, document.get("kind", ""), name, namespace)
