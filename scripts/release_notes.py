"""List Istio's release notes on routing, with the fields that they name.

usage: python -m scripts.release_notes [VERSION]

VERSION is a version of the Go module istio.io/istio. Only notes that the pinned version lacks are
listed; without VERSION, all notes of the pinned version. Exit codes: 0 listed, 1 not readable, 3 no
Go for this machine, or no such version.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from scripts import golang
from scripts.istiod import MODULE, VERSION

_NOTES = "releasenotes/notes"
_QUOTED = re.compile(r"`([^`\n]+)`")
# A field name, or an annotation or label of Istio.
_FIELD = re.compile(r"[a-z]+[A-Z][A-Za-z0-9]*|(?:[a-z][a-z.-]*\.)?istio\.io/[A-Za-z0-9-]+")
# Notes of these areas may be about routes.
_AREAS = ("traffic-management",)


@dataclass(frozen=True)
class Note:
    """A release note on routing: its file, its sentences, and the fields that they name."""

    file: str
    text: str

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the names in the note that may occur in a manifest."""
        quoted = (part for one in _QUOTED.findall(self.text) for part in _parts(one))
        return tuple(dict.fromkeys(filter(_FIELD.fullmatch, quoted)))


def _parts(quoted: str) -> Iterator[str]:
    """Yield the names in a quotation: three for spec.http.retries."""
    for word in re.split(r"[\s=:,\[\]\"]+", quoted):
        yield from [word] if "istio.io/" in word else word.split(".")


def notes(version: str) -> dict[str, Note]:
    """Return the notes on routing of a version of the module, by file.

    Raises NotHereError if there is no Go, or no such version.
    """
    folder = golang.bring_source(MODULE, version) / _NOTES
    found = {}
    for file in sorted(folder.glob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            if isinstance(document, dict) and document.get("area") in _AREAS:
                text = "\n".join(map(str, document.get("releaseNotes") or ()))
                found[file.name] = Note(file.name, text)
    return found


def main(arguments: list[str]) -> int:
    """Print the notes and their fields; return the exit code."""
    try:
        before = notes(VERSION)
        after = notes(arguments[0]) if arguments else before
    except (golang.GoError, OSError) as error:
        print(f"release notes: {error}", file=sys.stderr)
        return getattr(error, "code", 1)
    for name, note in after.items():
        if not arguments or name not in before:
            first = note.text.strip().partition("\n")[0]
            print(f"{name}: {', '.join(note.fields) or '-'}\n  {first}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
