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
from lanes.reading.exported import is_restricted, level_in
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
    """Each Service's rule, as its callers look it up: in their own namespace, beside the Service,
    then in the mesh's root.
    """

    def __init__(
        self,
        manifests: Manifests,
        hosts: Iterable[Host],
        callers: set[str],
        diagnostics: Diagnostics,
    ) -> None:
        self._diagnostics = diagnostics
        self._exact: dict[tuple[str, Host], list[_Read]] = {}
        self._wild: dict[str, list[_Read]] = {}
        self._wrong: dict[tuple[str, str], str] = {}
        self._found: dict[tuple[Host, str | None], Rule | None] = {}
        self._apart: set[Host] = set()
        known = dict.fromkeys(hosts)
        for read in manifests.of(kinds.DestinationRule):
            resource, rule = read
            namespace, name = rule.metadata.namespace, rule.spec.host
            try:
                _require_distinct(resource, rule)
            except ManifestError as error:
                self._wrong[namespace, rule.metadata.name] = diagnostics.error(error)
            if name.startswith("*"):
                self._wild.setdefault(namespace, []).append(read)
                covered = (one for one in known if covers(name, one.fqdn))
                elsewhere = (one for one in covered if _is_apart(rule, one))
                self._apart |= set(elsewhere if len(callers) > 1 else ())
                continue
            host = meant(name, namespace)
            if host not in known:
                message = no_service(name, namespace, known, "it applies to nothing here")
                diagnostics.warn(resource.finding("no-service", "spec.host", message))
                continue
            self._exact.setdefault((namespace if host.namespace else "", host), []).append(read)
            if not _is_apart(rule, host):
                continue
            self._apart.add(host)
            if namespace not in (host.namespace, _ROOT, *callers):
                message = (
                    f"counts for callers in namespace {namespace} alone;"
                    f" put it into {host.namespace}, beside its Service"
                )
                diagnostics.warn(resource.finding("rule-unseen", "metadata.namespace", message))

    def differ(self, hosts: Iterable[Host]) -> bool:
        """Tell whether callers of several namespaces may find other rules for one of these."""
        return not self._apart.isdisjoint(hosts)

    def of(self, host: Host, caller: str | None = None) -> Rule | None:
        """The rule that a caller's namespace finds for a Service; None: none was written.

        `caller` None is a namespace that no rule is about.
        """
        if host not in self._apart:
            caller = None
        key = host, caller
        if key not in self._found:
            self._found[key] = self._look_up(host, caller)
        return self._found[key]

    def _look_up(self, host: Host, caller: str | None) -> Rule | None:
        own = () if caller is None else (caller,)
        for namespace in dict.fromkeys((*own, host.namespace, _ROOT)):
            exact = _visible(self._exact.get((namespace, host), []), caller)
            wild = _visible(self._wild.get(namespace, []), caller)
            if found := exact or _closest(host, wild):
                return _marked(found, self._wrong, self._diagnostics)
        return None


def _is_apart(rule: kinds.DestinationRule, host: Host) -> bool:
    """Tell whether a rule counts for the callers of some namespaces alone."""
    here = rule.metadata.namespace in (host.namespace, _ROOT) or not host.namespace
    return not here or is_restricted(rule.spec.export_to)


def _visible(rules: list[_Read], caller: str | None) -> list[_Read]:
    """Those that count in a caller's namespace."""
    return [
        read
        for read in rules
        if level_in(read[1].spec.export_to, read[1].metadata.namespace, caller) is not None
    ]


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
            raise resource.error(f"spec.subsets[{index}].name", f"{name} occurs twice; keep one")
