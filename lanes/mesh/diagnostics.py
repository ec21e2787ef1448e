"""Findings: what manifests say that is worth a warning, each at its place."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Finding:
    """One thing to look at: where it stands, and in a sentence what will happen.

    `rule` is its kind's short name; `file` and `line` are where it was read ("", 0: not known).
    `resource` is as errors name it, VirtualService shop; `field` a path below it, or "".
    """

    rule: str
    file: str
    resource: str
    field: str
    message: str
    line: int = 0

    def __str__(self) -> str:
        """The finding as a line: file: resource: field: message."""
        return ": ".join(filter(None, (self.file, self.resource, self.field, self.message)))

    def json(self) -> dict[str, str]:
        """What programs get of it."""
        return {
            "rule": self.rule,
            "file": self.file,
            "resource": self.resource,
            "field": self.field,
            "message": self.message,
        }
