"""Evaluate a proxy's configuration for a request, as Envoy would.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from urllib.parse import parse_qs

import re2

from tests.istio.xds import Json, everything, resources

ANYWHERE = "passthrough"


@dataclass(frozen=True)
class Part:
    """A share of the requests that are like one request, with their answer or destination.

    If `status` is 200, one of the pods at `addresses` gets `headers`. ANYWHERE stands for the
    address that the caller looked up.
    """

    share: Fraction
    status: int
    addresses: frozenset[str] = frozenset()
    headers: Mapping[str, str] | None = None


class Config:
    """A proxy's configuration."""

    def __init__(self, dump: Json) -> None:
        self._routes = {r["name"]: r for r in resources(dump, "RoutesConfigDump")}
        self._clusters = {c["name"]: c for c in resources(dump, "ClustersConfigDump")}
        self._endpoints = {e["clusterName"]: e for e in resources(dump, "EndpointsConfigDump")}
        self._listeners = {entry["name"]: entry for entry in resources(dump, "ListenersConfigDump")}

    def parts(
        self,
        port: int,
        host: str,
        path: str,
        headers: Mapping[str, str],
        name: str = "",
        method: str = "GET",
        authority: str = "",
    ) -> list[Part]:
        """Return the parts of a request for `host` at `port`.

        `name` is the route configuration's. `authority` is the name in the request; "": `host`.
        """
        called = authority or host
        sent = {":authority": called, ":method": method, ":scheme": "http", **headers}
        tcp_cluster = self._as_tcp(port, host)
        if tcp_cluster:
            return [self._part(Fraction(1), tcp_cluster, sent)]
        detected = f"{host}:{port}"  # Istio detects the protocol of a port that declares none
        routes = self._routes.get(name or detected) or self._routes.get(str(port)) or {}
        if not routes and "virtualOutbound" in self._listeners:
            return [self._part(Fraction(1), self._unknown(), sent)]
        virtual_host = _virtual_host(routes.get("virtualHosts", []), called) or {}
        plain, _, query = path.partition("?")
        for route in virtual_host.get("routes", ()):
            if _matches(route["match"], plain, query, sent):
                return list(self._parts(route, sent))
        return [Part(Fraction(1), 404)]

    def _as_tcp(self, port: int, host: str) -> str | None:
        """Return the cluster that takes TCP connections for `host`, unless a rule for HTTP does."""
        cluster = f"outbound|{port}||{host}"
        for listener in self._listeners.values():
            clusters = [proxy.get("cluster") for proxy in everything(listener, "typedConfig")]
            if cluster in clusters and not list(everything(listener, "rds")):
                return cluster
        return None

    def _unknown(self) -> str:
        """Return the cluster of calls to a port that the proxy does not know."""
        chains = self._listeners["virtualOutbound"]["filterChains"]
        everywhere = [chain for chain in chains if "filterChainMatch" not in chain]
        return str(next(everything(everywhere, "cluster")))

    def _parts(self, route: Json, headers: Mapping[str, str]) -> Iterator[Part]:
        if "directResponse" in route:
            yield Part(Fraction(1), route["directResponse"]["status"])
            return
        if "redirect" in route:
            code = route["redirect"].get("responseCode", "MOVED_PERMANENTLY")
            yield Part(Fraction(1), _REDIRECTS[code])
            return
        aborts, status = _fault(route)
        action = route["route"]
        clusters = (
            [{"name": action["cluster"], "weight": 1}]
            if "cluster" in action
            else action["weightedClusters"]["clusters"]
        )
        total = sum(cluster.get("weight", 0) for cluster in clusters)
        for cluster in clusters:
            share = Fraction(cluster.get("weight", 0), total)
            # A destination's changes come first and the route's after them.
            changed = _changed(_changed(headers, cluster), route)
            if share and aborts:
                yield Part(share * aborts, status, headers=changed)
            if share and aborts < 1:
                yield self._part(share * (1 - aborts), cluster["name"], changed, action)

    def _part(
        self, share: Fraction, name: str, headers: Mapping[str, str], action: Json | None = None
    ) -> Part:
        cluster = self._clusters.get(name)
        if name == "BlackHoleCluster":
            return Part(share, 502, headers=headers)
        if cluster is None:
            code = (action or {}).get("clusterNotFoundResponseCode")
            return Part(share, 500 if code == "INTERNAL_SERVER_ERROR" else 503, headers=headers)
        if cluster["type"] == "ORIGINAL_DST":
            return Part(share, 200, frozenset({ANYWHERE}), headers)
        addresses = self.first_endpoints(name)
        return Part(share, 200 if addresses else 503, addresses, headers)

    def first_endpoints(self, cluster: str) -> frozenset[str]:
        """Return the addresses that a cluster uses while all its endpoints are healthy."""
        tiers = [
            tier
            for tier in self._endpoints.get(cluster, {}).get("endpoints", ())
            if tier.get("lbEndpoints")
        ]
        first = min((tier.get("priority", 0) for tier in tiers), default=0)
        return frozenset(
            entry["endpoint"]["address"]["socketAddress"]["address"]
            for tier in tiers
            if tier.get("priority", 0) == first
            for entry in tier["lbEndpoints"]
            if entry.get("healthStatus", "HEALTHY") != "UNHEALTHY"
        )


_REDIRECTS = {
    "MOVED_PERMANENTLY": 301,
    "FOUND": 302,
    "SEE_OTHER": 303,
    "TEMPORARY_REDIRECT": 307,
    "PERMANENT_REDIRECT": 308,
}


def _virtual_host(hosts: list[Json], name: str) -> Json | None:
    """Return the host with the longest domain: the name itself, then *.suffix, then *."""
    name = name.lower()
    best: tuple[int, Json] | None = None
    for host in hosts:
        for domain in map(str.lower, host["domains"]):
            plain = domain.rsplit(":", 1)[0] if ":" in domain else domain
            if name in (domain, plain):
                length = 1000 + len(domain)
            elif domain.startswith("*") and name.endswith(domain[1:]):
                length = len(domain)
            else:
                continue
            if best is None or length > best[0]:
                best = (length, host)
    return best[1] if best else None


def _matches(match: Json, path: str, query: str, headers: Mapping[str, str]) -> bool:
    if "dynamicMetadata" in match:
        return all(entry.get("invert") for entry in match["dynamicMetadata"])
    parameters = parse_qs(query, keep_blank_values=True)
    return (
        _matches_path(match, path)
        and all(_matches_header(header, headers) for header in match.get("headers", ()))
        and all(
            _matches_value(parameter, parameters.get(parameter["name"], [None])[0])
            for parameter in match.get("queryParameters", ())
        )
    )


def _matches_path(match: Json, path: str) -> bool:
    same = (lambda text: text) if match.get("caseSensitive", True) else str.lower
    path = same(path)
    if "path" in match:
        return path == same(match["path"])
    if "safeRegex" in match:
        return re2.fullmatch(match["safeRegex"]["regex"], path) is not None
    if "pathSeparatedPrefix" in match:
        return f"{path}/".startswith(same(match["pathSeparatedPrefix"]) + "/")
    return path.startswith(same(match["prefix"]))


def _matches_header(match: Json, headers: Mapping[str, str]) -> bool:
    name = match["name"].lower()  # in Envoy, Host is :authority
    value = headers.get(":authority" if name == "host" else name)
    if value is None and match.get("treatMissingHeaderAsEmpty"):
        value = ""
    inverted = bool(match.get("invertMatch"))
    return _matches_value(match, value) != inverted


def _matches_value(match: Json, value: str | None) -> bool:
    if match.get("presentMatch"):
        return value is not None
    pattern: Json = match["stringMatch"]
    if value is None:
        return False
    same = str.lower if pattern.get("ignoreCase") else (lambda text: text)
    if "safeRegex" in pattern:
        return re2.fullmatch(pattern["safeRegex"]["regex"], value) is not None
    if "prefix" in pattern:
        return same(value).startswith(same(pattern["prefix"]))
    return same(value) == same(pattern.get("exact", ""))


def _fault(route: Json) -> tuple[Fraction, int]:
    """Return the share of requests that a rule aborts, and their status."""
    filters: dict[str, Any] = route.get("typedPerFilterConfig", {})
    abort = filters.get("envoy.filters.http.fault", {}).get("abort")
    if not abort or "httpStatus" not in abort:
        return Fraction(0), 0
    percentage = abort.get("percentage", {})
    of = {"HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": 1_000_000}
    return Fraction(
        percentage.get("numerator", 0), of[percentage.get("denominator", "HUNDRED")]
    ), abort["httpStatus"]


def _changed(headers: Mapping[str, str], entry: Json) -> dict[str, str]:
    gone = {name.lower() for name in entry.get("requestHeadersToRemove", ())}
    changed = {name: value for name, value in headers.items() if name not in gone}
    for option in entry.get("requestHeadersToAdd", ()):
        name, value = option["header"]["key"].lower(), option["header"]["value"]
        if option.get("appendAction", "APPEND_IF_EXISTS_OR_ADD") == "APPEND_IF_EXISTS_OR_ADD":
            value = f"{changed[name]},{value}" if name in changed else value
        changed[name] = value
    return changed
