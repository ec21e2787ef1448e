"""The parts of a rule: the pods that answer at each, their shares, and the calls that fail."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lanes.mesh.model import Endpoint, Host, Pod, Route, Weighted, names_of
from lanes.mesh.traffic import Abort
from lanes.planning.hop import HopPart


@dataclass(frozen=True)
class Part:
    """One destination of a rule, and the endpoints that answer there; () if there are none.

    `tier`: the index of the first tier with endpoints, which answer.
    """

    weighted: Weighted
    tier: int
    endpoints: tuple[Endpoint, ...]

    @property
    def versions(self) -> frozenset[str]:
        """The versions that answer."""
        return frozenset(endpoint.pod.version for endpoint in self.endpoints)

    @property
    def exists(self) -> bool:
        """Whether the Service exists."""
        return bool(self.weighted.destination.tiers)


def part_of(weighted: Weighted) -> Part:
    """Return the part of a destination."""
    tiers = enumerate(weighted.destination.tiers)
    tier, endpoints = next(((number, tier) for number, tier in tiers if tier), (0, ()))
    return Part(weighted, tier, endpoints)


def parts_of(rule: Route) -> tuple[Part, ...]:
    """Return the parts that get requests: those with a weight, or the only one."""
    destinations = rule.destinations
    return tuple(part_of(w) for w in destinations if w.weight or len(destinations) == 1)


def first_pods(weighted: Weighted) -> tuple[Pod, ...]:
    """Return the pods that answer at a destination."""
    return tuple(endpoint.pod for endpoint in part_of(weighted).endpoints)


def shares_of(parts: Iterable[Part]) -> Mapping[str, float | None]:
    """Return the versions that answer, and their shares; None if the rules do not define it."""
    parts = list(parts)
    total = sum(part.weighted.weight for part in parts) or 1
    weights: dict[str, int | None] = {}
    for part in parts:
        versions = part.versions
        for version in versions:
            before = weights.get(version, 0)
            if before is None or len(versions) > 1:
                weights[version] = None
            else:
                weights[version] = before + part.weighted.weight
    return {v: None if weight is None else weight / total for v, weight in weights.items()}


def services_of(
    service: Host, own: frozenset[tuple[str, str]], parts: Iterable[Part]
) -> tuple[HopPart, ...]:
    """Return the Services that answer a call to `service`; () if versions alone identify them.

    Versions do if the names of all pods are in `own`, and no version is behind two Services.
    """
    by_host: dict[Host, list[Part]] = {}
    for part in parts:
        by_host.setdefault(part.weighted.destination.host, []).append(part)
    pods = {host: [e.pod for part in of for e in part.endpoints] for host, of in by_host.items()}
    named = all(names_of(answering) <= own for answering in pods.values())
    if named and len(pods) == 1:
        return ()
    versions = {host: {pod.version for pod in answering} for host, answering in pods.items()}
    if named and sum(map(len, versions.values())) == len(set().union(*versions.values())):
        return ()
    weights = {host: sum(part.weighted.weight for part in of) for host, of in by_host.items()}
    total = sum(weights.values()) or 1
    return tuple(
        HopPart(
            host.name if service.namespace in ("", host.namespace) else host.with_namespace,
            tuple(sorted(versions[host])),
            weights[host] / total if len(by_host) > 1 else 1,
            frozenset((pod.app, pod.version) for pod in pods[host]),
        )
        for host in by_host
    )


def failing_of(rule: Route, parts: Iterable[Part]) -> Iterator[Abort]:
    """Yield the rule's fault, then the statuses of parts without pods, with their shares."""
    rest = 1.0
    if rule.abort:
        rest -= rule.abort.share
        yield rule.abort
    weights: dict[int, int] = {}
    for part in parts:
        status = 200 if part.endpoints else 503 if part.exists else rule.status
        weights[status] = weights.get(status, 0) + part.weighted.weight
    for status, weight in weights.items():
        if status != 200:
            yield Abort(status, rest * weight / sum(weights.values()))
