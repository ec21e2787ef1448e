"""Plain text to pods that take mutual TLS alone."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule
from lanes.lint.subsets import policies_of
from lanes.mesh.hostnames import host_in_manifest
from lanes.reading import kinds
from lanes.reading.peer_authentication import PeerAuthentications


def check(facts: Facts) -> Iterator[Violation]:
    policies = PeerAuthentications(facts.manifests)
    for resource, rule in facts.of(kinds.DestinationRule):
        host = host_in_manifest(rule.spec.host, resource.namespace)
        pods = [pod for workload in facts.workloads_of(host) if (pod := facts.pod_of(workload))]
        targets = facts.pod_ports(host) if host and pods else ()
        if not targets or not all(policies.strict(pod, port) for pod in pods for port in targets):
            continue
        for field, policy in policies_of(rule):
            if policy.plain_text:
                yield (
                    resource,
                    f"{field}.tls.mode",
                    f"the pods of {rule.spec.host} take mutual TLS alone, and this calls them in"
                    " plain text, so requests get 503; remove tls, or write ISTIO_MUTUAL",
                )


RULE = Rule(
    code="TL042",
    name="strict-without-tls",
    severity="error",
    text="""With a PeerAuthentication of mode `STRICT`, pods take mutual TLS alone. A
DestinationRule, or a subset of it, whose `tls` is `DISABLE` calls them in plain text, which they
refuse.""",
    bad="""
apiVersion: v1
kind: Service
metadata: {name: cart}
spec: {selector: {app: cart}, ports: [{name: http, port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart}
spec:
  template:
    metadata: {labels: {app: cart, version: v2}}
    spec: {containers: [{name: cart}]}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default}
spec: {mtls: {mode: STRICT}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart}
spec:
  host: cart
  subsets: [{name: v2, labels: {version: v2}, trafficPolicy: {tls: {mode: DISABLE}}}]
""",
    fix=("mode: DISABLE", "mode: ISTIO_MUTUAL"),
    check=check,
)
