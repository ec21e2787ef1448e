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
from lanes.reading.destination_rules import DestinationRules
from lanes.reading.grants import Grants
from lanes.reading.kinds.http_route import BackendRef, referred
from lanes.reading.known_services import known_services
from lanes.reading.manifests import Manifests, Resource
from lanes.reading.peer_authentication import PeerAuthentications
from lanes.reading.policies import policy_of
from lanes.reading.protocols import http_ports, may_be_hop
from lanes.reading.sides import Side


class Destinations:
    """Looks up what routes refer to: Services, subsets and endpoints."""

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
        self._is_for_callers = False

    def seen_from(self, namespace: str | None) -> "Destinations":
        """Return the destinations that callers in a namespace find.

        None stands for any namespace that no rule names.
        """
        view = copy(self)
        view._caller, view._is_for_callers = namespace, True
        return view

    def is_visible(self, host: Host) -> bool:
        """Tell whether the proxies of these callers know a Service."""
        return not self._is_for_callers or self._services[host].is_known_in(self._caller)

    def differ_by_caller(self, routes: Iterable[Route], host: Host | None = None) -> bool:
        """Tell whether callers of two namespaces may find different destinations by these routes.

        The routes of a Service that some callers do not know differ, too: `host`.
        """
        hosts = {destination.host for destination in destinations_of(routes)}
        known = {*hosts, host} if host else hosts
        return self._rules.differ(hosts) or not self._restricted.isdisjoint(known)

    def hosts(self) -> Mapping[Host, list[int]]:
        """Return every Service with its TCP ports."""
        return {host: list(service.ports) for host, service in self._services.items()}

    def datagrams(self) -> Mapping[Host, frozenset[int]]:
        """Return the ports that are not TCP, of each Service with such a port."""
        ports = {
            host: frozenset(port.port for port in service.spec.ports if port.protocol != "TCP")
            for host, service in self._services.items()
        }
        return {host: numbers for host, numbers in ports.items() if numbers}

    def pods(self, host: Host) -> tuple[Pod, ...]:
        """Return the pods of a Service."""
        return self._services[host].pods

    def resource(self, host: Host) -> Resource:
        """Return the resource of a Service."""
        return self._services[host].resource

    def aliases(self) -> Mapping[Host, Host]:
        """Return the Services that stand for another Service, each with that Service."""
        return {alias: host for alias, host in self._aliases.items() if host in self._services}

    def is_service(self, name: str, namespace: str) -> bool:
        """Tell whether `name` in a manifest of `namespace` means a Service."""
        host = meant(name, namespace)
        return host in self._services or host in self._aliases

    def service_named(
        self, resource: Resource, field: str, name: str, namespace: str
    ) -> Host | None:
        """Return the Service that `field` names; warn and return None if these callers know none.

        Raises ManifestError for a Service of type ExternalName.
        """
        host = meant(name, namespace)
        if host in self._aliases and host not in self._services:
            problem = f"{name} is of type ExternalName: name the host that it stands for"
            raise resource.error(field, problem)
        if host not in self._services:
            message = no_service(name, namespace, self._services, "requests there get 503")
            self.diagnostics.warn(resource.finding("no-service", field, message))
            return None
        if self.is_visible(host):
            return host
        if self._caller is not None:
            message = (
                f"{name} is not exported to namespace {self._caller}: requests from there get 503"
            )
            self.diagnostics.warn(resource.finding("not-exported", field, message))
        return None

    def warn_no_service(self, resource: Resource, field: str, name: str, namespace: str) -> None:
        """Warn that `field` of mesh rules names no Service."""
        effect = "its rules apply to calls to this very name, at port 80"
        message = no_service(name, namespace, self._services, effect)
        self.diagnostics.warn(resource.finding("no-service", field, message))

    def declares_http(self, port: int, host: Host | None = None) -> bool:
        """Tell whether a Service, or `host`, declares that its `port` carries HTTP."""
        services = [self._services[host]] if host else self._services.values()
        return any(port in http_ports(each.spec) for each in services)

    def is_http(self, host: Host, port: int) -> bool:
        """Tell whether HTTP rules apply at a Service's port."""
        return port not in self._services[host].without_http

    def is_hop(self, host: Host, port: int) -> bool:
        """Tell whether a call to a Service's port is a hop, and not a call to a database."""
        spec = self._services[host].spec
        return all(may_be_hop(spec, one) for one in spec.ports if one.port == port)

    def is_headless(self, host: Host) -> bool:
        """Tell whether callers choose the pod themselves, by DNS, past subsets and weights."""
        return self._services[host].spec.cluster_ip == "None"

    def has_pods(self, name: str, subset: str, namespace: str) -> bool:
        """Tell whether a Service that `name` means in a namespace, or its subset, has pods.

        Hosts outside the cluster, and Services of type ExternalName, are taken to have some.
        """
        host = meant(name, namespace)
        if host in self._aliases:
            return True
        if host not in self._services:
            return False
        rule = self._rules.of(host)
        subsets = {one.name: one.labels for one in rule.subsets} if rule else {}
        if subset and subset not in subsets:
            return False
        labels = subsets.get(subset, {}).items()
        return not host.namespace or any(labels <= pod.labels.items() for pod in self.pods(host))

    def of_route(
        self, resource: Resource, field: str, http: kinds.HttpDestination, side: Side
    ) -> Destination:
        """Return a route's destination. The tiers of its fallback follow its own."""
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

    def of_backend_ref(
        self, resource: Resource, field: str, ref: BackendRef, *, in_mesh: bool
    ) -> Destination:
        """Return the Service that a route's backendRef names.

        A reference to another kind, and one that needs a ReferenceGrant and has none, leads
        nowhere, with a warning.
        """
        host = referred(ref, resource.namespace)
        if not ref.is_service:
            message = f"{ref.kind} is not a kind of backend: its share gets 500; name a Service"
            self.diagnostics.warn(resource.finding("no-backend", f"{field}.kind", message))
            return _nothing(f"no service|||{host.fqdn}", host)
        if not in_mesh and not self.grants.allow(resource.kind, resource.namespace, host):
            message = (
                f"no ReferenceGrant in {host.namespace} lets it route to {host.name}:"
                " its share gets 500"
            )
            self.diagnostics.warn(resource.finding("not-granted", f"{field}.namespace", message))
            return _nothing(f"not granted|{ref.port}||{host.fqdn}", host)
        return self.of_backend(resource, field, host, ref.port)

    def of_backend(
        self, resource: Resource, field: str, host: Host, port: int | None
    ) -> Destination:
        """Return every pod of the Service that `field` names; no tier if it does not exist."""
        if host not in self._services:
            return _nothing(f"outbound|{port}||{host.fqdn}", host)
        number = self.port(resource, f"{field}.port", host, port)
        if self.service_named(resource, f"{field}.name", host.name, host.namespace) is None:
            return self._nowhere(host, number)
        return self.every_pod(host, number)

    def of_target(
        self, resource: Resource, field: str, target: kinds.Target | kinds.MirrorTarget, side: Side
    ) -> Destination:
        """Return the destination of `field`. Raises ManifestError for a port its Service lacks.

        Without a port, a rule in the mesh leads to the port that is called, or nowhere if the
        Service has no such port (istiod's `servicesByName`, by the listener's port). At a gateway
        it leads to the only port, else to the gateway's.
        """
        host = self.service_named(resource, f"{field}.host", target.host, resource.namespace)
        port, subset = target.port.number if target.port else None, target.subset or ""
        if host is None:
            named = meant(target.host, resource.namespace)
            return self._nowhere(named, port or side.port, subset)
        ports = list(self._services[host].ports)
        if port is None and side.host and side.port not in ports:
            return replace(self._nowhere(host, side.port, subset), missing="port")
        if port is None:
            port = ports[0] if len(ports) == 1 else side.port
        number = self.port(resource, f"{field}.port", host, port)
        if side.host and self.is_headless(host):
            if host != side.host:
                problem = f"{target.host} is headless: the mesh cannot route calls to it"
                raise resource.error(f"{field}.host", problem)
            rule = self._rules.of(host, self._caller)
            if rule and subset in rule.places:
                return self.every_pod(host, number)
        return self._subset(host, number, subset)

    def port(self, resource: Resource, field: str, host: Host, port: int | None) -> int:
        """Return the port that `field` names. Raises ManifestError if the Service lacks it."""
        ports = list(self._services[host].ports)
        if port is None or port not in ports:
            listed = ", ".join(map(str, ports)) or "it has none"
            raise resource.error(field, f"name one of {host.name}'s ports: {listed}")
        return port

    def every_pod(self, host: Host, port: int) -> Destination:
        """Return every pod of a Service, whatever its version."""
        return self._subset(host, port, "")

    def _nowhere(self, host: Host, port: int, subset: str = "") -> Destination:
        """Return a Service that does not exist, or that these callers do not know: without pods."""
        name = self._name(host, port, subset)
        return Destination(name, host, host.name, ((),), Propagation())

    def _name(self, host: Host, port: int, subset: str) -> str:
        """Return a destination's name, which differs where other callers find another."""
        differs = self._caller and (self._rules.differ([host]) or host in self._restricted)
        suffix = f" for {self._caller}" if differs else ""
        return f"outbound|{port}|{subset}|{host.fqdn}{suffix}"

    def _subset(self, host: Host, port: int, name: str) -> Destination:
        """Return a subset of a Service, or every pod for the name "".

        A subset that no DestinationRule defines has no endpoints.
        """
        service, rule = self._services[host], self._rules.of(host, self._caller)
        subset = next((s for s in rule.subsets if s.name == name), None) if rule and name else None
        policy = policy_of(rule, subset, port)
        labels = subset.labels.items() if subset else {}.items()
        endpoints = tuple(
            Endpoint(pod, service.number(port, pod))
            for pod in service.pods
            if labels <= pod.labels.items()
        )
        answering = endpoints
        if policy.plain_text:
            answering = tuple(e for e in endpoints if not self._peers.strict(e.pod, e.port))
        is_missing = bool(name) and subset is None
        return Destination(
            name=self._name(host, port, name),
            host=host,
            app=service.app or host.name,
            tiers=((),) if is_missing else policy.tiers(answering),
            propagation=service.propagation,
            balancer=policy.balancer,
            outlier=policy.outlier,
            connect_timeout=policy.connect_timeout,
            idle_timeout=policy.idle_timeout,
            hashed=policy.hashed,
            no_failover=policy.no_failover,
            tls_refused=len(answering) < len(endpoints),
            missing="subset" if is_missing else "",
            http2=port in service.http2_ports,
            unsupported=service.unsupported or (rule.unsupported if rule else ""),
        )


def _nothing(name: str, host: Host) -> Destination:
    """Return the destination of a reference that leads to no Service: 500 answers."""
    return Destination(name, host, host.name, (), Propagation())
