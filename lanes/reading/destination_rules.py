"""DestinationRules: which one callers find for a Service, and what several for one host make.

https://istio.io/latest/docs/ops/best-practices/traffic-management/#cross-namespace-configuration
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from lanes.errors import ManifestError
from lanes.mesh.diagnostics import Diagnostics, Finding
from lanes.mesh.hostnames import covers, meant, no_service
from lanes.mesh.model import Host
from lanes.reading import kinds
from lanes.reading.age import age_of, why_first
from lanes.reading.exported import is_restricted, level_in
from lanes.reading.manifests import Manifests, Resource

_ROOT = "istio-system"
_Read = tuple[Resource, kinds.DestinationRule]


@dataclass(frozen=True)
class MergedRule:
    """What holds for a Service: the subsets, and the policy where one was written.

    `places`: for each subset, its resource and the field of its policy.
    """

    subsets: tuple[kinds.Subset, ...]
    policy: kinds.RulePolicy | None
    policy_from: Resource
    places: dict[str, tuple[Resource, str]]
    unsupported: str = ""


@dataclass(frozen=True)
class _Group:
    """DestinationRules for one host that Istio merges; `exports`: the `exportTo` of the first."""

    exports: frozenset[str]
    reads: tuple[_Read, ...]


class DestinationRules:
    """Looks up each Service's rules: in the caller's namespace, the Service's, then the root's."""

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
        self._found: dict[tuple[Host, str | None], MergedRule | None] = {}
        self._for_some: set[Host] = set()
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
                continue
            host = meant(name, namespace)
            if host not in known:
                message = no_service(name, namespace, known, "it applies to nothing here")
                diagnostics.warn(resource.finding("no-service", "spec.host", message))
                continue
            self._exact.setdefault((namespace if host.namespace else "", host), []).append(read)
            if not _is_for_some(rule, host):
                continue
            self._for_some.add(host)
            if namespace not in (host.namespace, _ROOT, *callers):
                message = (
                    f"counts for callers in namespace {namespace} alone;"
                    f" put it into {host.namespace}, beside its Service"
                )
                diagnostics.warn(resource.finding("rule-unseen", "metadata.namespace", message))
        self._for_some |= {host for host in known if self._wild_for_some(host)}

    def _wild_for_some(self, host: Host) -> bool:
        """Tell whether a wildcard's rule covers a Service for the callers of some namespaces alone.

        A namespace's own rule for the Service is before its wildcards'.
        """
        return any(
            covers(rule.spec.host, host.fqdn) and _is_for_some(rule, host)
            for namespace, reads in self._wild.items()
            for _, rule in (reads if (namespace, host) not in self._exact else ())
        )

    def differ(self, hosts: Iterable[Host]) -> bool:
        """Tell whether callers of several namespaces may find other rules for one of these."""
        return not self._for_some.isdisjoint(hosts)

    def of(self, host: Host, caller: str | None = None) -> MergedRule | None:
        """The rule that a caller's namespace finds for a Service; None: none was written.

        `caller` None is a namespace that no rule is about.
        """
        if host not in self._for_some:
            caller = None
        key = host, caller
        if key not in self._found:
            self._found[key] = self._look_up(host, caller)
        return self._found[key]

    def _look_up(self, host: Host, caller: str | None) -> MergedRule | None:
        if caller is not None and (own := self._of(caller, host, _counts_beside)):
            return self._last(_grouped(own), caller)
        for namespace in dict.fromkeys((host.namespace, _ROOT)):
            groups = _grouped(self._of(namespace, host, _is_exported))
            if seen := [group for group in groups if _is_seen(group.exports, caller)]:
                return self._last(seen, caller)
        return None

    def _of(self, namespace: str, host: Host, counts: Callable[[_Read], bool]) -> list[_Read]:
        """The rules of a namespace for a Service, of those that count: its own, else the closest
        wildcard's.
        """
        own = list(filter(counts, self._exact.get((namespace, host), [])))
        return own or _closest(host, filter(counts, self._wild.get(namespace, [])))

    def _last(self, groups: list[_Group], caller: str | None) -> MergedRule:
        """What the last of these groups says, which alone counts."""
        *others, last = groups
        who = f"callers in namespace {caller}" if caller else "callers"
        message = (
            f"{who} apply DestinationRule {last.reads[0][0].name} alone, whose exportTo differs:"
            " Istio merges only those that are exported alike"
        )
        for group in others:
            resource = group.reads[0][0]
            self._diagnostics.warn(resource.finding("rules-not-merged", "spec.exportTo", message))
        return self._marked(last)

    def _marked(self, group: _Group) -> MergedRule:
        """What the rules of a group say of a Service, with a mark where it is not supported."""
        lacks = (self._wrong.get((r.namespace, r.name)) or r.unsupported() for r, _ in group.reads)
        merged, findings = _merged(group.reads)
        self._diagnostics.warn(*findings)
        return replace(merged, unsupported=next(filter(None, lacks), ""))


def _is_for_some(rule: kinds.DestinationRule, host: Host) -> bool:
    """Tell whether a rule counts for the callers of some namespaces alone."""
    here = rule.metadata.namespace in (host.namespace, _ROOT) or not host.namespace
    return not here or is_restricted(rule.spec.export_to)


def _is_private(read: _Read) -> bool:
    """Tell whether a rule is exported to its own namespace alone."""
    exports = set(read[1].spec.export_to)
    return bool(exports) and exports <= {".", read[0].namespace}


def _counts_beside(read: _Read) -> bool:
    """Tell whether a rule counts for callers of its own namespace before all others do.

    Those of the mesh's root look beside themselves for what is theirs alone.
    """
    resource, rule = read
    if resource.namespace == _ROOT:
        return _is_private(read)
    return level_in(rule.spec.export_to, resource.namespace, resource.namespace) is not None


def _is_exported(read: _Read) -> bool:
    return not _is_private(read)


def _is_seen(exports: frozenset[str], caller: str | None) -> bool:
    return not exports or "*" in exports or caller in exports


def _closest(host: Host, rules: Iterable[_Read]) -> list[_Read]:
    """Those with the longest wildcard that covers `host`."""
    covering = [read for read in rules if covers(read[1].spec.host, host.fqdn)]
    longest = max((len(rule.spec.host) for _, rule in covering), default=0)
    return [read for read in covering if len(read[1].spec.host) == longest]


def _grouped(rules: list[_Read]) -> list[_Group]:
    """The rules for one host, those together that Istio merges, the older first.

    It merges a rule into those that are exported alike, or to less.
    https://github.com/istio/istio/blob/master/pilot/pkg/model/destination_rule.go
    """
    groups: list[_Group] = []
    for read in sorted(rules, key=lambda one: age_of(one[1].metadata)):
        exports = frozenset(read[1].spec.export_to)
        alone = not (groups and _takes_in(groups[-1], exports))
        groups = [
            replace(group, reads=(*group.reads, read)) if _takes_in(group, exports) else group
            for group in groups
        ]
        groups += [_Group(exports, (read,))] if alone else []
    return groups


def _takes_in(group: _Group, exports: frozenset[str]) -> bool:
    """Tell whether a rule that is exported so is merged into those of a group."""
    return exports == group.exports or (bool(group.exports) and exports > group.exports)


def _merged(rules: Sequence[_Read]) -> tuple[MergedRule, list[Finding]]:
    """The subsets of all, and the policy of the first that has one; what two say is found."""
    subsets: dict[str, kinds.Subset] = {}
    places: dict[str, tuple[Resource, str]] = {}
    by_name = {resource.name: rule.metadata for resource, rule in rules}
    policy, source = None, rules[0][0]
    findings: list[Finding] = []

    def second(resource: Resource, field: str, said: str, first: Resource) -> None:
        why = why_first(by_name[first.name], by_name[resource.name])
        message = f"{said} DestinationRule {first.name}, too, {why}: that one counts"
        findings.append(resource.finding("second-rule", field, message))

    for resource, rule in rules:
        if rule.spec.traffic_policy is not None:
            if policy is not None:
                second(resource, "spec.trafficPolicy", "this host has one of", source)
            else:
                policy, source = rule.spec.traffic_policy, resource
        for index, subset in enumerate(rule.spec.subsets):
            if subset.name in subsets:
                first = places[subset.name][0]
                if first is not resource:
                    said = f"{subset.name} is a subset of"
                    second(resource, f"spec.subsets[{index}].name", said, first)
                continue
            subsets[subset.name] = subset
            places[subset.name] = (resource, f"spec.subsets[{index}].trafficPolicy")
    return MergedRule(tuple(subsets.values()), policy, source, places), findings


def _require_distinct(resource: Resource, rule: kinds.DestinationRule) -> None:
    names = [subset.name for subset in rule.spec.subsets]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise resource.error(f"spec.subsets[{index}].name", f"{name} occurs twice; keep one")
