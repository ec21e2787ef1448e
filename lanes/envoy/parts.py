"""Small parts of Envoy's configuration that the others are made of."""

from typing import Any

from lanes.mesh.headers import is_header_name

Json = dict[str, Any]

TYPES = "type.googleapis.com/envoy."


def address(host: str, port: int) -> Json:
    return {"socket_address": {"address": host, "port_value": port}}


def typed(name: str, kind: str, **fields: Any) -> Json:
    return {"name": name, "typed_config": {"@type": TYPES + kind, **fields}}


def seconds(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".") + "s"


def header_in_format(name: str) -> str:
    """What stands for a request's header in a format string; "" for what no header is called."""
    return f"%REQ({name})%" if is_header_name(name) else ""
