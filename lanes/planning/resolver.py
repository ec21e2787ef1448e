"""The resolver: a lane's path, hop by hop.

It follows one request. Each hop's rules choose destinations, and the call graph says which services
their pods call next. Calls with the same `CallKey` have the same answer, so they share one hop.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from lanes.errors import LanesError
from lanes.mesh.model import (
    NO_VARIANT,
    Host,
    Pod,
    Route,
    ServicePort,
    Weighted,
    names_of,
    pods_behind,
)
from lanes.mesh.traffic import NO_CHANGES, Propagation
from lanes.planning import cycles
from lanes.planning.call_graph import UpstreamsDifferError
from lanes.planning.entry_rule import first_path
from lanes.planning.hop import CallKey, Hop
from lanes.planning.ingress import ForwardedRequest
from lanes.planning.lane_context import LaneContext
from lanes.planning.messages import PlanError, Problem
from lanes.planning.no_answer import no_answer, no_rule, unsupported
from lanes.planning.reasons import Choice, choice_of, reason_for
from lanes.planning.request import Request
from lanes.planning.shares import failing_of, first_pods, parts_of, services_of, shares_of

# More than any real chain has. Python's recursion ends at some 200.
MOST_CALLS = 100

Chain = tuple[CallKey, ...]
"""The calls from the entry to a hop; (): do not resolve the calls behind the hop."""


@dataclass(frozen=True)
class _Calls:
    """The calls of a hop's pods; the fields are those of `Hop`."""

    upstreams: tuple[Hop, ...] = ()
    may_stop: bool = False
    assumed: bool = False


class _Call(NamedTuple):
    """A call to a URL: the port and the routes that it meets, and its path.

    `host` None: no Service has this port. `variant`: see `ServicePort.variant`.
    """

    url: str
    host: Host | None
    port: int = 0
    variant: int = NO_VARIANT
    path: str = ""


class Resolver:
    """Resolves the path of one lane.

    Its cache of answers never changes a result, so the order of calls to it does not matter.
    """

    def __init__(self, lane: LaneContext) -> None:
        self.lane = lane
        self._graph = lane.plan.graph
        self._answers: dict[CallKey, Hop | None] = {}  # None: being resolved
        self._repeated: dict[CallKey, Hop] = {}  # calls in cycles, without upstreams
        self._always: dict[CallKey, list[CallKey]] = {}  # the calls that each call always causes
        # Upstreams that must answer alike, and the error if they do not.
        self._must_agree: list[tuple[tuple[Hop, ...], tuple[Hop, ...], LanesError]] = []

    def path(self) -> Hop:
        """Return the first hop of the path. Raises LanesError if the lane has several paths."""
        return self.entry(self.lane.spec.forwarded)

    def entry(self, forwarded: Sequence[ForwardedRequest]) -> Hop:
        """Return the hop to which the gateway forwards these requests.

        It is a fallback if another lane's version answers, or if requests without a lane go there
        too. Raises LanesError if the requests have several paths.
        """
        lane, plan = self.lane, self.lane.plan
        first = forwarded[0]
        weighted = tuple(one.weighted for one in forwarded)
        destination = first.weighted.destination
        ports = plan.graph.ports.get(destination.host, {}).values()
        selected = next((port.pods for port in ports), ())
        rule = Route((), weighted, abort=first.abort, place=first.place)
        if rule.unknown:
            return unsupported(destination.host, rule, destination.port)
        versions = {pod.version for one in weighted for pod in first_pods(one)}
        choice = Choice(
            specific=not versions & lane.others
            and plan.untagged != {one.destination.name for one in weighted},
            runs=lane.version in lane.versions_of(names_of((*selected, *pods_behind([rule])))),
        )
        used = [w for w in weighted if w.weight or len(weighted) == 1]
        used = [w for w in used if first_pods(w)] or used[:1] or [first.weighted]
        hosts = (w.destination.host for w in used)
        names = (plan.entry_names.get(host, host.name) for host in hosts)
        host = destination.host._replace(name="|".join(dict.fromkeys(names)))
        own = names_of(first_pods(used[0]))
        hop = self._hop(host, destination.port, own, rule, first.request, choice, (CallKey(host),))
        self._require_one_path()
        return hop

    def call(self, port: ServicePort) -> Hop | None:
        """Return the hop of the lane's call to a Service, without the hops behind it.

        None: the lane has several paths there.
        """
        headers = self.lane.spec.carried
        propagation = port.pods[0].propagation if port.pods else Propagation()
        path = first_path(port.routes, port.host.name, headers) or "/"
        try:
            return self._answer(port, Request(headers, path), propagation, ())
        except LanesError:
            return None

    def leads_to(self, entry: Hop, forwarded: ForwardedRequest) -> bool:
        """Tell whether this request gets the same answers as the lane's `entry`."""
        return cycles.alike((self.entry([forwarded]),), (entry,), self._with_upstreams)

    def is_independent(self) -> bool:
        """Tell whether each of the gateway's destinations has the same hops behind it."""
        first, *others = (self.entry([one]).upstreams for one in self.lane.spec.forwarded)
        return all(cycles.alike(first, other, self._with_upstreams) for other in others)

    def _with_upstreams(self, hop: Hop) -> Hop:
        """Return the hop with its upstreams: if it repeats a call, the hop of that call."""
        return self._answers.get(hop.repeats) or hop if hop.repeats else hop

    def _answer(
        self, port: ServicePort, call: Request, propagation: Propagation, chain: Chain
    ) -> Hop:
        """Return the hop at a Service's port; `propagation` is that of the caller's sidecar."""
        request = call.sent(propagation)
        route = request.rule(port.routes)
        if route is None:
            return no_rule(port)
        if route.unknown:
            return unsupported(port.host, route, port.port)
        destinations = [w for w in route.destinations if w.weight] or list(route.destinations)
        if len(destinations) > 1 and any(map(_changes_headers, destinations)):
            raise self._problem(Problem.SPLITS_AND_SETS, service=port.host.name)
        choice = choice_of(self.lane, port, route, request, propagation)
        ops = ([destinations[0].request] if len(destinations) == 1 else []) + [route.request]
        host = port.host
        own = names_of(port.pods) or frozenset([(host.name, host.namespace)])
        request = request.changed(*ops)
        return self._hop(host, port.port, own, route, request, choice, chain)

    def _hop(
        self,
        service: Host,
        port: int,
        own: frozenset[tuple[str, str]],
        rule: Route,
        request: Request,
        choice: Choice,
        chain: Chain,
    ) -> Hop:
        """Return the hop to which `rule` routes `request`, at the end of a `chain` of calls.

        `own`: the names and namespaces of the service's own pods.
        """
        parts = parts_of(rule)
        answering = tuple(part for part in parts if part.endpoints)
        hosts = (service, *(w.destination.host for w in rule.destinations))
        if not answering:
            return no_answer(self.lane, service, port, rule, parts, choice)
        pods = tuple(endpoint.pod for part in answering for endpoint in part.endpoints)
        shares = shares_of(answering)
        versions = tuple(sorted(shares))
        behind = _Calls()
        if chain:
            behind = self._calls(service, (*hosts[1:], service), pods, request, chain)
        services = services_of(service, own, answering)
        split = len(services) > 1
        reason, misrouted = reason_for(self.lane, answering, versions, choice, split=split)
        known = [share for version in versions if (share := shares[version]) is not None]
        return Hop(
            service.name,
            versions,
            reason,
            behind.upstreams,
            namespace=pods[0].namespace if all(pod.namespace_named for pod in pods) else "",
            shares=tuple(known) if len(known) == len(versions) > 1 else (),
            misrouted=misrouted,
            place=rule.place,
            hosts=hosts,
            failing=tuple(failing_of(rule, parts)),
            may_stop=behind.may_stop,
            assumed=behind.assumed,
            parts=services,
            pods=frozenset((pod.app, pod.version) for pod in pods),
            port=port,
            injected=all("python" in pod.injected for pod in pods),
        )

    def _calls(
        self,
        service: Host,
        hosts: tuple[Host, ...],
        pods: tuple[Pod, ...],
        request: Request,
        chain: Chain,
    ) -> _Calls:
        """Return the calls of the pods behind these hosts when they get `request`."""
        try:
            called = self._graph.of(hosts, pods)
        except UpstreamsDifferError:
            raise self._differ(Problem.UPSTREAMS_DIFFER, service, pods) from None
        if not called:
            return _Calls()
        drops = any(pod.carries_baggage is False for pod in pods)
        carried = self._propagated(request, pods[0].propagation, drops)
        upstreams = {
            pod.key: tuple(self._call(call, pod, carried, chain) for call in calls)
            for calls, pod in self._callers(pods, called).items()
        }
        first = upstreams[pods[0].key]
        for other in upstreams.values():
            if other is not first:
                problem = self._differ(Problem.SIDECARS_DIFFER, service, pods)
                self._must_agree.append((first, other, problem))
        in_baggage = self.lane.carrier == "baggage"
        not_known = not drops and any(pod.carries_baggage is None for pod in pods)
        return _Calls(
            first,
            may_stop=any(url not in pod.upstream_urls for pod in pods for url in called),
            assumed=bool(self.lane.version) and (not_known or not in_baggage),
        )

    def _callers(
        self, pods: tuple[Pod, ...], called: Iterable[str]
    ) -> Mapping[tuple[_Call, ...], Pod]:
        """Return a pod that stands for all pods with the same calls, by these calls."""
        ports = {
            namespace: [(url, *self._graph.port(url, namespace)) for url in called]
            for namespace in {pod.namespace for pod in pods}
        }
        return {
            tuple(
                _Call(url, to.host, to.port, to.variant(pod), path) if to else _Call(url, None)
                for url, to, path in ports[pod.namespace]
            ): pod
            for pod in reversed(pods)
        }

    def _propagated(
        self, request: Request, propagation: Propagation, drops_baggage: bool
    ) -> Mapping[str, str]:
        """Return the headers of the calls that pods make when they get `request`."""
        received = request.received(propagation).headers.get("baggage", "")
        baggage = {"baggage": received} if received and not drops_baggage else {}
        assumed = self.lane.plan.assumed
        return baggage | {n: value for n, value in request.headers.items() if n in assumed}

    def _call(self, call: _Call, caller: Pod, carried: Mapping[str, str], chain: Chain) -> Hop:
        """Return the hop of a call with the headers `carried`, behind a `chain` of calls."""
        url, host, number, variant, path = call
        always = url in caller.upstream_urls
        if host is None or ("://" not in url and always):
            raise PlanError(Problem.NO_SERVICE_URL, pod=caller.name, url=url)
        headers, propagation = frozenset(carried.items()), caller.propagation
        key = CallKey(host, number, path, headers, propagation, variant)
        if always:
            self._always.setdefault(chain[-1], []).append(key)
        request, chain = Request(carried, path), (*chain, key)
        port = self._graph.ports[host][number].with_variant(variant)
        if key not in self._answers:
            self._require_short(chain, always)
            self._answers[key] = None
            self._answers[key] = self._answer(port, request, propagation, chain)
        known = self._answers[key]
        if known is None:  # this call is being resolved: a cycle
            if key not in self._repeated:
                hop = self._answer(port, request, propagation, ())
                self._repeated[key] = replace(hop, repeats=key)
            return self._repeated[key]
        self._require_short(chain, always, known.depth)
        return known

    def _require_short(self, chain: Chain, always: bool, further: int = 0) -> None:
        """Raise LanesError if a chain with `further` calls behind it is too long."""
        if len(chain) - 1 + further <= MOST_CALLS:
            return
        *hosts, last = (key.host for key in chain)
        if always and last in hosts:  # the cycle changes the headers, so no call repeats
            before = len(hosts) - 1 - hosts[::-1].index(last)
            raise self._endless((*hosts[before:], last))
        raise self._problem(Problem.CHAIN_TOO_LONG, most=MOST_CALLS)

    def _require_one_path(self) -> None:
        """Raise LanesError if calls never end, or if the calls of one hop's pods differ."""
        if endless := cycles.endless(self._always) if self._repeated else ():
            raise self._endless(key.host for key in endless)
        for one, other, problem in self._must_agree:
            if not cycles.alike(one, other, self._with_upstreams):
                raise problem

    def _problem(self, problem: Problem, **values: object) -> PlanError:
        return PlanError(problem, lane=self.lane.spec.name, **values)

    def _differ(self, problem: Problem, service: Host, pods: Iterable[Pod]) -> PlanError:
        versions = ", ".join(sorted({pod.version for pod in pods}))
        return self._problem(problem, service=service.name, versions=versions)

    def _endless(self, hosts: Iterable[Host]) -> PlanError:
        return self._problem(Problem.NEVER_ENDS, cycle=" -> ".join(host.name for host in hosts))


def _changes_headers(destination: Weighted) -> bool:
    return replace(destination.request, authority="") != NO_CHANGES
