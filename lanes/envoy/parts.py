"""Small parts of Envoy's configuration that the others are made of."""

from typing import Any

Json = dict[str, Any]

TYPES = "type.googleapis.com/envoy."


def address(host: str, port: int) -> Json:
    return {"socket_address": {"address": host, "port_value": port}}


def typed(name: str, kind: str, **fields: Any) -> Json:
    return {"name": name, "typed_config": {"@type": TYPES + kind, **fields}}


def seconds(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".") + "s"


def lua_filter(source: str, name: str = "lanes") -> Json:
    kind = "extensions.filters.http.lua.v3.Lua"
    return typed(name, kind, default_source_code={"inline_string": source})
