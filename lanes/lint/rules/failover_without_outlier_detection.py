"""A failover priority that has no effect."""

from collections.abc import Iterator

from lanes.lint.facts import Facts, Violation
from lanes.lint.rule import Rule
from lanes.lint.subsets import policies_of
from lanes.reading import kinds


def check(facts: Facts) -> Iterator[Violation]:
    for resource, rule in facts.of(kinds.DestinationRule):
        for field, policy in policies_of(rule):
            detects = any(map(_detects, (policy, rule.spec.traffic_policy)))
            if _prefers(policy) and not detects:
                yield (
                    resource,
                    f"{field}.loadBalancer.localityLbSetting.failoverPriority",
                    "without outlierDetection this has no effect, and requests go to all pods"
                    " alike; add outlierDetection beside loadBalancer",
                )


def _prefers(policy: kinds.TrafficPolicy) -> bool:
    balancer = policy.load_balancer
    return bool(balancer and balancer.locality_lb_setting.failover_priority)


def _detects(policy: kinds.TrafficPolicy | None) -> bool:
    return policy is not None and policy.outlier_detection is not None


RULE = Rule(
    code="TL043",
    name="failover-without-outlier-detection",
    severity="warning",
    text="""`failoverPriority` orders the pods behind a destination. Istio applies it where
`outlierDetection` is set too. Without it a lane's subset, which has the baseline's pods for a
fallback, mixes both versions.""",
    bad="""
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart}
spec:
  host: cart
  subsets:
    - name: v2
      labels: {lane-v2: member}
      trafficPolicy:
        loadBalancer: {localityLbSetting: {failoverPriority: ["version=v2"]}}
""",
    fix=(
        """failoverPriority: ["version=v2"]}}
""",
        """failoverPriority: ["version=v2"]}}
        outlierDetection: {consecutive5xxErrors: 3}
""",
    ),
    check=check,
)
