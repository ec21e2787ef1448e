"""What is found while manifests become a mesh, and which file a mark is about."""

import pytest

from lanes.errors import LanesError, ManifestError
from lanes.mesh.diagnostics import Diagnostics, Finding, with_file

WARNING = Finding("order", "b.yaml", "Service b", "", "is odd")
WRONG = ManifestError("a.yaml", "Service a", "spec.ports", "is wrong")
OTHER = ManifestError("a.yaml", "Service a", "", "is worse")


def test_each_is_kept_once_in_the_order_found() -> None:
    found = Diagnostics([WARNING])
    found.warn(WARNING, Finding("order", "", "Service a", "spec", "is odder"), WARNING)
    assert [str(one) for one in found.warnings] == [
        "b.yaml: Service b: is odd",
        "Service a: spec: is odder",
    ]
    assert [found.error(one) for one in (WRONG, OTHER, WRONG)] == [
        "Service a: spec.ports: is wrong",
        "Service a: is worse",
        "Service a: spec.ports: is wrong",
    ]
    assert [(one.rule, one.message) for one in found.errors] == [
        ("not-supported", "is wrong"),
        ("not-supported", "is worse"),
    ]
    for problem in (WRONG, OTHER, WRONG):
        found.not_simulate(problem)
    assert found.not_simulated == (str(WRONG), str(OTHER))


def test_what_stops_a_plan() -> None:
    found = Diagnostics([WARNING])
    found.not_simulate(WRONG)
    found.require_plannable(strict=True)
    with found.gathered():
        raise WRONG
    found.require_plannable(strict=False)
    with pytest.raises(LanesError) as caught:
        found.require_plannable(["it may be this"], strict=True)
    assert str(caught.value).splitlines() == ["it may be this", str(WRONG)]
    with found.gathered(fatal=True):
        raise OTHER
    with pytest.raises(LanesError) as caught:
        found.require_plannable(strict=False)
    assert str(caught.value).splitlines() == [str(OTHER), str(WRONG)]


def test_what_programs_get_of_a_finding() -> None:
    assert WARNING.json() == {
        "rule": "order",
        "file": "b.yaml",
        "resource": "Service b",
        "field": "",
        "message": "is odd",
    }


ONE, TWO = (Finding("x", file, "Service a", "", f"of {file}") for file in ("1.yaml", "2.yaml"))


@pytest.mark.parametrize(
    ("mark", "found"),
    [
        ("Service a: of 2.yaml", "2.yaml: Service a: of 2.yaml"),
        ("Service a: of 1.yaml", "1.yaml: Service a: of 1.yaml"),
        ("Service a: of none", "1.yaml: Service a: of none"),
        ("Service ab: of none", "Service ab: of none"),
    ],
)
def test_the_file_that_a_mark_is_about(mark: str, found: str) -> None:
    assert with_file(mark, [WARNING, ONE, TWO]) == found
