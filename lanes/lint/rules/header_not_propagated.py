"""A header that rules match and calls do not have."""

import re
from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule

# What clients and proxies put on every call.
_CALLERS_OWN = re.compile(
    r"[:@].*|accept.*|authorization|connection|content-.*|host|te|traceparent|tracestate"
    r"|user-agent|via|x-envoy-.*|x-forwarded-.*|x-request-id|authority|method|scheme|uri|path"
)


def check(facts: Facts) -> Iterator[Violation]:
    if "EnvoyFilter" in facts.kind_names:
        return  # which may set and copy any header
    set_headers, reported = facts.set_headers, set()
    for routing, match in facts.mesh_matches:
        for header in match.conditions.headers:
            if header in reported or _CALLERS_OWN.fullmatch(header) or routing.at_gateway:
                continue
            reported.add(header)
            if header not in set_headers:
                problem = (
                    "no gateway here sets it, so a client has to send it and each hop to copy it,"
                    " or a service has to set it"
                )
            elif not facts.propagates(header):
                problem = (
                    "a gateway sets it, but nothing here copies it: OpenTelemetry propagates"
                    " baggage alone, and services have to copy other headers"
                )
            else:
                continue
            yield (
                routing.resource,
                match.header_fields[header],
                f"{problem}; set the lane at the gateway, as a member of baggage",
            )


RULE = Rule(
    code="TL008",
    name="header-not-propagated",
    severity="warning",
    text="""Rules inside the mesh see what the calling service sends, not what the client sent.
A header is there only if a client sends it or a gateway sets it, and if each hop copies it.
OpenTelemetry propagates `baggage` and no other header. On ASM, an ASMHeaderPropagation turns
members of it into headers. If your services copy the header themselves, leave this rule out
(`--ignore TL008`).""",
    bad="""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart}
spec:
  hosts: [cart]
  http:
    - match: [{headers: {x-lane: {exact: v2}}}]
      route: [{destination: {host: cart, subset: v2}}]
    - route: [{destination: {host: cart, subset: v1}}]
""",
    fix=(
        "    - route: [{destination: {host: cart, subset: v1}}]\n",
        """    - route: [{destination: {host: cart, subset: v1}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: ["*"]
  gateways: [istio-system/web]
  http:
    - headers: {request: {set: {x-lane: v2}}}
      route: [{destination: {host: shop}}]
---
apiVersion: istio.alibabacloud.com/v1beta1
kind: ASMHeaderPropagation
metadata: {name: lanes}
spec: {headers: [x-lane]}
""",
    ),
    check=check,
)
