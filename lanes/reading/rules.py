"""DestinationRules: which one callers find for a Service, and what several for one host make.

https://istio.io/latest/docs/ops/best-practices/traffic-management/#cross-namespace-configuration
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from lanes.errors import ManifestError
from lanes.mesh.diagnostics import Diagnostics
from lanes.mesh.hostnames import covers, meant, no_service
from lanes.mesh.model import Host
from lanes.reading import kinds
from lanes.reading.manifests import Manifests, Resource

_ROOT = "istio-system"
_Read = tuple[Resource, kinds.DestinationRule]


@dataclass(frozen=True)
class Rule:
    """What holds for a Service: the subsets, and the policy where one was written.

    `places`: for each subset, its resource and the field of its policy.
    """

    subsets: tuple[kinds.Subset, ...]
    policy: kinds.RulePolicy | None
    policy_from: Resource
    places: dict[str, tuple[Resource, str]]
    unsupported: str = ""


class Rules:
    """Each Service's rule, as callers look it up: beside the Service, then in the mesh's root.

    One in a caller's own namespace would come first, for these callers alone: it is refused
    where there are any, and there is a word about it where there are none.
    """

    def __init__(
        self,
        manifests: Manifests,
        hosts: Iterable[Host],
        callers: set[str],
        diagnostics: Diagnostics,
    ) -> None:
        self._rules: dict[Host, Rule] = {}
        exact: dict[tuple[str, Host], list[_Read]] = {}
        wild: dict[str, list[_Read]] = {}
        known = dict.fromkeys(hosts)
        wrong: dict[tuple[str, str], str] = {}
        marks: dict[Host, str] = {}
        for read in manifests.of(kinds.DestinationRule):
            resource, rule = read
            namespace = rule.metadata.namespace
            try:
                _require_distinct(resource, rule)
            except ManifestError as error:
                wrong[namespace, rule.metadata.name] = diagnostics.error(error)
            if rule.spec.host.startswith("*"):
                wild.setdefault(namespace, []).append(read)
                continue
            name = rule.spec.host
            host = meant(name, namespace)
            if host not in known:
                message = no_service(name, namespace, known, "it counts for nothing here")
                diagnostics.warn(resource.finding("no-service", "spec.host", message))
            elif host.namespace and namespace not in (host.namespace, _ROOT):
                message = (
                    f"counts for callers in namespace {namespace} alone;"
                    f" put it into {host.namespace}, beside its Service"
                )
                if namespace in callers:
                    why = diagnostics.error(resource.error("metadata.namespace", message))
                    marks.setdefault(host, why)
                else:
                    diagnostics.warn(resource.finding("rule-unseen", "metadata.namespace", message))
            else:
                exact.setdefault((namespace if host.namespace else "", host), []).append(read)
        for namespace in wild.keys() - {_ROOT} if len(callers) > 1 else ():
            for resource, rule in wild[namespace]:
                problem = f"a * counts for callers in namespace {namespace} alone; name each host"
                why = diagnostics.error(resource.error("spec.host", problem))
                marks |= {h: why for h in known if covers(rule.spec.host, h.fqdn)}
        for host in known:
            for namespace in dict.fromkeys((host.namespace, _ROOT)):
                found = exact.get((namespace, host)) or _closest(host, wild.get(namespace, []))
                if found:
                    self._rules[host] = _marked(found, wrong, diagnostics)
                    break
        for host, why in marks.items():
            own = self._rules.get(host)
            nothing = Rule((), None, next(manifests.of(kinds.DestinationRule))[0], {})
            self._rules[host] = replace(own or nothing, unsupported=why)

    def of(self, host: Host) -> Rule | None:
        """The rule that holds for a Service; None: none was written."""
        return self._rules.get(host)


def _closest(host: Host, rules: list[_Read]) -> list[_Read]:
    """Those with the longest wildcard that covers `host`."""
    covering = [read for read in rules if covers(read[1].spec.host, host.fqdn)]
    longest = max((len(rule.spec.host) for _, rule in covering), default=0)
    return [read for read in covering if len(read[1].spec.host) == longest]


def _marked(
    rules: list[_Read], wrong: Mapping[tuple[str, str], str], diagnostics: Diagnostics
) -> Rule:
    """What these say of a Service; where that is not supported, the first alone, with a mark."""
    lacks = (wrong.get((one.namespace, one.name)) or one.lack() for one, _ in rules)
    why = next(filter(None, lacks), "")
    try:
        return replace(_merged(rules), unsupported=why)
    except ManifestError as error:
        return replace(_merged(rules[:1]), unsupported=why or diagnostics.error(error))


def _merged(rules: list[_Read]) -> Rule:
    """The subsets of all; the policy of the one that has any.

    Raises ManifestError where two say the same: Istio takes the older, which no manifest tells.
    """
    subsets: dict[str, kinds.Subset] = {}
    places: dict[str, tuple[Resource, str]] = {}
    policy, source = None, rules[0][0]
    for resource, rule in rules:
        if rule.spec.traffic_policy is not None:
            if policy is not None:
                problem = f"DestinationRule {source.name} has one for this host, too; keep one"
                raise resource.error("spec.trafficPolicy", problem)
            policy, source = rule.spec.traffic_policy, resource
        for index, subset in enumerate(rule.spec.subsets):
            if subset.name in subsets and places[subset.name][0] is not resource:
                other = places[subset.name][0].name
                problem = f"{subset.name} is a subset of DestinationRule {other}, too; keep one"
                raise resource.error(f"spec.subsets[{index}].name", problem)
            subsets[subset.name] = subset
            places[subset.name] = (resource, f"spec.subsets[{index}].trafficPolicy")
    return Rule(tuple(subsets.values()), policy, source, places)


def _require_distinct(resource: Resource, rule: kinds.DestinationRule) -> None:
    names = [subset.name for subset in rule.spec.subsets]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise resource.error(f"spec.subsets[{index}].name", f"{name} stands twice; keep one")
