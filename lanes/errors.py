"""What goes wrong for the user, as sentences.

Every error that a user can cause or meet is a `LanesError`. The command line
prints it and exits with 2; anything else is a defect and may show a traceback.
"""


class LanesError(Exception):
    """One sentence: what is wrong, where, and what to do."""


class ManifestError(LanesError):
    """A manifest that can't be read, or asks for what the laptop mesh does not emulate."""

    def __init__(self, source: str, resource: str, field: str, problem: str) -> None:
        where = ": ".join(part for part in (source, resource, field) if part)
        super().__init__(f"{where}: {problem}")
