"""A destination that is no Service."""

from collections.abc import Iterator

from lanes.lint.facts import Facts
from lanes.lint.rule import Found, Rule


def check(facts: Facts) -> Iterator[Found]:
    told: set[tuple[int, str]] = set()
    for leg in facts.legs:
        if leg.host in facts.services or not leg.live or leg.falls_back:
            continue
        field = leg.value["destination"]["host"]
        absent = facts.hosts.absent(field.text, leg.service)
        if absent and (id(leg.service), field.text) not in told:
            told.add((id(leg.service), field.text))
            yield leg.service, field, absent.so("requests get 503")


RULE = Rule(
    code="TL028",
    name="destination-absent",
    severity="warning",
    text="""A short name means a Service of the VirtualService's own namespace, and one with a dot
is a full name. Where no Service and no ServiceEntry has it, requests get 503. It is a warning,
since the cluster may have what these manifests lack: they have to hold a Service whose name is
nearly the same, or the same in another namespace, or most of those that rules lead to. Nothing is
said of names that may be outside of the cluster.""",
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
    mended=("{host: users}", "{host: users.platform.svc.cluster.local}"),
    check=check,
)
