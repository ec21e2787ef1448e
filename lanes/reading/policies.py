"""Traffic policies of DestinationRules: balancing, failover, outlier detection, timeouts."""

from dataclasses import dataclass

from lanes.mesh.model import Endpoint
from lanes.mesh.traffic import Outlier
from lanes.reading import kinds
from lanes.reading.destination_rules import MergedRule

# What applies where a DestinationRule sets nothing.
_UNSET = kinds.TrafficPolicy.model_construct()
_BALANCER = kinds.LoadBalancer.model_construct()


@dataclass(frozen=True)
class Policy:
    """What applies to calls to a destination's pods.

    `failover`: labels, key=value, that make tiers. `connect_timeout`, `idle_timeout`: seconds;
    None: not set.
    """

    balancer: str
    failover: tuple[str, ...]
    outlier: Outlier | None
    connect_timeout: float | None = None
    idle_timeout: float | None = None
    hashed: bool = False  # a hash of the request chooses the pod
    no_failover: bool = False  # failoverPriority without outlierDetection, so without effect
    plain_text: bool = False

    def tiers(self, endpoints: tuple[Endpoint, ...]) -> tuple[tuple[Endpoint, ...], ...]:
        """Return the endpoints in tiers, by how many labels match, counted from the first.

        https://istio.io/latest/docs/reference/config/networking/destination-rule/#LocalityLoadBalancerSetting
        """
        wanted = [tuple(label.split("=", 1)) for label in self.failover]
        tiers: list[list[Endpoint]] = [[] for _ in range(len(wanted) + 1)]
        for endpoint in endpoints:
            labels, matching = endpoint.pod.labels, 0
            while matching < len(wanted) and labels.get(wanted[matching][0]) == wanted[matching][1]:
                matching += 1
            tiers[len(wanted) - matching].append(endpoint)
        return tuple(map(tuple, tiers))


def policy_of(rule: MergedRule | None, subset: kinds.Subset | None, port: int) -> Policy:
    """Return the policy at a port of a Service, or of a subset, which overrides each setting.

    A policy of the subset for this port replaces all settings (istiod's `MergeTrafficPolicy`).
    Raises ManifestError if failoverPriority is not supported.
    """
    if rule is None:
        return Policy("LEAST_REQUEST", (), None)
    base, field, _ = _at_port(rule.policy, "spec.trafficPolicy", port)
    own, inherited, resource = _UNSET, base, rule.policy_from
    if subset:
        subset_resource, subset_field = rule.places[subset.name]
        own, own_field, is_of_port = _at_port(subset.traffic_policy, subset_field, port)
        inherited = _UNSET if is_of_port else base
        if own.load_balancer:
            resource, field = subset_resource, own_field
    balancer = own.load_balancer or inherited.load_balancer or _BALANCER
    outlier = own.outlier_detection or inherited.outlier_detection
    pool = own.connection_pool or inherited.connection_pool
    setting = balancer.locality_lb_setting
    # Istio ignores failoverPriority unless outlier detection is on.
    labels = setting.failover_priority if setting.enabled and outlier else []
    field += ".loadBalancer.localityLbSetting.failoverPriority"
    keys = [label.partition("=")[0] for label in labels]
    if any("=" not in label for label in labels):
        raise resource.error(field, "by the caller's label is not emulated; write key=value")
    if len(set(keys)) < len(keys):
        raise resource.error(field, "names a key twice, which Istio rejects")
    return Policy(
        balancer.simple,
        tuple(labels),
        _outlier(outlier) if outlier else None,
        pool.tcp.connect_timeout if pool else None,
        pool.http.idle_timeout if pool else None,
        hashed=balancer.consistent_hash is not None,
        no_failover=bool(setting.enabled and setting.failover_priority and not outlier),
        plain_text=bool(inherited.plain_text if own.plain_text is None else own.plain_text),
    )


def _at_port(
    policy: kinds.RulePolicy | None, field: str, port: int
) -> tuple[kinds.TrafficPolicy, str, bool]:
    """Return the policy at a port, its field, and whether it is the port's own."""
    if policy is None:
        return _UNSET, field, False
    for index, at_port in enumerate(policy.port_level_settings):
        if at_port.port.number == port:
            return at_port, f"{field}.portLevelSettings[{index}]", True
    return policy, field, False


def _outlier(detection: kinds.OutlierDetection) -> Outlier:
    return Outlier(
        split_local_origin=detection.split_external_local_origin_errors,
        consecutive_local_origin=detection.consecutive_local_origin_failures,
        consecutive_gateway=detection.consecutive_gateway_errors,
        consecutive_5xx=detection.consecutive_5xx_errors,
        interval=detection.interval,
        base_ejection_time=detection.base_ejection_time,
        max_ejection_percent=detection.max_ejection_percent,
        min_health_percent=detection.min_health_percent,
    )
