"""Which matches of a VirtualService count on a side, and what no plan can know of a call."""

import re
from collections.abc import Iterator

import re2

from lanes.mesh.headers import AUTHORITY
from lanes.mesh.hostnames import gateway_meant
from lanes.reading import kinds
from lanes.reading.manifests import Resource
from lanes.reading.sides import Side

# What clients and proxies put on their calls, with values of their own.
_CALLERS_OWN = re.compile(
    r":.*|accept.*|connection|content-.*|host|te|traceparent|tracestate|user-agent|via"
    r"|x-envoy-.*|x-forwarded-.*|x-request-id",
    re.IGNORECASE,
)


def counts(
    resource: Resource,
    field: str,
    service: kinds.VirtualService,
    match: kinds.HttpMatch,
    side: Side,
) -> bool:
    """Whether a match is one of `side`'s. Raises ManifestError where that can't be known."""
    if match.port not in (None, side.port):
        return False
    if match.scheme is not None:
        if side.ends_tls:
            raise resource.error(f"{field}.scheme", "at a gateway that ends TLS is not supported")
        if not _is_http(match.scheme):
            return False
    if match.gateways:  # then Istio looks at no caller
        namespace = service.metadata.namespace
        return not side.gateways.isdisjoint(qualified(g, namespace) for g in match.gateways)
    if not _is_from(resource, field, match, side):
        return False
    for where in _caller_headers(match) if side.host else ():
        require_known(resource, f"{field}.{where[0]}", where[1])
    return True


def _is_from(resource: Resource, field: str, match: kinds.HttpMatch, side: Side) -> bool:
    """Whether a match counts for `side`'s caller.

    Raises ManifestError at a gateway, of whose pods nothing is known.
    """
    if not asks_caller(match):
        return True
    if side.host is None:
        name = "sourceLabels" if match.source_labels else "sourceNamespace"
        raise resource.error(f"{field}.{name}", "is not supported at a gateway")
    caller = side.caller
    return (
        caller is not None
        and match.source_labels.items() <= caller.labels.items()
        and match.source_namespace in ("", caller.namespace)
    )


def asks_caller(match: kinds.HttpMatch) -> bool:
    """Tell whether a match counts for some callers alone."""
    return bool(match.source_labels or match.source_namespace) and not match.gateways


def _is_http(scheme: kinds.StringMatch) -> bool:
    if scheme.regex is not None and not scheme.anything:
        return re2.fullmatch(scheme.regex, "http") is not None
    return scheme.exact in (None, "http") and "http".startswith(scheme.prefix or "")


def qualified(gateway: str, namespace: str) -> str:
    """Return the namespace and the name of a Gateway, as who names it in `namespace` means it.

    The name mesh stays as it is.
    """
    return gateway if gateway == "mesh" else "/".join(gateway_meant(gateway, namespace))


def _caller_headers(match: kinds.HttpMatch) -> Iterator[tuple[str, str]]:
    for name in match.headers:
        yield f"headers.{name}", name
    for name in match.without_headers:
        yield f"withoutHeaders.{name}", name
    if match.authority:
        yield "authority", AUTHORITY


def require_known(resource: Resource, field: str, header: str) -> None:
    """Raises ManifestError where `field` asks a call in the mesh for what only its caller knows."""
    if _CALLERS_OWN.fullmatch(header):
        raise resource.error(
            field, "calls have it with values that no plan can know; match the lane's header"
        )
