"""Virtual hosts: rules, their matches and destinations, header changes, timeouts, retries."""

import re
from collections.abc import Iterator
from typing import assert_never

from lanes.envoy.calls import service_names
from lanes.envoy.filters import filters_of
from lanes.envoy.lua import TO_BAGGAGE, for_headers
from lanes.envoy.parts import Json, matcher, seconds, typed
from lanes.mesh.diagnostics import with_file
from lanes.mesh.matching import Match, StringMatch
from lanes.mesh.model import Mesh, Route, ServicePort, Weighted, destinations_of
from lanes.mesh.rewriting import Redirect, Rewrite
from lanes.mesh.traffic import HeaderOps, Propagation, Retry

_MOST_CHARACTERS = 1000  # of a body; Envoy rejects bodies over 4,096 bytes

# By default, only requests that are safe to repeat are retried.
_REPEATABLE = [{"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD"}}}]


def service_host(port: ServicePort, namespace: str, call_port: int | None, mesh: Mesh) -> Json:
    """Return the virtual host of a Service's port at sidecars in `namespace`.

    `call_port` is the sidecar's port for the Service; None if the pods run no command.
    """
    names = service_names(port, namespace)
    domains = [f"{name}:{port.port}" for name in names]
    if port.port == 80:
        domains += names
    if call_port:
        domains.append(f"*:{call_port}")
    return virtual_host(f"{port.host.fqdn}:{port.port}", domains, port.routes, mesh)


def virtual_host(name: str, domains: list[str], routes: tuple[Route, ...], mesh: Mesh) -> Json:
    """Return a virtual host. Routes that are not supported or lead outside of `mesh` answer 501."""
    return {
        "name": name,
        "domains": domains,
        "routes": [entry for route in routes for entry in _entries(route, mesh)],
    }


def _entries(route: Route, mesh: Mesh) -> Iterator[Json]:
    """Yield an Envoy route for each match of a rule."""
    why = _left_out(route, mesh)
    for match in route.matches or (Match(),):
        if why:
            answer = {"status": 501, "body": {"inline_string": f"{why[:_MOST_CHARACTERS]}\n"}}
            yield {"match": _match(match), "direct_response": answer}
            continue
        changes = _headers(route.request, route.response)
        yield {"match": _match(match), **_action(route, match), **changes, **filters_of(route)}


def _left_out(route: Route, mesh: Mesh) -> str:
    """Return why a rule is left out, in a sentence; "" if it is not."""
    if route.unknown:
        return with_file(route.unknown, mesh.not_supported)
    outside = mesh.outside(destinations_of([route]))
    return f"{outside.place.file}: {outside.place.resource}: not simulated" if outside else ""


def _action(route: Route, match: Match) -> Json:
    """Return what a rule does with requests that meet one of its matches."""
    if route.destinations:
        return {
            "route": {
                "timeout": seconds(route.timeout or 0),
                "retry_policy": _retry_policy(route.retry),
                **_host(route.request),
                **(_rewrite(route.rewrite, match) if route.rewrite else {}),
                **_mirrors(route.mirrors),
                **_target(route.destinations),
            }
        }
    if route.redirect and route.status in _REDIRECTS:
        return {"redirect": _redirect(route.redirect) | {"response_code": _REDIRECTS[route.status]}}
    body = route.body or "the rule answers by itself: it has no backend, or needs none\n"
    return {"direct_response": {"status": route.status, "body": {"inline_string": body}}}


_REDIRECTS = {
    301: "MOVED_PERMANENTLY",
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}


def _redirect(redirect: Redirect) -> Json:
    path = {"path_redirect": redirect.path, "prefix_rewrite": redirect.prefix}
    fields = {"scheme_redirect": redirect.scheme, "host_redirect": redirect.host, **path}
    standard = {"http": 80, "https": 443}.get(redirect.scheme or "http")
    port = redirect.port if redirect.port != standard else None
    return {name: value for name, value in (*fields.items(), ("port_redirect", port)) if value}


def _host(request: HeaderOps) -> Json:
    return {"host_rewrite_literal": request.authority} if request.authority else {}


def _rewrite(rewrite: Rewrite, match: Match) -> Json:
    host = {"host_rewrite_literal": rewrite.host} if rewrite.host else {}
    if rewrite.removes_prefix:
        prefix = re.escape(match.uri.value) if match.uri else ""
        return host | _substitution(f"^{prefix}(/?)(.*)", r"/\2")
    if rewrite.regex:
        return host | _substitution(*rewrite.regex)
    return host | ({"prefix_rewrite": rewrite.prefix} if rewrite.prefix else {})


def _substitution(regex: str, replacement: str) -> Json:
    return {"regex_rewrite": {"pattern": {"regex": regex}, "substitution": replacement}}


def _target(destinations: tuple[Weighted, ...]) -> Json:
    return {
        # The cluster is missing if the manifests have no such Service.
        "cluster_not_found_response_code": "INTERNAL_SERVER_ERROR",
        "weighted_clusters": {
            "clusters": [
                {
                    "name": weighted.destination.name,
                    "weight": weighted.weight,
                    **_host(weighted.request),
                    **_headers(weighted.request, weighted.response),
                    **_exchanged(weighted.destination.propagation),
                }
                for weighted in destinations
            ]
        },
    }


def _mirrors(mirrors: tuple[Weighted, ...]) -> Json:
    """Return the mirrors. As in Istio, copies keep the request's host and are in no trace."""
    policies = [
        {
            "cluster": mirror.destination.name,
            "runtime_fraction": {
                "default_value": {"numerator": mirror.weight, "denominator": "MILLION"}
            },
            "trace_sampled": False,
            "disable_shadow_host_suffix_append": True,
        }
        for mirror in mirrors
    ]
    return {"request_mirror_policies": policies} if policies else {}


def _exchanged(propagation: Propagation) -> Json:
    """Return the headers that the inbound side writes into baggage."""
    if propagation == Propagation():
        return {}
    headers = for_headers(propagation.headers, propagation.prefixes)
    return {"typed_per_filter_config": {TO_BAGGAGE: headers}}


def _match(match: Match) -> Json:
    entry: Json = _path(match.uri) if match.uri else {"prefix": "/"}
    headers = [_header(name, value) for name, value in match.headers.items()]
    if match.method is not None:
        headers.append(_header(":method", match.method))
    for name, value in match.without.items():
        empty = {} if value.kind == "present" else {"treat_missing_header_as_empty": True}
        headers.append(_header(name, value) | {"invert_match": True, **empty})
    if headers:
        entry["headers"] = headers
    if match.query:
        entry["query_parameters"] = [_header(name, value) for name, value in match.query.items()]
    return entry


def _path(match: StringMatch) -> Json:
    sensitive: Json = {"case_sensitive": False} if match.ignore_case else {}
    match match.kind:
        case "exact":
            return {"path": match.value, **sensitive}
        case "prefix":
            return {"prefix": match.value, **sensitive}
        case "segments":
            return {"path_separated_prefix": match.value}  # only in HTTPRoutes: case-sensitive
        case "regex":
            return {"safe_regex": {"regex": match.value}}
        case "present":
            return {"prefix": "/"}
        case _:
            assert_never(match.kind)


def _header(name: str, match: StringMatch) -> Json:
    match match.kind:
        case "present":
            return {"name": name, "present_match": True}
        case "exact" | "prefix" | "regex":
            return {"name": name, "string_match": matcher(match)}
        case "segments":
            raise ValueError(f"{name} is not a path")
        case _:
            assert_never(match.kind)


def _headers(request: HeaderOps, response: HeaderOps) -> Json:
    changes: Json = {}
    for side, ops in (("request", request), ("response", response)):
        added = [
            {"header": {"key": name, "value": value}, "append_action": action}
            for values, action in (
                (ops.set, "OVERWRITE_IF_EXISTS_OR_ADD"),
                (ops.add, "APPEND_IF_EXISTS_OR_ADD"),
            )
            for name, value in values.items()
        ]
        if added:
            changes[f"{side}_headers_to_add"] = added
        if ops.remove:
            changes[f"{side}_headers_to_remove"] = list(ops.remove)
    return changes


def _retry_policy(retry: Retry | None) -> Json:
    """Return the rule's retries; by default, enough that no request fails when a pod ends."""
    policy: Json = {
        # The balancer prefers pods without requests in flight, such as a dead one. So it often
        # selects the pod that just failed, even in each of Istio's 5 attempts to select another.
        "host_selection_retry_max_attempts": 20,
        "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.05s"},
    }
    if not (retry and retry.same_host):
        policy["retry_host_predicate"] = [
            typed(
                "envoy.retry_host_predicates.previous_hosts",
                "extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
            )
        ]
    if retry and retry.backoff:
        policy["retry_back_off"] = {"base_interval": seconds(max(0.001, retry.backoff))}
    if retry is None or retry.next_tier:
        # Retry another pod of the same tier first, and then the next tier.
        policy["retry_priority"] = typed(
            "envoy.retry_priorities.previous_priorities",
            "extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
            update_frequency=2,
        )
    if retry is None or not retry.retry_on:
        policy["retry_on"] = "connect-failure,refused-stream,reset"
        policy["retriable_request_headers"] = _REPEATABLE
    else:
        names = [name.strip() for name in retry.retry_on.split(",")]
        codes = [int(name) for name in names if name.isdigit()]
        conditions = [name for name in names if not name.isdigit()]
        policy["retry_on"] = ",".join(conditions + ["retriable-status-codes"] * bool(codes))
        policy["retriable_status_codes"] = codes
    policy["num_retries"] = retry.attempts if retry else 4
    if retry and retry.per_try_timeout is not None:
        policy["per_try_timeout"] = seconds(retry.per_try_timeout)
    return policy
