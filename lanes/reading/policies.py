"""What a DestinationRule says of pods: how to choose, whom to prefer, when to eject."""

from dataclasses import dataclass

from lanes.mesh.model import Endpoint
from lanes.mesh.traffic import Outlier
from lanes.reading import kinds
from lanes.reading.destination_rules import MergedRule

# What holds where a DestinationRule says nothing.
_UNSET, _BALANCER = kinds.TrafficPolicy(), kinds.LoadBalancer()


@dataclass(frozen=True)
class Policy:
    """What holds for a destination's pods: how to choose, whom to prefer, when to eject. How many
    seconds to wait for a connection, and to keep an idle one; None where nothing says so.
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
        """Tiers by how many labels of `failover` an endpoint carries, counted from the first.

        https://istio.io/latest/docs/reference/config/networking/destination-rule/#LocalityLoadBalancerSetting
        """
        wanted = [tuple(label.split("=", 1)) for label in self.failover]
        tiers: list[list[Endpoint]] = [[] for _ in range(len(wanted) + 1)]
        for endpoint in endpoints:
            labels, held = endpoint.pod.labels, 0
            while held < len(wanted) and labels.get(wanted[held][0]) == wanted[held][1]:
                held += 1
            tiers[len(wanted) - held].append(endpoint)
        return tuple(map(tuple, tiers))


def policy_of(rule: MergedRule | None, subset: kinds.Subset | None, port: int) -> Policy:
    """What holds at a port of a Service, or of a subset: its own over its rule's, each setting.

    Raises ManifestError for a failover that is not understood.
    """
    if rule is None:
        return Policy("LEAST_REQUEST", (), None)
    base, base_field, _ = _at_port(rule.policy, "spec.trafficPolicy", port)
    over, field, whole = _UNSET, base_field, False
    resource = rule.policy_from
    if subset:
        source, where = rule.places[subset.name]
        own, own_field, whole = _at_port(subset.traffic_policy, where, port)
        if own.load_balancer:
            resource, field = source, own_field
        over = own
    balancer = over.load_balancer or (None if whole else base.load_balancer)
    outlier = over.outlier_detection or (None if whole else base.outlier_detection)
    balancer = balancer or _BALANCER
    setting = balancer.locality_lb_setting
    # Istio ignores failoverPriority unless outlier detection is on.
    labels = setting.failover_priority if setting.enabled and outlier else []
    field += ".loadBalancer.localityLbSetting.failoverPriority"
    keys = [label.partition("=")[0] for label in labels]
    if any("=" not in label for label in labels):
        raise resource.error(field, "by the caller's label is not emulated; write key=value")
    if len(set(keys)) < len(keys):
        raise resource.error(field, "names a key twice, which Istio rejects")
    pool = over.connection_pool or (None if whole else base.connection_pool)
    return Policy(
        balancer.simple,
        tuple(labels),
        _outlier(outlier) if outlier else None,
        pool.tcp.connect_timeout if pool else None,
        pool.http.idle_timeout if pool else None,
        hashed=balancer.consistent_hash is not None,
        no_failover=bool(setting.enabled and setting.failover_priority and not outlier),
        plain_text=bool(base.plain_text if over.plain_text is None else over.plain_text),
    )


def _at_port(
    policy: kinds.RulePolicy | None, field: str, port: int
) -> tuple[kinds.TrafficPolicy, str, bool]:
    """The policy that holds at a port, its field, and whether it is the port's own."""
    if policy is None:
        return _UNSET, field, False
    for index, own in enumerate(policy.port_level_settings):
        if own.port.number == port:
            return own, f"{field}.portLevelSettings[{index}]", True
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
