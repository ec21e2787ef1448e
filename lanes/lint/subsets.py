"""DestinationRules and their subsets, by Service."""

from collections.abc import Iterator, Mapping
from functools import cached_property

from lanes.mesh.hostnames import covers, host_in_manifest
from lanes.mesh.model import Host
from lanes.reading import kinds
from lanes.reading.manifests import Manifests, Resource

DestinationRule = tuple[Resource, kinds.DestinationRule]
Subset = tuple[Resource, int, kinds.Subset]
"""A DestinationRule, the index of a subset in it, and the subset."""


class Subsets:
    """Looks up DestinationRules and their subsets by Service."""

    def __init__(self, manifests: Manifests) -> None:
        self._manifests = manifests
        self._defined: dict[Host, Mapping[str, list[Subset]]] = {}

    @cached_property
    def _rules(self) -> dict[Host | str, list[DestinationRule]]:
        """The DestinationRules by the Service that each is for, or by its wildcard."""
        found: dict[Host | str, list[DestinationRule]] = {}
        for resource, rule in self._manifests.of(kinds.DestinationRule):
            name = rule.spec.host
            key = name if name.startswith("*") else host_in_manifest(name, resource.namespace)
            if key is not None:
                found.setdefault(key, []).append((resource, rule))
        return found

    @cached_property
    def _wildcards(self) -> tuple[str, ...]:
        return tuple(key for key in self._rules if isinstance(key, str))

    def rules(self, host: Host) -> list[DestinationRule]:
        """Return the DestinationRules for a Service, of all namespaces; wildcards come last."""
        keys: list[Host | str] = [host]
        keys += [name for name in self._wildcards if covers(name, host.fqdn)]
        return [rule for key in keys for rule in self._rules.get(key, [])]

    def defined(self, host: Host) -> Mapping[str, list[Subset]]:
        """Return the subsets of a Service by name. Several rules may define one name."""
        if host not in self._defined:
            found: dict[str, list[Subset]] = {}
            for resource, rule in self.rules(host):
                for index, subset in enumerate(rule.spec.subsets):
                    found.setdefault(subset.name, []).append((resource, index, subset))
            self._defined[host] = found
        return self._defined[host]

    def may_define(self, host: Host, subset: str, *, anywhere: bool) -> bool:
        """Tell whether a DestinationRule that may be for a Service defines the subset.

        The namespace of a short name in a resource without a namespace is open: such a rule may be
        for any Service of that name. `anywhere`: the namespace of `host` is open, too.
        """
        return any(
            any(one.name == subset for one in rule.spec.subsets)
            for resource, rule in self._rules_by_name.get(host.name, [])
            if anywhere or is_open(resource, rule.spec.host)
        )

    @cached_property
    def _rules_by_name(self) -> dict[str, list[DestinationRule]]:
        """The DestinationRules by the name of the Service, of all namespaces."""
        found: dict[str, list[DestinationRule]] = {}
        for key, rules in self._rules.items():
            if isinstance(key, Host):
                found.setdefault(key.name, []).extend(rules)
        return found


def is_open(resource: Resource, name: str) -> bool:
    """Tell whether the namespace of a host depends on where the resource is applied."""
    return not resource.namespaced and "." not in name


def policies_of(rule: kinds.DestinationRule) -> Iterator[tuple[str, kinds.RulePolicy]]:
    """Yield the field and the policy of each traffic policy of a rule and its subsets."""
    found = [("spec.trafficPolicy", rule.spec.traffic_policy)]
    for index, subset in enumerate(rule.spec.subsets):
        found.append((f"spec.subsets[{index}].trafficPolicy", subset.traffic_policy))
    yield from ((field, policy) for field, policy in found if policy)
