"""From manifests to the mesh: every host, subset and label selector resolved."""

import re
from collections.abc import Iterable, Mapping

from lanes import kinds
from lanes.manifests import Manifests, Resource
from lanes.model import (
    Destination,
    Endpoint,
    GatewayHost,
    HeaderOps,
    Host,
    Match,
    Mesh,
    Outlier,
    Pod,
    Retry,
    Route,
    ServicePort,
    StringMatch,
    Weighted,
)
from lanes.workloads import pods_of

_HOST = re.compile(r"([^.]+)(?:\.([^.]+)(?:\.svc(?:\..+)?)?)?")

Services = Mapping[Host, tuple[Resource, kinds.Service]]
Rules = Mapping[Host, tuple[Resource, kinds.DestinationRule]]


def resolve(manifests: Manifests) -> Mesh:
    """The mesh that `manifests` describe.

    Raises ManifestError where a reference leads nowhere or asks for what is not emulated.
    """
    pods = tuple(pods_of(manifests))
    services = {
        Host(body.metadata.name, body.metadata.namespace): (resource, body)
        for resource, body in manifests.of(kinds.Service)
    }
    routing = _Routing(pods, services, _rules(manifests, services))
    asm = any(True for _ in manifests.of(kinds.ASMHeaderPropagation)) or any(
        destination.fallback
        for _, body in manifests.of(kinds.VirtualService)
        for http in body.spec.http
        for destination in http.route
    )
    return Mesh(
        sources=manifests.sources,
        provider="asm" if asm else "istio",
        pods=pods,
        gateway=tuple(_gateway_hosts(manifests, routing)),
        ports=tuple(_service_ports(manifests, routing)),
        left_to_cluster=manifests.left_to_cluster,
    )


def host_of(text: str, namespace: str) -> Host | None:
    """The Service that `text` names, seen from `namespace`: a short or a full name."""
    match = _HOST.fullmatch(text)
    return Host(match[1], match[2] or namespace) if match else None


def _known(services: Services, resource: Resource, field: str, name: str, namespace: str) -> Host:
    host = host_of(name, namespace)
    if host is None or host not in services:
        raise resource.error(field, f"{name} is no Service in these manifests; add it")
    return host


def _rules(manifests: Manifests, services: Services) -> Rules:
    rules: dict[Host, tuple[Resource, kinds.DestinationRule]] = {}
    for resource, rule in manifests.of(kinds.DestinationRule):
        host = _known(services, resource, "spec.host", rule.spec.host, rule.metadata.namespace)
        if host in rules:
            other = rules[host][0].name
            raise resource.error("spec.host", f"also the host of DestinationRule {other}; keep one")
        rules[host] = (resource, rule)
    return rules


class _Routing:
    """Looks up what routes refer to: services, subsets, endpoints."""

    def __init__(self, pods: tuple[Pod, ...], services: Services, rules: Rules) -> None:
        self.pods = pods
        self.services = services
        self.rules = rules

    def endpoints(self, host: Host, port: int, labels: Mapping[str, str]) -> tuple[Endpoint, ...]:
        resource, service = self.services[host]
        target = next(p.target_port for p in service.spec.ports if p.port == port) or port
        selector = {**service.spec.selector, **labels}
        found = []
        for pod in self.pods:
            if pod.namespace != host.namespace or not service.spec.selector:
                continue
            if selector.items() <= pod.labels.items():
                number = pod.named_ports.get(target) if isinstance(target, str) else target
                if number is None:
                    raise resource.error(
                        "spec.ports", f"targetPort {target} is no port of pod {pod.name}"
                    )
                found.append(Endpoint(pod, number))
        exchanges = {endpoint.pod.propagation for endpoint in found}
        if len(exchanges) > 1:
            raise resource.error(
                "spec.selector",
                "its pods differ in header propagation, which is not emulated;"
                " let an ASMHeaderPropagation select all or none of a Service's pods",
            )
        return tuple(found)

    def plain(self, host: Host, port: int) -> Destination:
        """Every pod of a Service, whatever its version."""
        policy = self.rules[host][1].spec.traffic_policy if host in self.rules else None
        tiers = (self.endpoints(host, port, {}),)
        return Destination(
            _cluster(host, port, ""), host, tiers, _balancer(policy), _outlier(policy)
        )

    def destination(
        self, resource: Resource, field: str, http: kinds.HttpDestination, port: int | None
    ) -> Destination:
        """A route's destination with its fallback behind it; `port`: the request's own."""
        body = resource.body
        assert isinstance(body, kinds.VirtualService)  # noqa: S101 for the type checker
        first = self._target(resource, f"{field}.destination", http.destination, body, port)
        if http.fallback is None:
            return first
        second = self._target(
            resource, f"{field}.fallback.target", http.fallback.target, body, port
        )
        fallback = http.fallback.target.subset or second.host.fqdn
        return Destination(
            f"{first.name} else {fallback}",
            first.host,
            first.tiers + second.tiers,
            first.balancer,
            first.outlier,
        )

    def _target(
        self,
        resource: Resource,
        field: str,
        target: kinds.Target,
        body: kinds.VirtualService,
        port: int | None,
    ) -> Destination:
        namespace = body.metadata.namespace
        host = _known(self.services, resource, f"{field}.host", target.host, namespace)
        numbers = [p.port for p in self.services[host][1].spec.ports]
        wanted = target.port.number if target.port else None
        if wanted is None:
            wanted = port if port in numbers else numbers[0] if len(numbers) == 1 else None
        if wanted not in numbers:
            raise resource.error(
                f"{field}.port",
                f"name one of {host.name}'s ports: {', '.join(map(str, numbers)) or 'it has none'}",
            )
        if target.subset is None:
            return self.plain(host, wanted)
        return self._subset(host, wanted, target.subset)

    def _subset(self, host: Host, port: int, name: str) -> Destination:
        cluster = _cluster(host, port, name)
        if host not in self.rules:
            return Destination(cluster, host, ((),))
        resource, rule = self.rules[host]
        index, subset = next(
            ((i, s) for i, s in enumerate(rule.spec.subsets) if s.name == name), (0, None)
        )
        if subset is None:  # counts as one with no endpoints
            return Destination(cluster, host, ((),))
        policy = _merged(rule.spec.traffic_policy, subset.traffic_policy)
        endpoints = self.endpoints(host, port, subset.labels)
        setting = policy.load_balancer.locality_lb_setting if policy.load_balancer else None
        tiers: tuple[tuple[Endpoint, ...], ...] = (endpoints,)
        # Istio ignores failoverPriority unless outlier detection is on.
        if setting and setting.enabled and policy.outlier_detection and setting.failover_priority:
            if any("=" not in label for label in setting.failover_priority):
                raise resource.error(
                    f"spec.subsets[{index}].trafficPolicy.loadBalancer.localityLbSetting",
                    "failoverPriority by the caller's label is not emulated; write key=value",
                )
            tiers = _by_priority(endpoints, setting.failover_priority)
        return Destination(cluster, host, tiers, _balancer(policy), _outlier(policy))


def _by_priority(
    endpoints: tuple[Endpoint, ...], labels: list[str]
) -> tuple[tuple[Endpoint, ...], ...]:
    """Tiers by how many of `labels` an endpoint carries, counted from the first.

    https://istio.io/latest/docs/reference/config/networking/destination-rule/#LocalityLoadBalancerSetting
    """
    wanted = [tuple(label.split("=", 1)) for label in labels]
    tiers: list[list[Endpoint]] = [[] for _ in range(len(wanted) + 1)]
    for endpoint in endpoints:
        held = 0
        while held < len(wanted) and endpoint.pod.labels.get(wanted[held][0]) == wanted[held][1]:
            held += 1
        tiers[len(wanted) - held].append(endpoint)
    return tuple(map(tuple, tiers))


def _cluster(host: Host, port: int, subset: str) -> str:
    return f"outbound|{port}|{subset}|{host.fqdn}"


def _merged(
    whole: kinds.TrafficPolicy | None, subset: kinds.TrafficPolicy | None
) -> kinds.TrafficPolicy:
    """A subset's policy over its rule's, setting by setting."""
    base, over = whole or kinds.TrafficPolicy(), subset or kinds.TrafficPolicy()
    return base.model_copy(update={name: getattr(over, name) for name in over.model_fields_set})


def _balancer(policy: kinds.TrafficPolicy | None) -> str:
    return policy.load_balancer.simple if policy and policy.load_balancer else "LEAST_REQUEST"


def _outlier(policy: kinds.TrafficPolicy | None) -> Outlier | None:
    if policy is None or policy.outlier_detection is None:
        return None
    detection = policy.outlier_detection
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


def _service_ports(manifests: Manifests, routing: _Routing) -> Iterable[ServicePort]:
    """Every Service's ports, with the routes of the VirtualService that names it."""
    owners: dict[Host, Resource] = {}
    for resource, body in manifests.of(kinds.VirtualService):
        if "mesh" not in body.spec.gateways:
            continue
        for index, name in enumerate(body.spec.hosts):
            field = f"spec.hosts[{index}]"
            host = _known(routing.services, resource, field, name, body.metadata.namespace)
            if host in owners:
                other = owners[host].name
                raise resource.error(field, f"{name} already has VirtualService {other}; keep one")
            owners[host] = resource
    for host, (_, service) in routing.services.items():
        for port in service.spec.ports:
            if host in owners:
                routes = _routes(owners[host], routing, port.port)
            else:
                routes = (Route((), (Weighted(routing.plain(host, port.port), 100),)),)
            yield ServicePort(host, port.port, routes)


def _gateway_hosts(manifests: Manifests, routing: _Routing) -> Iterable[GatewayHost]:
    gateways = {
        f"{body.metadata.namespace}/{body.metadata.name}": (resource, body)
        for resource, body in manifests.of(kinds.Gateway)
    }
    servers = [
        (resource, server) for resource, body in gateways.values() for server in body.spec.servers
    ]
    if len({server.port.number for _, server in servers}) > 1:
        raise servers[-1][0].error(
            "spec.servers", "servers on several ports are not emulated; keep one HTTP port"
        )
    hosts: dict[str, list[Route]] = {}
    for resource, body in manifests.of(kinds.VirtualService):
        names = [name for name in body.spec.gateways if name != "mesh"]
        if not names:
            continue
        keys = [n if "/" in n else f"{body.metadata.namespace}/{n}" for n in names]
        bound = [gateways[key][1] for key in keys if key in gateways]
        # A gateway that these manifests only name is one that exists, and serves any host.
        served = [h for g in bound for s in g.spec.servers for h in s.hosts] or ["*"]
        domains = _common(served, body.spec.hosts)
        if not domains:
            raise resource.error(
                "spec.hosts", f"none is served by gateway {', '.join(names)} ({', '.join(served)})"
            )
        for domain in domains:
            hosts.setdefault(domain, []).extend(_routes(resource, routing, None))
    return [GatewayHost((domain,), tuple(routes)) for domain, routes in hosts.items()]


def _common(served: list[str], wanted: list[str]) -> list[str]:
    """The domains that a gateway's servers and a VirtualService have in common."""
    plain = [host.rpartition("/")[2] for host in served]  # a server may say namespace/host
    pairs = ((s, w) for s in plain for w in wanted)
    narrow = (w if _covers(s, w) else s if _covers(w, s) else None for s, w in pairs)
    return list(dict.fromkeys(domain for domain in narrow if domain))


def _covers(pattern: str, domain: str) -> bool:
    return pattern in ("*", domain) or (pattern[0] == "*" and domain.endswith(pattern[1:]))


def _routes(resource: Resource, routing: _Routing, port: int | None) -> tuple[Route, ...]:
    body = resource.body
    assert isinstance(body, kinds.VirtualService)  # noqa: S101 for the type checker
    return tuple(
        _route(resource, routing, port, f"spec.http[{index}]", http)
        for index, http in enumerate(body.spec.http)
    )


def _route(
    resource: Resource, routing: _Routing, port: int | None, field: str, http: kinds.HttpRoute
) -> Route:
    weights = [d.weight for d in http.route]
    if len(weights) == 1:
        weights = [100]
    if None in weights or not sum(w or 0 for w in weights):
        raise resource.error(f"{field}.route", "several destinations need weights above 0")
    return Route(
        matches=tuple(
            Match(
                {name.lower(): _string_match(m) for name, m in match.headers.items()},
                _string_match(match.uri) if match.uri else None,
            )
            for match in http.match
        ),
        destinations=tuple(
            Weighted(
                routing.destination(resource, f"{field}.route[{index}]", destination, port),
                weight or 0,
                _header_ops(destination.headers.request),
                _header_ops(destination.headers.response),
            )
            for index, (destination, weight) in enumerate(zip(http.route, weights, strict=True))
        ),
        request=_header_ops(http.headers.request),
        response=_header_ops(http.headers.response),
        timeout=http.timeout,
        retry=_retry(http.retries) if http.retries else None,
    )


def _retry(retries: kinds.Retries) -> Retry:
    return Retry(
        attempts=retries.attempts,
        per_try_timeout=retries.per_try_timeout,
        retry_on=retries.retry_on,
        next_tier=retries.retry_remote_localities,
    )


def _string_match(match: kinds.StringMatch) -> StringMatch:
    ((how, value),) = match.model_dump(exclude_none=True).items()
    return StringMatch(how, value)


def _header_ops(operations: kinds.HeaderOperations) -> HeaderOps:
    return HeaderOps(
        {name.lower(): value for name, value in operations.set.items()},
        {name.lower(): value for name, value in operations.add.items()},
        tuple(name.lower() for name in operations.remove),
    )
