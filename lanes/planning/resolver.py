"""The resolver: a lane's path, hop by hop.

It follows one request: each hop's rules choose a destination, and the pods that stand there say
what they call next. Where calls meet that are answered alike, it has been there already.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from lanes.errors import LanesError
from lanes.mesh.model import NO_VARIANT, Host, Pod, Route, ServicePort, Weighted, led_to, names_of
from lanes.mesh.traffic import NO_CHANGES, Propagation
from lanes.planning import cycles
from lanes.planning.call_graph import UpstreamsDifferError
from lanes.planning.entry_rule import first_path
from lanes.planning.hop import CallKey, Hop, Reason, Unanswered
from lanes.planning.ingress import ForwardedRequest
from lanes.planning.lane_context import LaneContext
from lanes.planning.messages import PlanError, Problem
from lanes.planning.no_answer import no_answer, unsupported
from lanes.planning.reasons import Choice, choice_of, reason_for
from lanes.planning.request import Request
from lanes.planning.shares import failing_of, first_pods, parts_of, services_of, shares_of

# Longer than any answer waits for; Python ends the recursion at some 200.
MOST_CALLS = 100

Chain = tuple[CallKey, ...]
"""The calls from the entry on; (): it is not followed, and no pod calls any."""


@dataclass(frozen=True)
class _Calls:
    """What a hop's pods call; see `Hop` for the others."""

    upstreams: tuple[Hop, ...] = ()
    may_stop: bool = False
    assumed: bool = False


class _Callee(NamedTuple):
    """A called URL, the Service's port that it names (None: there is none), and its path."""

    url: str
    port: ServicePort | None
    path: str

    def variant(self, caller: Pod) -> int:
        """Return which of the port's routes apply to `caller`, as `ServicePort.variant` does."""
        return self.port.variant(caller) if self.port else NO_VARIANT


class Resolver:
    """Resolves what answers one lane.

    It remembers each call's answer, so calls that are answered alike share one hop. The memory is
    its own: what it returns depends on the lane alone, and not on what was asked before.
    """

    def __init__(self, lane: LaneContext) -> None:
        self.lane = lane
        self._graph = lane.plan.graph
        self._answers: dict[CallKey, Hop | None] = {}  # None: under way
        self._repeated: dict[CallKey, Hop] = {}  # those of calls that lead to one under way
        self._always: dict[CallKey, list[CallKey]] = {}  # what is called whenever a call is made
        self._must_agree: list[tuple[tuple[Hop, ...], tuple[Hop, ...], LanesError]] = []

    def path(self) -> Hop:
        """Return the first hop of the lane's path. Raises LanesError where it has no one path."""
        return self.entry(self.lane.spec.forwarded)

    def entry(self, forwarded: Sequence[ForwardedRequest]) -> Hop:
        """Return the hop that the gateway leads these requests to.

        Another lane's version there is a fallback, and so is where requests without a lane go.
        Raises LanesError where they have no one path.
        """
        lane, plan = self.lane, self.lane.plan
        first = forwarded[0]
        weighted = tuple(one.weighted for one in forwarded)
        destination = first.weighted.destination
        ports = plan.graph.ports.get(destination.host, {}).values()
        selected = next((port.pods for port in ports), ())
        rule = Route((), weighted, abort=first.abort, place=first.place)
        if rule.unknown:
            return unsupported(destination.host, rule)
        versions = {pod.version for one in weighted for pod in first_pods(one)}
        choice = Choice(
            own=not versions & lane.others
            and plan.untagged != {one.destination.name for one in weighted},
            runs=lane.version in lane.versions_of(names_of((*selected, *led_to([rule])))),
        )
        led = [w for w in weighted if w.weight or len(weighted) == 1]
        led = [w for w in led if first_pods(w)] or led[:1] or [first.weighted]
        hosts = (w.destination.host for w in led)
        names = (plan.entry_names.get(host, host.name) for host in hosts)
        host = replace(destination.host, name="|".join(dict.fromkeys(names)))
        own = names_of(first_pods(led[0]))
        hop = self._hop(host, destination.port, own, rule, first.request, choice, (CallKey(host),))
        self._require_one_path()
        return hop

    def call(self, port: ServicePort) -> Hop | None:
        """Return what answers the lane's call to a Service, without what that calls.

        None: the lane has no one path there.
        """
        headers = self.lane.spec.carried
        propagation = port.pods[0].propagation if port.pods else Propagation()
        path = first_path(port.routes, port.host.name, headers) or "/"
        try:
            return self._answer(port, Request(headers, path), propagation, ())
        except LanesError:
            return None

    def leads_to(self, entry: Hop, forwarded: ForwardedRequest) -> bool:
        """Tell whether the gateway leads this request to what answers as the lane's `entry`."""
        return cycles.alike((self.entry([forwarded]),), (entry,), self._whole)

    def is_independent(self) -> bool:
        """Tell whether the same answers behind each of the gateway's destinations."""
        first, *others = (self.entry([one]).upstreams for one in self.lane.spec.forwarded)
        return all(cycles.alike(first, other, self._whole) for other in others)

    def _whole(self, hop: Hop) -> Hop:
        """Return the hop, or the one that it repeats, with all that this calls."""
        return self._answers.get(hop.repeats) or hop if hop.repeats else hop

    def _answer(
        self, port: ServicePort, call: Request, propagation: Propagation, chain: Chain
    ) -> Hop:
        """Return the hop at a Service's port, for a call whose sidecar exchanges `propagation`."""
        request = call.sent(propagation)
        route = request.rule(port.routes)
        if route is None:
            return Hop(
                port.host.name,
                (),
                Reason.NONE,
                status=404,
                unanswered=Unanswered("no-rule"),
                hosts=(port.host,),
                port=port.port,
            )
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
        """Return the hop that `rule` leads `request` to, at the end of a `chain` of calls.

        `own`: the names and namespaces that the service's own pods have.
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
        led = services_of(service, own, answering)
        reason, misrouted = reason_for(self.lane, answering, versions, choice, split=len(led) > 1)
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
            parts=led,
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
        """Return what the pods behind these hosts call when they get `request`."""
        try:
            called = self._graph.of(hosts, pods)
        except UpstreamsDifferError:
            raise self._differ(Problem.UPSTREAMS_DIFFER, service, pods) from None
        if not called:
            return _Calls()
        drops = any(pod.carries_baggage is False for pod in pods)
        carried = self._handed_on(request, pods[0].propagation, drops)
        callees = {
            namespace: [_Callee(url, *self._graph.port(url, namespace)) for url in called]
            for namespace in {pod.namespace for pod in pods}
        }
        one_each = {
            tuple(callee.variant(pod) for callee in callees[pod.namespace]): pod
            for pod in reversed(pods)
        }
        upstreams = {
            pod.key: tuple(
                self._call(callee, pod, carried, chain) for callee in callees[pod.namespace]
            )
            for pod in one_each.values()
        }
        first = upstreams[pods[0].key]
        for other in upstreams.values():
            if other is not first:
                problem = self._differ(Problem.SIDECARS_DIFFER, service, pods)
                self._must_agree.append((first, other, problem))
        in_baggage = self.lane.carrier == "baggage"
        unsure = not drops and any(pod.carries_baggage is None for pod in pods)
        return _Calls(
            first,
            may_stop=any(url not in pod.upstream_urls for pod in pods for url in called),
            assumed=bool(self.lane.version) and (unsure or not in_baggage),
        )

    def _handed_on(
        self, request: Request, propagation: Propagation, drops_baggage: bool
    ) -> Mapping[str, str]:
        """Return the headers that pods hand on to what they call."""
        received = request.received(propagation).headers.get("baggage", "")
        baggage = {"baggage": received} if received and not drops_baggage else {}
        assumed = self.lane.plan.assumed
        return baggage | {n: value for n, value in request.headers.items() if n in assumed}

    def _call(self, callee: _Callee, caller: Pod, carried: Mapping[str, str], chain: Chain) -> Hop:
        """Return the hop of a call with these headers, which follows a `chain` of calls."""
        url, port, path = callee
        always = url in caller.upstream_urls
        if port is None or ("://" not in url and always):
            raise PlanError(Problem.NO_SERVICE_URL, pod=caller.name, url=url)
        headers, variant = frozenset(carried.items()), port.variant(caller)
        key = CallKey(port.host, port.port, path, headers, caller.propagation, variant)
        if always:
            self._always.setdefault(chain[-1], []).append(key)
        request, port, chain = Request(carried, path), port.seen_by(caller), (*chain, key)
        if key not in self._answers:
            self._require_short(chain, always)
            self._answers[key] = None
            self._answers[key] = self._answer(port, request, caller.propagation, chain)
        known = self._answers[key]
        if known is None:  # a cycle
            if key not in self._repeated:
                hop = self._answer(port, request, caller.propagation, ())
                self._repeated[key] = replace(hop, repeats=key)
            return self._repeated[key]
        self._require_short(chain, always, known.depth)
        return known

    def _require_short(self, chain: Chain, always: bool, further: int = 0) -> None:
        """Raise LanesError where a chain with `further` calls behind it is too long."""
        if len(chain) - 1 + further <= MOST_CALLS:
            return
        *hosts, last = (key.host for key in chain)
        if always and last in hosts:  # each time it is another call, or it would have been met
            before = len(hosts) - 1 - hosts[::-1].index(last)
            raise self._endless((*hosts[before:], last))
        raise self._problem(Problem.CHAIN_TOO_LONG, most=MOST_CALLS)

    def _require_one_path(self) -> None:
        """Raise LanesError where calls that are always made come back, or where pods that answer
        as one call past their sidecars and get other answers there.
        """
        if endless := cycles.endless(self._always) if self._repeated else ():
            raise self._endless(key.host for key in endless)
        for one, other, problem in self._must_agree:
            if not cycles.alike(one, other, self._whole):
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
