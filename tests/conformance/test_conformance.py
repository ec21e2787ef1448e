"""The plan compared with the Gateway API's conformance suite."""

from collections import Counter
from collections.abc import Mapping

import pytest

from scripts.golang import NotHereError
from tests.conformance import page
from tests.conformance.comparing import AGREE, ASSUMED, DIFFERENT, NOT_SUPPORTED
from tests.conformance.reasons import REASONS

# The numbers of requests by group: those that agree at least, and are different at most.
AT_LEAST: Mapping[str, int] = {"gateway": 253, "mesh": 73, "GRPCRoute": 36, "ListenerSet": 53}
AT_MOST: Mapping[str, int] = {"gateway": 2, "mesh": 0, "GRPCRoute": 0, "ListenerSet": 0}
# The requests that can be compared. A change of the tables' form must not hide any.
COMPARED: Mapping[str, int] = {"gateway": 264, "mesh": 73, "GRPCRoute": 36, "ListenerSet": 53}


@pytest.fixture(scope="module")
def files() -> tuple[page.Compared, ...]:
    """Return every file of the suite with the plan's verdicts."""
    try:
        return page.compared()
    except NotHereError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def by_group(files: tuple[page.Compared, ...]) -> Mapping[str, Counter[str]]:
    groups = {table.group for table, _ in files}
    return {group: page.counts(f for f in files if f[0].group == group) for group in groups}


def test_every_request_of_the_suite_is_compared(by_group: Mapping[str, Counter[str]]) -> None:
    assert {group: verdicts.total() for group, verdicts in by_group.items()} == COMPARED


@pytest.mark.parametrize("group", COMPARED)
def test_the_plan_agrees(by_group: Mapping[str, Counter[str]], group: str) -> None:
    verdicts = by_group[group]
    assert set(verdicts) <= {AGREE, NOT_SUPPORTED, ASSUMED, DIFFERENT}
    assert verdicts[AGREE] >= AT_LEAST[group]
    assert verdicts[DIFFERENT] <= AT_MOST[group]


def test_every_difference_has_its_reason(files: tuple[page.Compared, ...]) -> None:
    different = {
        table.file
        for table, results in files
        if any(result.verdict == DIFFERENT for result in results)
    }
    assert different == REASONS.keys()


def test_the_page_is_up_to_date(files: tuple[page.Compared, ...]) -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.page(files), "make conformance writes it"
