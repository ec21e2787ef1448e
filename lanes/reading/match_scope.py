"""Where matches of VirtualServices apply: at which gateways and ports, and to which callers."""

import re
from collections.abc import Iterator

import re2

from lanes.mesh.headers import AUTHORITY
from lanes.mesh.hostnames import gateway_meant
from lanes.reading import kinds
from lanes.reading.manifests import Resource
from lanes.reading.sides import Side

# Headers that clients and proxies set, with values that manifests do not say.
_SET_BY_CLIENTS = re.compile(
    r":.*|accept.*|connection|content-.*|host|te|traceparent|tracestate|user-agent|via"
    r"|x-envoy-.*|x-forwarded-.*|x-request-id",
    re.IGNORECASE,
)


def applies(
    resource: Resource,
    field: str,
    service: kinds.VirtualService,
    match: kinds.HttpMatch,
    side: Side,
) -> bool:
    """Tell whether a match applies on `side`. Raises ManifestError if manifests do not say so."""
    if match.port not in (None, side.port):
        return False
    if match.scheme is not None:
        if side.ends_tls:
            raise resource.error(f"{field}.scheme", "at a gateway that ends TLS is not supported")
        if not _is_http(match.scheme):
            return False
    if match.gateways:  # then Istio ignores sourceLabels and sourceNamespace
        namespace = service.metadata.namespace
        return not side.gateways.isdisjoint(_full_name(g, namespace) for g in match.gateways)
    if not _applies_to_caller(resource, field, match, side):
        return False
    for name, header in _header_fields(match) if side.host else ():
        require_known(resource, f"{field}.{name}", header)
    return True


def _applies_to_caller(resource: Resource, field: str, match: kinds.HttpMatch, side: Side) -> bool:
    """Tell whether a match applies to the caller.

    Raises ManifestError at a gateway if the match names callers: the gateway's pods are not known.
    """
    if not names_callers(match):
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


def names_callers(match: kinds.HttpMatch) -> bool:
    """Tell whether a match applies to some callers alone."""
    return bool(match.source_labels or match.source_namespace) and not match.gateways


def _is_http(scheme: kinds.StringMatch) -> bool:
    if scheme.regex is not None and not scheme.matches_all:
        return re2.fullmatch(scheme.regex, "http") is not None
    return scheme.exact in (None, "http") and "http".startswith(scheme.prefix or "")


def _full_name(gateway: str, namespace: str) -> str:
    """Return NAMESPACE/NAME of the Gateway that a resource in `namespace` names; or "mesh"."""
    return gateway if gateway == "mesh" else "/".join(gateway_meant(gateway, namespace))


def _header_fields(match: kinds.HttpMatch) -> Iterator[tuple[str, str]]:
    """Yield each field that is about a header, and the header."""
    for name in match.headers:
        yield f"headers.{name}", name
    for name in match.without_headers:
        yield f"withoutHeaders.{name}", name
    if match.authority:
        yield "authority", AUTHORITY


def require_known(resource: Resource, field: str, header: str) -> None:
    """Raise ManifestError if clients set the header that `field` of a mesh route matches."""
    if _SET_BY_CLIENTS.fullmatch(header):
        raise resource.error(
            field, "manifests do not say which value clients send; match the lane's header"
        )
