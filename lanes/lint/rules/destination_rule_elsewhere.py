"""A DestinationRule where no caller looks for it."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule
from lanes.mesh.hostnames import host_in_manifest
from lanes.reading import kinds
from lanes.reading.kinds.istio import ROOT_NAMESPACE


def check(facts: Facts) -> Iterator[Violation]:
    peopled = {workload.resource.namespace for workload in facts.workloads} or {
        host.namespace for host in facts.services
    }
    for resource, rule in facts.of(kinds.DestinationRule):
        host = host_in_manifest(rule.spec.host, resource.namespace)
        if host is None or not rule.spec.subsets or not resource.namespaced:
            continue  # what names no namespace may go to where it counts
        known = host in facts.services
        if resource.namespace == host.namespace and not known:
            elsewhere = [other for other in facts.services if other.name == host.name]
            known_to_be = all(facts.services[other][0].namespaced for other in elsewhere)
            if elsewhere and known_to_be and "." not in rule.spec.host:
                there = elsewhere[0]
                yield (
                    resource,
                    "spec.host",
                    f"this names {host.name} in namespace {host.namespace}, and the Service is in"
                    f" {there.namespace}, so nobody uses these subsets; write {there.fqdn}",
                )
        elif known and resource.namespace not in (host.namespace, ROOT_NAMESPACE, *peopled):
            yield (
                resource,
                "metadata.namespace",
                f"callers look in their own namespace, in {host.namespace} and in"
                f" {ROOT_NAMESPACE}, and none is in {resource.namespace}, so subsets have"
                f" no endpoints: 503; move it to {host.namespace}",
            )


RULE = Rule(
    code="TL016",
    name="destination-rule-elsewhere",
    severity="error",
    text="""Istio looks for a DestinationRule in the caller's namespace, then the Service's,
then the root namespace (`istio-system`). One in another namespace defines nothing. So does one
whose short host means a Service of its own namespace.""",
    bad="""
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {selector: {app: cart}, ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart, namespace: routing}
spec:
  host: cart.shop.svc.cluster.local
  subsets: [{name: v1, labels: {version: v1}}]
""",
    fix=("namespace: routing", "namespace: shop"),
    check=check,
)
