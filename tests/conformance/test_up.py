"""`lanes up` compared with the suite: one run for each Gateway and file, about two minutes."""

from collections import Counter
from collections.abc import Mapping

import pytest

from scripts.golang import NotHereError
from tests.conformance.comparing import AGREE, DIFFERENT, NOT_SUPPORTED
from tests.conformance.figures import UP
from tests.conformance.running import compare_up
from tests.conformance.suite import Table, tables


@pytest.fixture(scope="module")
def by_group() -> Mapping[str, list[Table]]:
    """Return the files of each group."""
    try:
        files: dict[str, list[Table]] = {}
        for table in tables():
            files.setdefault(table.group, []).append(table)
    except NotHereError as error:
        pytest.skip(str(error))
    return files


@pytest.mark.parametrize("group", UP)
def test_the_mesh_answers_as_the_suite_expects(
    by_group: Mapping[str, list[Table]], group: str
) -> None:
    results = [result for table in by_group[group] for result in compare_up(table)]
    different = [(r.request, r.why) for r in results if r.verdict == DIFFERENT]
    verdicts = Counter(result.verdict for result in results)
    figures = tuple(verdicts[each] for each in (AGREE, NOT_SUPPORTED, DIFFERENT))
    assert figures == UP[group], different
