"""A destination that is not a Service."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule


def check(facts: Facts) -> Iterator[Violation]:
    reported: set[tuple[int, str]] = set()
    for one in facts.destinations:
        key = (id(one.resource), one.name)
        if not one.live or one.http.fallback or key in reported:
            continue
        if absent := facts.absent_hosts.reason(one.name, one.resource):
            reported.add(key)
            message = absent.sentence("requests get 503")
            yield one.resource, f"{one.field}.destination.host", message


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
