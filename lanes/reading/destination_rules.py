"""DestinationRules: which of them apply to calls to a Service, merged as Istio does.

https://istio.io/latest/docs/ops/best-practices/traffic-management/#cross-namespace-configuration
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lanes.errors import ManifestError
from lanes.mesh.diagnostics import Diagnostics, Finding
from lanes.mesh.hostnames import covers, meant, no_service
from lanes.mesh.model import Host
from lanes.reading import kinds
from lanes.reading.age import age_of, why_first
from lanes.reading.exported import is_restricted, level_in
from lanes.reading.kinds.istio import ROOT_NAMESPACE
from lanes.reading.manifests import Manifests, Resource

_Entry = tuple[Resource, kinds.DestinationRule]
"""A DestinationRule as a resource, and its typed body."""


@dataclass(frozen=True)
class MergedRule:
    """The subsets and the policy of a Service; `policy` None: no DestinationRule has one.

    `places`: each subset's resource, and the field of its policy.
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
    entries: tuple[_Entry, ...]


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
        self._exact: dict[tuple[str, Host], list[_Entry]] = {}
        self._wildcards: dict[str, list[_Entry]] = {}
        self._errors: dict[tuple[str, str], str] = {}
        self._merged: dict[tuple[Host, str | None], MergedRule | None] = {}
        self._caller_dependent: set[Host] = set()
        known = dict.fromkeys(hosts)
        for entry in manifests.of(kinds.DestinationRule):
            self._add(entry, known, callers)
        self._caller_dependent |= {host for host in known if self._has_private_wildcard(host)}

    def _add(self, entry: _Entry, known: Mapping[Host, None], callers: set[str]) -> None:
        resource, rule = entry
        namespace, name = rule.metadata.namespace, rule.spec.host
        try:
            _require_distinct(resource, rule)
        except ManifestError as error:
            self._errors[namespace, rule.metadata.name] = self._diagnostics.error(error)
        if name.startswith("*"):
            self._wildcards.setdefault(namespace, []).append(entry)
            return
        host = meant(name, namespace)
        if host not in known:
            message = no_service(name, namespace, known, "it applies to nothing here")
            self._diagnostics.warn(resource.finding("no-service", "spec.host", message))
            return
        self._exact.setdefault((namespace if host.namespace else "", host), []).append(entry)
        if not _depends_on_caller(rule, host):
            return
        self._caller_dependent.add(host)
        if namespace not in (host.namespace, ROOT_NAMESPACE, *callers):
            message = (
                f"counts for callers in namespace {namespace} alone;"
                f" put it into {host.namespace}, beside its Service"
            )
            self._diagnostics.warn(resource.finding("rule-unseen", "metadata.namespace", message))

    def _has_private_wildcard(self, host: Host) -> bool:
        """Tell whether a wildcard covers a Service for the callers of some namespaces only.

        A wildcard does not apply if its namespace has a rule for the Service itself.
        """
        return any(
            covers(rule.spec.host, host.fqdn) and _depends_on_caller(rule, host)
            for namespace, entries in self._wildcards.items()
            for _, rule in (entries if (namespace, host) not in self._exact else ())
        )

    def differ(self, hosts: Iterable[Host]) -> bool:
        """Tell whether the rules of one of these depend on the caller's namespace."""
        return not self._caller_dependent.isdisjoint(hosts)

    def of(self, host: Host, caller: str | None = None) -> MergedRule | None:
        """Return the rule of a Service for callers in a namespace; None: there is no rule.

        `caller` None: a namespace that no rule names.
        """
        if host not in self._caller_dependent:
            caller = None
        key = host, caller
        if key not in self._merged:
            self._merged[key] = self._look_up(host, caller)
        return self._merged[key]

    def _look_up(self, host: Host, caller: str | None) -> MergedRule | None:
        if caller is not None and (own := self._entries(caller, host, _applies_beside)):
            return self._last(_grouped(own), caller)
        for namespace in dict.fromkeys((host.namespace, ROOT_NAMESPACE)):
            groups = _grouped(self._entries(namespace, host, _is_exported))
            if visible := [group for group in groups if _is_visible(group.exports, caller)]:
                return self._last(visible, caller)
        return None

    def _entries(
        self, namespace: str, host: Host, applies: Callable[[_Entry], bool]
    ) -> list[_Entry]:
        """Return a namespace's rules for a Service that apply, else its closest wildcard's."""
        exact = list(filter(applies, self._exact.get((namespace, host), [])))
        return exact or _closest(host, filter(applies, self._wildcards.get(namespace, [])))

    def _last(self, groups: list[_Group], caller: str | None) -> MergedRule:
        """Return the rule of the last group, which alone applies; warn of the others."""
        *others, last = groups
        callers = f"callers in namespace {caller}" if caller else "callers"
        message = (
            f"{callers} apply DestinationRule {last.entries[0][0].name} alone, whose exportTo"
            " differs: Istio merges only those that are exported alike"
        )
        for group in others:
            resource = group.entries[0][0]
            self._diagnostics.warn(resource.finding("rules-not-merged", "spec.exportTo", message))
        resources = (resource for resource, _ in last.entries)
        errors = (self._errors.get((r.namespace, r.name)) or r.unsupported() for r in resources)
        merged, findings = _merged(last.entries)
        self._diagnostics.warn(*findings)
        return replace(merged, unsupported=next(filter(None, errors), ""))


def _depends_on_caller(rule: kinds.DestinationRule, host: Host) -> bool:
    """Tell whether a rule applies only to callers in some namespaces."""
    namespaces = (host.namespace, ROOT_NAMESPACE)
    is_public = rule.metadata.namespace in namespaces or not host.namespace
    return not is_public or is_restricted(rule.spec.export_to)


def _is_private(entry: _Entry) -> bool:
    """Tell whether a rule is exported only to its own namespace."""
    exports = set(entry[1].spec.export_to)
    return bool(exports) and exports <= {".", entry[0].namespace}


def _applies_beside(entry: _Entry) -> bool:
    """Tell whether a rule applies to callers in its own namespace before all other rules.

    In the root namespace, only private rules do.
    """
    resource, rule = entry
    if resource.namespace == ROOT_NAMESPACE:
        return _is_private(entry)
    return level_in(rule.spec.export_to, resource.namespace, resource.namespace) is not None


def _is_exported(entry: _Entry) -> bool:
    return not _is_private(entry)


def _is_visible(exports: frozenset[str], caller: str | None) -> bool:
    return not exports or "*" in exports or caller in exports


def _closest(host: Host, entries: Iterable[_Entry]) -> list[_Entry]:
    """Return the rules with the longest wildcard that covers `host`."""
    covering = [entry for entry in entries if covers(entry[1].spec.host, host.fqdn)]
    longest = max((len(rule.spec.host) for _, rule in covering), default=0)
    return [entry for entry in covering if len(entry[1].spec.host) == longest]


def _grouped(entries: list[_Entry]) -> list[_Group]:
    """Return the rules for one host in groups that Istio merges, the oldest first.

    Istio merges a rule into groups with the same `exportTo` or with a part of it.
    https://github.com/istio/istio/blob/master/pilot/pkg/model/destination_rule.go
    """
    groups: list[_Group] = []
    for entry in sorted(entries, key=lambda each: age_of(each[1].metadata)):
        exports = frozenset(entry[1].spec.export_to)
        is_alone = not (groups and _takes_in(groups[-1], exports))
        groups = [
            replace(group, entries=(*group.entries, entry)) if _takes_in(group, exports) else group
            for group in groups
        ]
        groups += [_Group(exports, (entry,))] if is_alone else []
    return groups


def _takes_in(group: _Group, exports: frozenset[str]) -> bool:
    """Tell whether Istio merges a rule with this `exportTo` into a group."""
    return exports == group.exports or (bool(group.exports) and exports > group.exports)


def _merged(entries: Sequence[_Entry]) -> tuple[MergedRule, list[Finding]]:
    """Return all subsets with the first policy, and warnings of what occurs twice."""
    subsets: dict[str, kinds.Subset] = {}
    places: dict[str, tuple[Resource, str]] = {}
    metadata = {resource.name: rule.metadata for resource, rule in entries}
    policy, policy_from = None, entries[0][0]
    findings: list[Finding] = []

    def report_second(resource: Resource, field: str, conflict: str, first: Resource) -> None:
        why = why_first(metadata[first.name], metadata[resource.name])
        message = f"{conflict} DestinationRule {first.name}, too, {why}: that one counts"
        findings.append(resource.finding("second-rule", field, message))

    for resource, rule in entries:
        if rule.spec.traffic_policy is not None:
            if policy is not None:
                report_second(resource, "spec.trafficPolicy", "this host has one of", policy_from)
            else:
                policy, policy_from = rule.spec.traffic_policy, resource
        for index, subset in enumerate(rule.spec.subsets):
            field = f"spec.subsets[{index}]"
            if subset.name not in subsets:
                subsets[subset.name] = subset
                places[subset.name] = (resource, f"{field}.trafficPolicy")
            elif (first := places[subset.name][0]) is not resource:
                report_second(resource, f"{field}.name", f"{subset.name} is a subset of", first)
    return MergedRule(tuple(subsets.values()), policy, policy_from, places), findings


def _require_distinct(resource: Resource, rule: kinds.DestinationRule) -> None:
    names = [subset.name for subset in rule.spec.subsets]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise resource.error(f"spec.subsets[{index}].name", f"{name} occurs twice; keep one")
