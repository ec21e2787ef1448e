"""`lanes up` compared with the suite: one run for each Gateway and file, about two minutes."""

from collections import Counter
from collections.abc import Mapping

import pytest

from scripts.golang import NotHereError
from tests.conformance.asking import AGREE, DIFFERENT, NOT_SUPPORTED
from tests.conformance.figures import UP
from tests.conformance.running import ask_up
from tests.conformance.suite import Table, tables


@pytest.fixture(scope="module")
def by_group() -> Mapping[str, list[Table]]:
    """Return the files of each group."""
    try:
        found: dict[str, list[Table]] = {}
        for table in tables():
            found.setdefault(table.group, []).append(table)
    except NotHereError as error:
        pytest.skip(str(error))
    return found


@pytest.mark.parametrize("group", UP)
def test_the_mesh_answers_as_the_suite_expects(
    by_group: Mapping[str, list[Table]], group: str
) -> None:
    asked = [one for table in by_group[group] for one in ask_up(table)]
    different = [(one.request, one.why) for one in asked if one.verdict == DIFFERENT]
    found = Counter(one.verdict for one in asked)
    verdicts = (AGREE, NOT_SUPPORTED, DIFFERENT)
    assert tuple(found[one] for one in verdicts) == UP[group], different
