"""Destinations: from a host, a port and a subset to the pods behind them, in tiers."""

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import replace

from lanes.mesh.diagnostics import Diagnostics
from lanes.mesh.hostnames import meant, no_service
from lanes.mesh.model import Destination, Endpoint, Host, Pod, Route, destinations_of
from lanes.mesh.traffic import Propagation
from lanes.reading import kinds
from lanes.reading.delegates import Delegates
from lanes.reading.destination_rules import DestinationRules, MergedRule
from lanes.reading.grants import Grants
from lanes.reading.known_services import known_services
from lanes.reading.manifests import Manifests, Resource
from lanes.reading.peer_authentication import PeerAuthentications
from lanes.reading.policies import Policy, policy_of
from lanes.reading.protocols import http_ports, may_be_hop, says_http2
from lanes.reading.sides import Side


class Destinations:
    """Looks up what routes refer to: services, subsets, endpoints."""

    def __init__(
        self, manifests: Manifests, pods: tuple[Pod, ...], diagnostics: Diagnostics
    ) -> None:
        self.diagnostics = diagnostics
        self.grants = Grants(manifests)
        self._peers = PeerAuthentications(manifests)
        self.delegates = Delegates(manifests, diagnostics)
        self._services, self._aliases = known_services(manifests, pods, diagnostics)
        callers = {pod.namespace for pod in pods}
        self._rules = DestinationRules(manifests, tuple(self._services), callers, diagnostics)
        self._restricted = {h for h, one in self._services.items() if one.is_restricted}
        self._caller: str | None = None
        self._of_callers = False

    def seen_from(self, namespace: str | None) -> "Destinations":
        """The same as the callers of a namespace find it; None: of one that no rule is about."""
        view = copy(self)
        view._caller, view._of_callers = namespace, True
        return view

    def sees(self, host: Host) -> bool:
        """Whether these callers' proxies know a Service."""
        service = self._services[host]
        return not self._of_callers or service.is_known_in(self._caller)

    def _for_callers(self, host: Host) -> str:
        """What tells a destination from the one that other callers find by its name."""
        several = self._rules.differ([host]) or host in self._restricted
        return f" for {self._caller}" if self._caller and several else ""

    def differ(self, routes: Iterable[Route], host: Host | None = None) -> bool:
        """Whether callers of several namespaces may find other destinations by these routes, or by
        those of a Service that only some know.
        """
        led = {destination.host for destination in destinations_of(routes)}
        known = {*led, host} if host else led
        return self._rules.differ(led) or not self._restricted.isdisjoint(known)

    def hosts(self) -> Mapping[Host, list[int]]:
        """Every Service, with its ports."""
        return {host: list(service.ports) for host, service in self._services.items()}

    def datagrams(self) -> Mapping[Host, frozenset[int]]:
        """The ports of Services that carry no TCP, by Service."""
        found = {
            host: frozenset(port.port for port in service.spec.ports if port.protocol != "TCP")
            for host, service in self._services.items()
        }
        return {host: ports for host, ports in found.items() if ports}

    def pods(self, host: Host) -> tuple[Pod, ...]:
        """The pods that a Service selects."""
        return self._services[host].pods

    def has(self, name: str, namespace: str) -> bool:
        """Whether `name` means a Service for what stands in `namespace`."""
        host = meant(name, namespace)
        return host in self._services or host in self._aliases

    def known(self, resource: Resource, field: str, name: str, namespace: str) -> Host | None:
        """The Service that `field` of `resource` names; None, and a warning, for any other.

        Raises ManifestError for one that stands for another by DNS.
        """
        host = meant(name, namespace)
        if host in self._services:
            if self.sees(host):
                return host
            if self._caller is not None:
                message = (
                    f"{name} is not exported to namespace {self._caller}: requests from there get"
                    " 503"
                )
                self.diagnostics.warn(resource.finding("not-exported", field, message))
            return None
        if host in self._aliases:
            problem = f"{name} is of type ExternalName: name the host that it stands for"
            raise resource.error(field, problem)
        message = no_service(name, namespace, self._services, "requests there get 503")
        self.diagnostics.warn(resource.finding("no-service", field, message))
        return None

    def warn_literal(self, resource: Resource, field: str, name: str, namespace: str) -> None:
        """Warn that `field` names a host that is no Service: rules count for that very name."""
        so = "its rules count for calls to that very name, at port 80"
        message = no_service(name, namespace, self._services, so)
        self.diagnostics.warn(resource.finding("no-service", field, message))

    def tells_http(self, port: int, host: Host | None = None) -> bool:
        """Whether a Service, or `host`, says of its `port` that it carries HTTP."""
        services = [self._services[host]] if host else self._services.values()
        return any(port in http_ports(each.spec) for each in services)

    def aliases(self) -> Mapping[Host, Host]:
        """The Services that stand for another here by DNS, and for which."""
        return {alias: host for alias, host in self._aliases.items() if host in self._services}

    def http(self, host: Host, port: int) -> bool:
        """Whether HTTP rules count at a Service's port."""
        return port not in self._services[host].without_http

    def is_hop(self, host: Host, port: int) -> bool:
        """Whether a call to a Service's port is taken for one to a service, not to a database."""
        spec = self._services[host].spec
        return all(may_be_hop(spec, one) for one in spec.ports if one.port == port)

    def headless(self, host: Host) -> bool:
        """Whether callers choose the pod themselves, by DNS: no subset and no share counts."""
        return self._services[host].spec.cluster_ip == "None"

    def resource(self, host: Host) -> Resource:
        """Where a Service was read."""
        return self._services[host].resource

    def runs(self, name: str, subset: str, namespace: str) -> bool:
        """Whether a Service that `name` means in a namespace, or its subset, has pods."""
        host = meant(name, namespace)
        if host in self._aliases:
            return True
        if host not in self._services:
            return False
        rule = self._rules.of(host)
        defined = {one.name: one.labels for one in rule.subsets} if rule else {}
        if subset and subset not in defined:
            return False
        wanted = defined.get(subset, {}).items()
        outside_the_mesh = not host.namespace
        return outside_the_mesh or any(wanted <= pod.labels.items() for pod in self.pods(host))

    def plain(self, host: Host, port: int) -> Destination:
        """Every pod of a Service, whatever its version."""
        rule = self._rules.of(host, self._caller)
        return self._destination(host, port, "", {}, policy_of(rule, None, port), rule)

    def of_route(
        self, resource: Resource, field: str, http: kinds.HttpDestination, side: Side
    ) -> Destination:
        """A route's destination with its fallback behind it."""
        first = self.of_target(resource, f"{field}.destination", http.destination, side)
        if http.fallback is None:
            return first
        where = f"{field}.fallback.target"
        second = self.of_target(resource, where, http.fallback.target, side)
        if first.propagation != second.propagation:
            raise resource.error(
                where, "its pods differ in header propagation from the first, not emulated"
            )
        same = first.host == second.host and http.destination.port == http.fallback.target.port
        name = http.fallback.target.subset if same else second.name
        return replace(first, name=f"{first.name} else {name}", tiers=first.tiers + second.tiers)

    def of_backend(
        self, resource: Resource, field: str, host: Host, port: int | None
    ) -> Destination:
        """Every pod of the Service that `field` names; no tier where there is no such Service."""
        if host not in self._services:
            return _nothing(f"outbound|{port}||{host.fqdn}", host)
        number = self.port(resource, f"{field}.port", host, port)
        if not self.sees(host):
            self.known(resource, f"{field}.name", host.name, host.namespace)
            return self._nowhere(host, number)
        return self.plain(host, number)

    def no_service(self, resource: Resource, field: str, kind: str, host: Host) -> Destination:
        """What Istio makes of a backend of a kind that it does not know: nothing, and a warning."""
        message = f"{kind} is not a kind of backend: its share gets 500; name a Service"
        self.diagnostics.warn(resource.finding("no-backend", f"{field}.kind", message))
        return _nothing(f"no service|||{host.fqdn}", host)

    def not_granted(
        self, resource: Resource, field: str, host: Host, port: int | None
    ) -> Destination:
        """What Istio makes of a Service that `field` may not name: nothing, and a warning."""
        message = (
            f"no ReferenceGrant in {host.namespace} lets it route to {host.name}:"
            " its share gets 500"
        )
        self.diagnostics.warn(resource.finding("not-granted", f"{field}.namespace", message))
        return _nothing(f"not granted|{port}||{host.fqdn}", host)

    def port(self, resource: Resource, field: str, host: Host, wanted: int | None) -> int:
        """`wanted`, which `field` asks for. Raises ManifestError where `host` has no such port."""
        numbers = list(self._services[host].ports)
        if wanted is None or wanted not in numbers:
            listed = ", ".join(map(str, numbers)) or "it has none"
            raise resource.error(field, f"name one of {host.name}'s ports: {listed}")
        return wanted

    def of_target(
        self, resource: Resource, field: str, target: kinds.Target | kinds.MirrorTarget, side: Side
    ) -> Destination:
        """Where `field` leads. Raises ManifestError for a port that its Service lacks.

        A rule that names no port leads, in the mesh, to the port that is called, or nowhere where
        its Service has no such port (istiod's `servicesByName`, by the listener's port).
        """
        namespace = resource.body.metadata.namespace  # type: ignore[attr-defined]
        host = self.known(resource, f"{field}.host", target.host, namespace)
        if host is None:
            number = target.port.number if target.port else side.port
            return self._nowhere(meant(target.host, namespace), number, target.subset)
        numbers = list(self._services[host].ports)
        wanted = target.port.number if target.port else None
        if wanted is None and side.host and side.port not in numbers:
            return replace(self._nowhere(host, side.port, target.subset), missing="port")
        if wanted is None:
            wanted = numbers[0] if len(numbers) == 1 else side.port
        number = self.port(resource, f"{field}.port", host, wanted)
        if side.host and self.headless(host):
            if host != side.host:
                problem = f"{target.host} is headless: the mesh cannot route calls to it"
                raise resource.error(f"{field}.host", problem)
            rule = self._rules.of(host, self._caller)
            if target.subset and not (rule and target.subset in rule.places):
                return self._subset(host, number, target.subset)
            return self.plain(host, number)
        return (
            self._subset(host, number, target.subset) if target.subset else self.plain(host, number)
        )

    def _nowhere(self, host: Host, port: int, subset: str | None = None) -> Destination:
        """What nothing answers for: a Service that is not there, or not known to these callers."""
        name = f"outbound|{port}|{subset or ''}|{host.fqdn}{self._for_callers(host)}"
        return Destination(name, host, host.name, ((),), Propagation())

    def _subset(self, host: Host, port: int, name: str) -> Destination:
        rule = self._rules.of(host, self._caller)
        subset = next((s for s in rule.subsets if s.name == name), None) if rule else None
        policy = policy_of(rule, subset, port)
        if subset is None:  # counts as one with no endpoints
            whole = self._destination(host, port, name, {}, policy, rule)
            return replace(whole, tiers=((),), missing="subset")
        return self._destination(host, port, name, subset.labels, policy, rule)

    def _destination(
        self,
        host: Host,
        port: int,
        subset: str,
        labels: Mapping[str, str],
        policy: Policy,
        rule: MergedRule | None,
    ) -> Destination:
        service = self._services[host]
        endpoints = tuple(
            Endpoint(pod, service.number(port, pod))
            for pod in service.pods
            if labels.items() <= pod.labels.items()
        )
        answering = endpoints
        if policy.plain_text:
            answering = tuple(e for e in endpoints if not self._peers.strict(e.pod, e.port))
        return Destination(
            name=f"outbound|{port}|{subset}|{host.fqdn}{self._for_callers(host)}",
            host=host,
            app=service.app or host.name,
            tiers=policy.tiers(answering),
            propagation=service.propagation,
            balancer=policy.balancer,
            outlier=policy.outlier,
            connect_timeout=policy.connect_timeout,
            idle_timeout=policy.idle_timeout,
            hashed=policy.hashed,
            no_failover=policy.no_failover,
            tls_refused=len(answering) < len(endpoints),
            http2=any(one.port == port and says_http2(one) for one in service.spec.ports),
            unsupported=service.unsupported or (rule.unsupported if rule else ""),
        )


def _nothing(name: str, host: Host) -> Destination:
    """Where a rule leads that names no Service, or one that it may not lead to: to 500."""
    return Destination(name, host, host.name, (), Propagation())
