"""What rules make of a request's host and path: where they redirect it, or what they forward."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Redirect:
    """Where a rule's own answer leads; "" and None: where the request went.

    `path` stands in place of all of the path, `prefix` in place of what the match takes of it.
    """

    scheme: str = ""
    host: str = ""
    port: int | None = None
    path: str = ""
    prefix: str = ""


@dataclass(frozen=True)
class Rewrite:
    """What a rule makes of a request before it forwards it; "" and None: it stays.

    `prefix` stands in place of what the match takes of the path; `removes_prefix`: nothing does.
    `regex`: a regular expression, and what stands in place of what it takes.
    """

    host: str = ""
    prefix: str = ""
    removes_prefix: bool = False
    regex: tuple[str, str] | None = None
