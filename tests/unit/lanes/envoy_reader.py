"""Reads Envoy's configuration as Envoy would: which endpoints does a request reach?

A second opinion on `lanes.planning.plan`, which reads the same off the manifests. What it knows of
Envoy (the order of header changes above all) was tried on the real one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import re2

from tests.unit.lanes.reading import Json

GATEWAY = ("127.0.0.1", 8080)


@dataclass(frozen=True)
class Way:
    """One of the ways that a route leads: its weight, its cluster, the headers sent on."""

    weight: int
    cluster: str
    headers: Mapping[str, str]


def ways(
    config: Json, listener: tuple[str, int], host: str, path: str, headers: Mapping[str, str]
) -> list[Way]:
    """Where the listener at this address sends a request; empty where it sends it nowhere."""
    hosts = _manager(config, listener)["route_config"]["virtual_hosts"]
    virtual_host = next((v for v in hosts if host in v["domains"]), None) or next(
        v for v in hosts if "*" in v["domains"]
    )
    route = next((r for r in virtual_host["routes"] if _takes(r["match"], path, headers)), None)
    if route is None or "route" not in route:
        return []
    # The destination's changes come first and the route's after them, so the route's win.
    return [
        Way(c.get("weight", 0), c["name"], _changed(_changed(headers, c), route))
        for c in route["route"]["weighted_clusters"]["clusters"]
    ]


def first_endpoints(config: Json, cluster: str) -> set[tuple[str, int]]:
    """The addresses that a cluster uses while all its endpoints are healthy."""
    tiers = _cluster(config, cluster)["load_assignment"]["endpoints"]
    if not tiers:
        return set()
    first = min(tiers, key=lambda tier: int(tier["priority"]))
    return {_address(e["endpoint"]["address"]) for e in first["lb_endpoints"]}


def _manager(config: Json, listener: tuple[str, int]) -> Json:
    for entry in config["static_resources"]["listeners"]:
        addresses = [
            entry["address"],
            *(more["address"] for more in entry.get("additional_addresses", [])),
        ]
        if listener in map(_address, addresses):
            manager: Json = entry["filter_chains"][0]["filters"][0]["typed_config"]
            return manager
    raise AssertionError(f"nothing listens on {listener}")


def _cluster(config: Json, name: str) -> Json:
    (found,) = [c for c in config["static_resources"]["clusters"] if c["name"] == name]
    cluster: Json = found
    return cluster


def _address(entry: Json) -> tuple[str, int]:
    return entry["socket_address"]["address"], entry["socket_address"]["port_value"]


def _takes(match: Json, path: str, headers: Mapping[str, str]) -> bool:
    if "path" in match:
        fits = path == match["path"]
    elif "safe_regex" in match:
        fits = re2.fullmatch(match["safe_regex"]["regex"], path) is not None
    elif "path_separated_prefix" in match:
        fits = f"{path}/".startswith(match["path_separated_prefix"] + "/")
    else:
        fits = path.startswith(match["prefix"])
    return fits and all(
        h["name"] in headers and _holds(h["string_match"], headers[h["name"]])
        for h in match.get("headers", [])
    )


def _holds(match: Json, value: str) -> bool:
    ((how, wanted),) = match.items()
    if how == "safe_regex":
        return re2.fullmatch(wanted["regex"], value) is not None
    return value == wanted if how == "exact" else value.startswith(wanted)


def _changed(headers: Mapping[str, str], entry: Mapping[str, Any]) -> dict[str, str]:
    gone = entry.get("request_headers_to_remove", [])
    changed = {name: value for name, value in headers.items() if name not in gone}
    for option in entry.get("request_headers_to_add", []):
        name, value = option["header"]["key"], option["header"]["value"]
        if option["append_action"] == "APPEND_IF_EXISTS_OR_ADD" and name in changed:
            value = f"{changed[name]},{value}"
        changed[name] = value
    return changed
