"""A destination that is not a Service."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Found
from lanes.lint.rule import Rule


def check(facts: Facts) -> Iterator[Found]:
    reported: set[tuple[int, str]] = set()
    for leg in facts.legs:
        if not leg.live or leg.http.fallback:
            continue
        name = leg.http.destination.host
        absent = facts.absent.of(name, leg.resource)
        if absent and (id(leg.resource), name) not in reported:
            reported.add((id(leg.resource), name))
            yield leg.resource, f"{leg.field}.destination.host", absent.so("requests get 503")


RULE = Rule(
    code="TL028",
    name="destination-absent",
    severity="warning",
    text="""A short name means a Service of the VirtualService's own namespace, and a name with
a dot is a full name. If there is no such Service and no such ServiceEntry, requests get 503. It
is a warning, since the cluster may have more than these manifests. A finding needs a reason: a
Service with nearly the same name, one with the same name in another namespace, or that most
destinations here are Services. Names that may be outside of the cluster are no finding.""",
    bad="""
apiVersion: v1
kind: Service
metadata: {name: users, namespace: platform}
spec: {selector: {app: users}, ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: users, namespace: shop}
spec:
  hosts: [users.platform.svc.cluster.local]
  http:
    - route: [{destination: {host: users}}]
""",
    fix=("{host: users}", "{host: users.platform.svc.cluster.local}"),
    check=check,
)
