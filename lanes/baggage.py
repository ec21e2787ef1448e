"""The `baggage` header as W3C defines it: https://www.w3.org/TR/baggage/."""

from urllib.parse import quote, unquote

# Characters that a baggage value may hold as they are.
_PLAIN = "!#$&'()*+-./:<=>?@[]^_`{|}~"


def members(header: str) -> dict[str, str]:
    """Names and decoded values; of a name that stands twice, the last, as OpenTelemetry does."""
    found = {}
    for entry in header.split(","):
        name, equals, rest = entry.partition("=")
        if equals and name.strip():
            found[name.strip()] = unquote(rest.partition(";")[0].strip())
    return found


def with_member(header: str, name: str, value: str) -> str:
    """`header` with the member `name` replaced or, if it isn't there, appended."""
    entries = [entry.strip() for entry in header.split(",") if entry.strip()]
    kept = [entry for entry in entries if entry.partition("=")[0].strip() != name]
    return ",".join([*kept, f"{name}={quote(value, safe=_PLAIN)}"])
