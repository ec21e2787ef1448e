"""Compare plans with the configuration that the real istiod makes for their requests.

One istiod has many sets of manifests, each in separate namespaces. It gives the configuration of
each set's gateway and of the pods in each lane's path. Every hop of the plan is compared with what
Envoy would do by that configuration. No proxy runs.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from lanes.mesh import baggage
from lanes.mesh.hostnames import any_of, host_of
from lanes.mesh.model import Mesh, Pod, ServicePort
from lanes.planning.entry_rule import EntryRule
from lanes.planning.hop import Hop
from lanes.planning.lanes import UNTAGGED
from lanes.planning.result import Lane, Plan
from lanes.running.address import AddressBlock
from tests.istio import cluster
from tests.istio.entrances import Entrance
from tests.istio.envoy import ANYWHERE, Config, Part
from tests.istio.istiod import API_PORT, Istiod
from tests.istio.kube_api import Document, KubeApi
from tests.istio.proxies import free_address, router, sidecar
from tests.istio.xds import Xds

_INJECT = "sidecar.istio.io/inject"
_EXCLUDED = "traffic.sidecar.istio.io/excludeOutboundPorts"


@dataclass(frozen=True)
class Case:
    """Manifests with their plan and entrance. `calls` are further calls, by the calling service."""

    name: str
    documents: Sequence[Document]
    mesh: Mesh
    plan: Plan
    entrance: Entrance
    calls: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Placed:
    """A case, with addresses for its pods and gateway."""

    case: Case
    pods: Mapping[str, Pod]
    gateway: str


@dataclass
class LoadedIstiod:
    """A running istiod with its sets."""

    istiod: Istiod
    xds: Xds
    placed: Mapping[str, Placed]
    _configs: dict[str, Config] = field(default_factory=dict)

    def admits(self, case: Case) -> str:
        """Return why a cluster refuses the case's manifests; "" if it does not."""
        for document in case.documents:
            if ".istio.io/" in document["apiVersion"]:
                allowed, messages = self.istiod.review(document)
                if not allowed:
                    name = f"{document['kind']} {document['metadata']['name']}"
                    return f"{name}: {' '.join(messages)}"
        return ""

    def disagreements(self, case: Case) -> Iterator[str]:
        """Yield the differences between the plan of a case and istiod's configuration."""
        requests = _Requests(self, self.placed[case.name])
        for lane in case.plan.lanes:
            for difference in requests.by_weight(lane):
                yield f"lane {lane.name} by weight: {difference}"
            for rule in lane.entry_rules:
                for difference in requests.by_entry_rule(lane, rule):
                    yield f"lane {lane.name} by {rule}: {difference}"

    def config(self, node: Document) -> Config:
        """Return the configuration of a proxy, fetched once."""
        if node["id"] not in self._configs:
            self._configs[node["id"]] = Config(self.xds.config(node))
        return self._configs[node["id"]]


class _Requests:
    """Requests through istiod's configuration, one after the other."""

    def __init__(self, loaded: LoadedIstiod, placed: Placed) -> None:
        self._loaded, self._placed, self._case = loaded, placed, placed.case
        self._host = self._case.plan.host or any_of("*")
        self._sent = ""

    def by_weight(self, lane: Lane) -> Iterator[str]:
        weights = sum(other.weight for other in self._case.plan.lanes)
        if lane.weight:
            parts = self._at_gateway(lane, EntryRule())
            share = sum(part.share for part in parts)
            if share != Fraction(lane.weight, weights):
                yield f"{_percent(share)} of all and not {lane.weight} of {weights}"
            yield from self._compare(lane.entry, parts, share)

    def by_entry_rule(self, lane: Lane, rule: EntryRule) -> Iterator[str]:
        parts = self._at_gateway(lane, rule)
        share = sum(part.share for part in parts)
        if share != 1:
            yield f"{_percent(share)} enter"
        yield from self._compare(lane.entry, parts, share)

    def _at_gateway(self, lane: Lane, rule: EntryRule) -> list[Part]:
        """Return the parts of requests at the gateway that are in the lane."""
        self._sent = lane.client_header
        request = rule.request(self._host, self._case.plan.path)
        headers = dict(request.headers)
        host = headers.pop(":authority", self._host)
        entrance, name = self._case.entrance, f"gateway-{self._case.name}"
        port = entrance.port
        node = router(name, entrance.namespace, entrance.labels, self._placed.gateway)
        parts = self._loaded.config(node).parts(
            port, host, request.path, headers, entrance.routes, request.method
        )
        alone = (EntryRule({name: value}) for name, value in rule.headers.items())
        if lane.name in map(str, (rule, *alone)):  # the rule itself names the lane
            return parts
        return [part for part in parts if self._tag(part, lane) == lane.name]

    def _tag(self, part: Part, lane: Lane) -> str:
        """Return the lane of a request: by a member of its baggage, or by a header."""
        name, headers = lane.client_header or self._case.plan.header, part.headers or {}
        members = baggage.members(headers.get("baggage", ""))
        return members.get(name) or headers.get(name) or UNTAGGED

    def _compare(self, hop: Hop, parts: Sequence[Part], whole: Fraction | int) -> Iterator[str]:
        """Yield the differences between a planned hop, with all behind it, and istiod's parts."""
        if not parts or not whole:
            return
        planned, actual = defaultdict[int, float](float), defaultdict[int, float](float)
        planned[hop.status] = 1 - sum(error.share for error in hop.failing)
        for error in hop.failing:
            planned[error.status] += error.share
        for part in parts:
            actual[part.status] += float(part.share / whole)
        if not _alike(planned, actual):
            yield f"{hop.service}: planned {_listed(planned)}, istiod {_listed(actual)}"
            return
        if hop.status != 200:
            return
        parts = [part for part in parts if part.status == hop.status]
        whole = sum((part.share for part in parts), Fraction(0))
        pods = {p: self._pod(p) for part in parts for p in part.addresses}
        versions = sorted({pod.version for pod in pods.values()})
        if list(hop.versions) != versions:
            yield f"{hop.service}: planned {hop.version}, istiod {'|'.join(versions)}"
            return
        answering = {(pod.app, pod.version) for pod in pods.values()}
        if hop.answering != answering:
            yield f"{hop.service}: planned {sorted(hop.answering)}, istiod {sorted(answering)}"
            return
        yield from self._compare_shares(hop, parts, whole, pods)
        for part in parts:
            for address in sorted(part.addresses):
                yield from self._compare_upstreams(hop, pods[address], part)

    def _compare_shares(
        self, hop: Hop, parts: Sequence[Part], whole: Fraction | int, pods: Mapping[str, Pod]
    ) -> Iterator[str]:
        shares = getattr(hop, "shares", ())
        for version, share in zip(hop.versions, shares, strict=False):
            own = [p.share for p in parts if {pods[a].version for a in p.addresses} == {version}]
            actual = sum(own, Fraction(0)) / whole
            if abs(float(actual) - share) > 0.000_001:
                yield f"{hop.service} {version}: planned {share:.1%}, istiod {_percent(actual)}"
        for planned in hop.parts:
            others = [other.pods for other in hop.parts if other is not planned]
            shares_of_part = [
                part.share
                for part in parts
                for answering in [_answering(part, pods)]
                if answering <= planned.pods and answering not in others
            ]
            actual = sum(shares_of_part, Fraction(0)) / whole
            if abs(float(actual) - planned.share) > 0.000_001:
                name = f"{hop.service} by {planned.service}"
                yield f"{name}: planned {planned.share:.1%}, istiod {_percent(actual)}"

    def _compare_upstreams(self, hop: Hop, pod: Pod, part: Part) -> Iterator[str]:
        headers = part.headers or {}
        # The plan assumes that services propagate a lane header that no gateway sets.
        names = {"baggage"} if pod.carries_baggage else set()
        sent = {n: headers[n] for n in names | {self._sent} if n in headers}
        urls = [*pod.upstream_urls, *map(self._first_url, self._case.calls.get(pod.app, ()))]
        for url, upstream in zip(urls, hop.upstreams, strict=True):
            yield from self._compare(upstream, self._called(pod, url, sent, upstream), 1)

    def _first_url(self, name: str) -> str:
        """Return the URL of a Service at its first port."""
        port = next(port for port in self._case.mesh.ports if port.host.name == name)
        return f"http://{name}:{port.port}/"

    def _called(self, pod: Pod, url: str, headers: Mapping[str, str], hop: Hop) -> list[Part]:
        """Return the parts of a pod's call."""
        target = urlsplit(url)
        port, name = target.port or 80, target.hostname or ""
        host = host_of(name, pod.namespace)
        if self._bypasses_proxy(pod, port):
            mesh = self._case.mesh
            behind = (mesh.aliases.get(host, host) if host else host, port)
            called = [p for p in mesh.ports if (p.host, p.port) == behind]
            if not called:  # only rules have the name: no route is planned
                return [Part(Fraction(1), 404, frozenset(), headers)]
            selected = {a for a, p in self._placed.pods.items() if p in called[0].pods}
            return [Part(Fraction(1), 200 if selected else 503, frozenset(selected), headers)]
        (address,) = (a for a, other in self._placed.pods.items() if other is pod)
        node = sidecar(f"{pod.name}-{self._case.name}", pod.namespace, pod.labels, address)
        node["metadata"].pop("INTERCEPTION_MODE")
        full = host.fqdn if host else name
        config = self._loaded.config(node)
        parts = config.parts(port, full, target.path or "/", headers, authority=name)
        ports = self._case.mesh.ports
        named = [p for p in ports if p.host == host] or [p for p in ports if p.host in hop.hosts]
        return [self._looked_up(part, named) for part in parts]

    def _looked_up(self, part: Part, named: Sequence[ServicePort]) -> Part:
        """Replace ANYWHERE by the pods that the caller's DNS lookup may find.

        These are the pods of the called Service, or of the Service that an alias stands for. The
        lookup fails for a name that only rules have.
        """
        if ANYWHERE not in part.addresses:
            return part
        known = {pod.key for port in named for pod in port.pods}
        pods = {a for a, pod in self._placed.pods.items() if pod.key in known}
        is_known = pods or any(port.host.namespace for port in named)
        status = 200 if pods else 503 if is_known else 404
        return replace(part, status=status, addresses=frozenset(pods))

    def _bypasses_proxy(self, pod: Pod, port: int) -> bool:
        """Tell whether a pod calls a port without its proxy."""
        for document in self._case.documents:
            resource = f"{document['kind']} {document['metadata']['name']}"
            if resource == pod.place.resource:
                metadata = document["spec"]["template"]["metadata"]
                excluded = metadata.get("annotations", {}).get(_EXCLUDED, "")
                off = metadata.get("labels", {}).get(_INJECT) == "false"
                return off or str(port) in excluded.split(",")
        return False

    def _pod(self, address: str) -> Pod:
        return self._placed.pods[address]


@contextmanager
def loaded_istiod(binary: Path, cases: Sequence[Case]) -> Iterator[LoadedIstiod]:
    """Run a real istiod with all cases while the block runs."""
    with ExitStack() as stack:
        block = stack.enter_context(AddressBlock())
        api = KubeApi(free_address(block), API_PORT)
        stack.callback(api.close)
        addresses = (f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in count(1))
        placed = {
            case.name: Placed(
                case, {next(addresses): pod for pod in case.mesh.pods}, next(addresses)
            )
            for case in cases
        }
        for number, placed_case in enumerate(placed.values()):
            for document in _objects(placed_case, f"172.{16 + number // 256}.{number % 256}"):
                api.apply(document)
        # The default of Istio: calls reach the hosts that a Sidecar hides, by DNS.
        istiod = Istiod(binary, api, free_address(block), block.fileno(), "ALLOW_ANY")
        stack.callback(lambda: istiod.process.stop(time.monotonic() + 5))
        xds = Xds(istiod.xds, istiod.debug)
        stack.callback(xds.close)
        yield LoadedIstiod(istiod, xds, placed)


def _objects(placed: Placed, virtual: str) -> Iterator[Document]:
    """Yield the objects of a case in a cluster; its Services' addresses begin with `virtual`."""
    case, last = placed.case, count(1)
    namespaces = {document["metadata"].get("namespace", "default") for document in case.documents}
    for name in sorted({cluster.SYSTEM, *namespaces, *(p.namespace for p in case.mesh.pods)}):
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    for address, pod in placed.pods.items():
        yield cluster.pod_document(pod, address)
    yield from case.entrance.objects(f"gateway-{case.name}", placed.gateway)
    for document in cluster.held_by_istiod(case.documents):
        document = cluster.defaulted(document)
        if document["kind"] == "Service":
            spec = document["spec"]
            if spec.get("selector"):
                yield cluster.endpoints(document, placed.pods)
                own = {"clusterIP": f"{virtual}.{next(last)}"}
                document = {**document, "spec": {**own, **spec}}
        yield document


def _answering(part: Part, pods: Mapping[str, Pod]) -> set[tuple[str, str]]:
    """Return the names and versions of the pods that answer a part."""
    return {(pods[address].app, pods[address].version) for address in part.addresses}


def _percent(share: Fraction | int) -> str:
    return f"{float(share):.1%}"


def _alike(planned: Mapping[int, float], actual: Mapping[int, float]) -> bool:
    """Tell whether the shares of the statuses are the same."""
    return all(abs(planned.get(s, 0) - actual.get(s, 0)) < 0.000_001 for s in {*planned, *actual})


def _listed(statuses: Mapping[int, float]) -> str:
    return " and ".join(f"{share:.1%} {status}" for status, share in sorted(statuses.items()))
