"""Write the table of values in the chart's README from the comments of values.yaml.

usage: python scripts/values_table.py [--check]

With --check nothing is written, and the exit code is 1 if the table is out of date.
"""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "helm" / "traffic-lanes"
HEAD = "| value | default | is |\n|---|---|---|\n"
KEY = re.compile(r"( *)([A-Za-z]+):(?: (.*))?")


def main(arguments: list[str]) -> int:
    """Write or check; return the exit code: 0 up to date, 1 drift, 2 wrong usage."""
    return write_or_check(arguments, "python scripts/values_table.py", CHART / "README.md", tabled)


def write_or_check(
    arguments: list[str], command: str, path: Path, wanted: Callable[[str], str]
) -> int:
    """Replace the text of a chart's file by `wanted` of it, or check it; return the exit code."""
    if arguments not in ([], ["--check"]):
        print(f"usage: {command} [--check]", file=sys.stderr)
        return 2
    there = path.read_text(encoding="utf-8")
    made = wanted(there)
    if arguments and made != there:
        print(f"{path.relative_to(ROOT)} is not what values.yaml says: make manifests")
        return 1
    if not arguments:
        path.write_text(made, encoding="utf-8")
    return 0


def tabled(readme: str) -> str:
    """Return the chart's README with the table of its values."""
    rows = [f"| `{key}` | {cell(default)} | {cell(text)} |\n" for key, default, text in values()]
    return readme.partition(HEAD)[0] + HEAD + "".join(rows)


def values() -> Iterator[tuple[str, str, str]]:
    """Yield key, default and comment of each value; of deep values only those with a comment."""
    path: list[str] = []
    comment: list[str] = []
    # The text before the first empty line is about the file.
    _, _, body = (CHART / "values.yaml").read_text(encoding="utf-8").partition("\n\n")
    for line in body.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            comment.append(stripped.removeprefix("#").strip())
            continue
        found = KEY.fullmatch(line)
        if found and len(found[1]) // 2 <= len(path):
            path[len(found[1]) // 2 :] = [found[2]]
            default = f"`{found[3]}`" if found[3] else ""
            if comment or (default and len(path) < 4):
                yield ".".join(path), default, " ".join(comment)
        comment = []


def cell(text: str) -> str:
    """Return text as a cell of a Markdown table."""
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
