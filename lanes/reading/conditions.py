"""A VirtualService's conditions on one string."""

from lanes.mesh.matching import StringMatch
from lanes.reading import kinds


def string_match(match: kinds.StringMatch) -> StringMatch:
    if match.matches_all:
        return StringMatch("present")
    if match.exact is not None:
        return StringMatch("exact", match.exact)
    if match.prefix is not None:
        return StringMatch("prefix", match.prefix)
    return StringMatch("regex", match.regex or "")
