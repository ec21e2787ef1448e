"""The `baggage` header as W3C defines it, and as OpenTelemetry's Python SDK reads it.

https://www.w3.org/TR/baggage/ encodes values alone; the SDK decodes names as well, and takes a
plus for a space.
"""

from functools import lru_cache
from urllib.parse import quote, unquote_plus

# Characters that a baggage value may hold as they are.
_PLAIN = "!#$&'()*-./:<=>?@[]^_`{|}~"


def members(header: str) -> dict[str, str]:
    """Decoded names and values; of a name that stands twice, the last, as OpenTelemetry does."""
    found = {}
    for entry in header.split(","):
        name, equals, rest = entry.partition("=")
        if equals and name.strip():
            found[_decoded(name)] = _decoded(rest.partition(";")[0])
    return found


@lru_cache(maxsize=4096)
def with_member(header: str, name: str, value: str) -> str:
    """`header` with the member `name` first, and none other of that name."""
    entries = [entry.strip() for entry in header.split(",") if entry.strip()]
    kept = [entry for entry in entries if _decoded(entry.partition("=")[0]) != name]
    return ",".join([f"{name}={quote(value, safe=_PLAIN)}", *kept])


def _decoded(text: str) -> str:
    return unquote_plus(text).strip()
