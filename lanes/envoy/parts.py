"""Small parts of Envoy's configuration that other modules use."""

from typing import Any

from lanes.mesh.headers import is_header_name
from lanes.mesh.matching import StringMatch

Json = dict[str, Any]

TYPES = "type.googleapis.com/envoy."


def address(host: str, port: int) -> Json:
    return {"socket_address": {"address": host, "port_value": port}}


def typed(name: str, kind: str, **fields: Any) -> Json:
    return {"name": name, "typed_config": {"@type": TYPES + kind, **fields}}


def seconds(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".") + "s"


def fraction(share: float) -> Json:
    """Return Envoy's fraction for a share from 0 to 1."""
    return {"numerator": round(share * 1_000_000), "denominator": "MILLION"}


def matcher(match: StringMatch) -> Json:
    """Return a matcher of a value, for a match by exact value, prefix or regular expression."""
    if match.kind == "regex":
        return {"safe_regex": {"regex": match.value}}
    return {match.kind: match.value}


def header_in_format(name: str) -> str:
    """Return a request's header for a format string; "" if `name` is not a header's name."""
    return f"%REQ({name})%" if is_header_name(name) else ""
