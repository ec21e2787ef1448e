"""Names stay strings in the rendered YAML, even if they look like other types."""

from collections.abc import Iterator

import pytest

from tests.chart.rendering import AWKWARD, EVERYTHING, ISTIO, Values, render

ROUTE: Values = ISTIO | {"gateway": {"parentRefs": [{"name": "web"}]}}


@pytest.mark.parametrize("release", ["2024", "1e3", "0x10", "2024-01-01", "null", "on"])
@pytest.mark.parametrize("values", [EVERYTHING, ROUTE], ids=["gateway", "route"])
def test_names_that_look_like_numbers(values: Values, release: str) -> None:
    for resource in render(values, "--namespace", release, release=release):
        assert resource["metadata"]["namespace"] == release
        assert resource["metadata"]["labels"]["app.kubernetes.io/part-of"] == release


@pytest.mark.parametrize("values", [AWKWARD, ISTIO | AWKWARD, AWKWARD | ROUTE])
def test_keys_and_names_are_text(values: Values) -> None:
    own: Values = {"defaults": {"env": {"on": "1"}, "pod": {"priorityClassName": "1"}}}
    gateway = {"gateway": values.get("gateway", {"tls": {"secret": "1e3"}})}
    for resource in render(values | own | gateway):
        for key, value in fields(resource):
            assert isinstance(key, str)
            if key in ("name", "subset", "app", "priorityClassName", "credentialName", "baggage"):
                assert isinstance(value, str | dict), (resource["kind"], key, value)


def fields(node: object) -> Iterator[tuple[object, object]]:
    """Yield every key of a document, at any depth, with its value."""
    if isinstance(node, dict):
        yield from node.items()
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    for each in inner:
        yield from fields(each)
