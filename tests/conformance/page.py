"""Write docs/conformance.md from the plan's answers to the suite's requests.

usage: python -m tests.conformance.page (make conformance)
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.conformance.comparing import (
    AGREE,
    ASSUMED,
    DIFFERENT,
    NOT_SUPPORTED,
    Result,
    compare_plan,
)
from tests.conformance.figures import UP
from tests.conformance.reasons import REASONS
from tests.conformance.suite import MODULE, VERSION, Table, tables

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"

Compared = tuple[Table, tuple[Result, ...]]

_HEAD = f"""\
# The Gateway API's conformance suite and `lanes plan`

This page compares the plan with the suite's expectations, request by request.

The module `{MODULE}` {VERSION} has tables of requests, each with the backend or the status that
it must get. `make test-conformance` reads the tables and their manifests from the module. It plans
the manifests of each file, with one Gateway and one port at a time. For each request, it compares
the pods in the plan with the suite's expectation. No file of the module is copied.

- **agree**: the plan leads the request to the expected Service, or to the expected status.
- **not supported**: the plan says that it does not support a field that decides the request.
- **assumed**: the plan says that the request depends on an assumption: that a backend has the
  certificate of a BackendTLSPolicy.
- **different**: the plan has another answer. The reasons are below.
- **not compared**: the request needs a value that only a running test has, such as a certificate or
  an address, or the test changes resources before it sends the request.

If Istio and the API differ, the plan follows Istio. They differ, for example, in the precedence of
hostnames among routes of one listener. No compared request is known to depend on a difference.

Requests by TCP, TLS and UDP choose no HTTP route and are not counted.
"""


_UP = """
## `lanes up`

The same requests were sent to the mesh of `lanes up`, with a small server for each pod: to the
gateway, or to the sidecar of the client's pod. Statuses and pods are compared. Rewrites of a
backend, which Istio does not support either, get 501. These requests are different:

- requests that check the certificates of BackendTLSPolicies, since calls have no TLS here;
- a request with a method that the small server knows and the suite's server does not;
- two requests in the mesh to the address of one Service with the name of another. `lanes up` has no
  addresses of Services, and uses the name.

The small server speaks HTTP/1.1, so Services have no HTTP/2. Requests for HTTPS listeners are sent
by plain HTTP. The pod that accepts no connection (`httproute-retry-connection-error.go`) is left
out.
"""


def compared() -> tuple[Compared, ...]:
    """Return every file of the suite that sends HTTP requests, with the plan's verdicts."""
    return tuple(
        (table, compare_plan(table)) for table in tables() if table.requests or table.unread
    )


def counts(files: Iterable[Compared]) -> Counter[str]:
    """Return how many requests have each verdict."""
    return Counter(result.verdict for _, results in files for result in results)


def page(files: Sequence[Compared]) -> str:
    """Return the whole page."""
    groups = sorted({table.group for table, _ in files}, key=str.lower)
    total = [_row(group, [file for file in files if file[0].group == group]) for group in groups]
    rows = [_row(f"`{table.file}`", [(table, results)]) for table, results in files]
    return "\n".join(
        (
            _HEAD,
            *_table("about", total),
            _UP,
            *_up(),
            "\n## Different: why\n",
            *_differences(files),
            "\n## Not supported: why\n",
            *_unsupported(files),
            "\n## By file\n",
            *_table("file", rows),
            "",
        )
    )


def _table(first_heading: str, rows: Iterable[str]) -> Iterator[str]:
    yield f"| {first_heading} | agree | not supported | assumed | different | not compared |"
    yield "|---|---|---|---|---|---|"
    yield from rows


def _up() -> Iterator[str]:
    yield "| about | agree | not supported | different |"
    yield "|---|---|---|---|"
    for group, figures in UP.items():
        yield f"| {group} | {' | '.join(str(figure or '') for figure in figures)} |"


def _row(name: str, files: Sequence[Compared]) -> str:
    verdicts = counts(files)
    unread = sum(table.unread for table, _ in files)
    cells = [*(verdicts[each] for each in (AGREE, NOT_SUPPORTED, ASSUMED, DIFFERENT)), unread]
    return f"| {name} | {' | '.join(str(cell) if cell else '' for cell in cells)} |"


def _differences(files: Iterable[Compared]) -> Iterator[str]:
    for table, results in files:
        different = [result for result in results if result.verdict == DIFFERENT]
        if different:
            yield f"- `{table.file}` ({len(different)}): {REASONS[table.file]}"


def _unsupported(files: Iterable[Compared]) -> Iterator[str]:
    for table, results in files:
        reasons = Counter(_first(r.why) for r in results if r.verdict == NOT_SUPPORTED)
        for why, count in reasons.items():
            yield f"- `{table.file}` ({count}): {why}"


def _first(why: str) -> str:
    """Return the first sentence, without the name of the temporary file."""
    sentence = re.sub(r"^\S*/mesh\.yaml: ", "", why.partition("\n")[0])
    return sentence.replace("|", r"\|").replace("<", r"\<")


if __name__ == "__main__":
    PAGE.write_text(page(compared()), encoding="utf-8")
