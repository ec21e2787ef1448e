"""Changes of a request's host and path by a rule: redirects and rewrites."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Redirect:
    """The location of a rule's redirect; "" and None: as in the request.

    `path` replaces all of the path, `prefix` the part that the match takes.
    """

    scheme: str = ""
    host: str = ""
    port: int | None = None
    path: str = ""
    prefix: str = ""


@dataclass(frozen=True)
class Rewrite:
    """The changes to a request before the rule forwards it; "" and None: no change.

    `prefix` replaces the part of the path that the match takes; `removes_prefix` removes the part.
    `regex`: a regular expression and its replacement.
    """

    host: str = ""
    prefix: str = ""
    removes_prefix: bool = False
    regex: tuple[str, str] | None = None
