"""Write docs/lint.md from the rules of `lanes lint`: their texts, and their examples as diffs.

usage: python -m scripts.lint_page
"""

import difflib
import textwrap
from collections.abc import Iterator
from pathlib import Path

from lanes.lint.rule import Rule
from lanes.lint.rules import RULES

PAGE = Path(__file__).parent.parent / "docs" / "lint.md"

HEAD = """\
# What `lanes lint` finds

```console
$ lanes lint mine/                        # directories or files, or - for standard input
$ helm template mine | lanes lint -
$ lanes lint --format sarif mine/ > lint.sarif
```

It reads manifests alone, anybody's, those that `lanes plan` refuses among them, and says of each
finding where it stands, what will happen, and how to mend it. It judges what it is given: give it
all that goes to the cluster together, and alternatives one at a time.

An **error** is sure to misroute or to fail some requests, and makes the exit code 1. A **warning**
may: it does not change the exit code, 0. What can't be read is told on standard error; the rest is
linted all the same, and the exit code is 2. So is what has not the shape of its kind: no list where
one belongs, a label that is a number (`version: 1.0`), a weight of 33.3, a regular expression that
is not RE2, a Deployment without a template, and a field that is a known one but for a letter
(`htttp`). Fields that are not known here are left alone.

`--ignore TL003` leaves a rule out, and may stand more than once. `--format json` is for programs,
`sarif` for code review.

Made by `make manifests` from `lanes/lint/rules/`: one file a rule, with its text, an example that
it finds something in, and what mends it. The examples are its tests.
"""


def page() -> str:
    """The whole page."""
    rows = (f"| [{r.code}](#{_anchor(r)}) | {r.severity} | {r.title} |" for r in RULES)
    table = "\n".join(("| rule | | |", "|---|---|---|", *rows))
    return "\n".join((HEAD, table, *map(_section, RULES)))


def _anchor(rule: Rule) -> str:
    return f"{rule.code}-{rule.name}".lower()


def _section(rule: Rule) -> str:
    return (
        f"\n## {rule.code} {rule.name}\n\n{rule.title} *{rule.severity.title()}.*\n\n"
        f"{textwrap.fill(rule.text, 100)}\n\n```diff\n{chr(10).join(_diff(rule))}\n```"
    )


def _diff(rule: Rule) -> Iterator[str]:
    """The example with what mends it, whole."""
    bad, good = rule.bad.strip().splitlines(), rule.good.strip().splitlines()
    lines = difflib.unified_diff(bad, good, lineterm="", n=len(bad))
    yield from (line.rstrip() for number, line in enumerate(lines) if number > 2)


if __name__ == "__main__":
    PAGE.write_text(page() + "\n", encoding="utf-8")
