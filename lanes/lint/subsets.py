"""DestinationRules, and the subsets that they define."""

from collections.abc import Iterator, Mapping
from functools import cached_property

from lanes.mesh.hostnames import covers, host_in_manifest
from lanes.mesh.model import Host
from lanes.reading import kinds
from lanes.reading.manifests import Manifests, Resource

DestinationRule = tuple[Resource, kinds.DestinationRule]
Subset = tuple[Resource, int, kinds.Subset]
"""A subset, with the DestinationRule that has it and its number there."""


class Subsets:
    """Looks up DestinationRules and their subsets by the Service that they are for."""

    def __init__(self, manifests: Manifests) -> None:
        self._manifests = manifests
        self._defined: dict[Host, Mapping[str, list[Subset]]] = {}

    @cached_property
    def _rules(self) -> dict[Host | str, list[DestinationRule]]:
        """The DestinationRules, by the one Service that each is for, or by its wildcard."""
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
        """The DestinationRules for a Service, in whatever namespace; wildcards' come last."""
        keys: list[Host | str] = [host]
        keys += [name for name in self._wildcards if covers(name, host.fqdn)]
        return [rule for key in keys for rule in self._rules.get(key, [])]

    def defined(self, host: Host) -> Mapping[str, list[Subset]]:
        """Return what defines subsets of a Service, by the subset's name."""
        if host not in self._defined:
            found: dict[str, list[Subset]] = {}
            for resource, rule in self.rules(host):
                for index, subset in enumerate(rule.spec.subsets):
                    found.setdefault(subset.name, []).append((resource, index, subset))
            self._defined[host] = found
        return self._defined[host]

    def may_define(self, host: Host, subset: str, *, anywhere: bool) -> bool:
        """Tell whether the subset of a Service is defined by a DestinationRule that may be for it.

        A short name in what names no namespace goes to any; `anywhere`: so does `host`.
        """
        return any(
            any(one.name == subset for one in rule.spec.subsets)
            for resource, rule in self._alike.get(host.name, [])
            if anywhere or open_to_any(resource, rule.spec.host)
        )

    @cached_property
    def _alike(self) -> dict[str, list[DestinationRule]]:
        """The DestinationRules by the name of the Service, in whatever namespace."""
        found: dict[str, list[DestinationRule]] = {}
        for key, rules in self._rules.items():
            if isinstance(key, Host):
                found.setdefault(key.name, []).extend(rules)
        return found


def open_to_any(resource: Resource, name: str) -> bool:
    """Tell whether the host that a resource names depends on where the resource is applied."""
    return not resource.namespaced and "." not in name


def policies_of(rule: kinds.DestinationRule) -> Iterator[tuple[str, kinds.RulePolicy]]:
    """Yield the traffic policies of a DestinationRule and of its subsets, each with its field."""
    found = [("spec.trafficPolicy", rule.spec.traffic_policy)]
    for index, subset in enumerate(rule.spec.subsets):
        found.append((f"spec.subsets[{index}].trafficPolicy", subset.traffic_policy))
    yield from ((field, policy) for field, policy in found if policy)
