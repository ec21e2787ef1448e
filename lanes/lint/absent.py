"""Host names for which the manifests have no Service and no ServiceEntry."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

from lanes.mesh.hostnames import covers, host_in_manifest, host_of
from lanes.mesh.model import Host
from lanes.reading import kinds
from lanes.reading.manifests import Manifests, Resource

# Namespaces that manifests rarely hold as a whole.
_PLATFORM = ("istio-system", "kube-system")
# The least similarity of a mistyped name, and the most letters by which its length differs.
_SIMILARITY, _MOST_LETTERS = 0.8, 2
_BUILT_IN = ("apps", "autoscaling", "batch", "policy")


@dataclass(frozen=True)
class Absent:
    """Why a name is no host, and the fix."""

    why: str
    fix: str

    def sentence(self, consequence: str) -> str:
        """Return the message with what follows unless the cluster has the host."""
        return f"{self.why}: unless the cluster has it, {consequence}; {self.fix}"


class AbsentHosts:
    """Tells which host names are wrong.

    Manifests may be only a part of a cluster. So a name is right if its host may be elsewhere:
    outside of the cluster, made by a resource of an unknown kind, or in a namespace whose
    Services are not here. It is wrong all the same if it is nearly the name of a Service here.
    A resource without a namespace may go to any namespace.
    """

    def __init__(self, manifests: Manifests) -> None:
        self._manifests = manifests
        self._namespaces: dict[str, set[str]] = {}
        self._similar: dict[tuple[str, str], str] = {}
        untyped = [one for one in manifests.others if one.kind == "Service"]
        for one in (*(resource for resource, _ in manifests.of(kinds.Service)), *untyped):
            self._namespaces.setdefault(one.name, set()).add(declared(one))
        self._entries = [
            host.lower() for _, body in manifests.of(kinds.ServiceEntry) for host in body.spec.hosts
        ]
        self._makers = [body.metadata.name for _, body in manifests.of(kinds.gateway_api.Gateway)]
        self._makers += [one.name for one in manifests.others if _may_make_services(one)]

    def reason(self, name: str, resource: Resource) -> Absent | None:
        """Return why `name` in a resource is no host; None if it is one or may be one."""
        name = name.lower()
        if not name or name.startswith(("*", "$")) or self._is_in_entry(name):
            return None
        host = host_in_manifest(name, declared(resource))
        if host is None:
            return self._not_full(name)
        short, namespace = "." not in name, host.namespace
        outside = not short and not name.endswith(".svc.cluster.local")
        if outside or host.name == "kubernetes":
            return None
        if any(maker in host.name for maker in self._makers):
            return None
        if self._is_here(host.name, namespace):
            return None
        if short and (namespaces := self._namespaces.get(name)):
            there = f"{name}.{min(namespaces)}"
            why = f"{name} means {name}.{namespace} here, and {there} is there"
            return Absent(why, f"write {there}.svc.cluster.local")
        why = f"{name} is not a Service in these manifests"
        if similar := self._similar_service(host.name, namespace):
            return Absent(f"{why}, and {similar} is", "correct the name")
        if _same(namespace) & self._whole and namespace not in _PLATFORM:
            return Absent(why, "correct the name, or add the Service")
        return None

    def _is_here(self, name: str, namespace: str) -> bool:
        """Tell whether a Service here may be the named one; namespace "" is any."""
        namespaces = self._namespaces.get(name, set())
        return namespace in namespaces or "" in namespaces or bool(namespaces and not namespace)

    def _similar_service(self, name: str, namespace: str) -> str:
        """Return the Service of a namespace whose name is mistyped as `name`; "" for none."""
        if (name, namespace) not in self._similar:
            beside = (n for n, spaces in self._namespaces.items() if spaces & _same(namespace))
            close = get_close_matches(name, _mistyped(name, beside), cutoff=_SIMILARITY)
            self._similar[name, namespace] = next(iter(close), "")
        return self._similar[name, namespace]

    @cached_property
    def _whole(self) -> set[str]:
        """The namespaces that have Services here for most of the hosts that rules name."""
        named = {
            (host.namespace, host.name)
            for name, namespace in self._named
            if not name.startswith("*") and (host := host_in_manifest(name, namespace))
        }
        here = Counter(
            space for space, name in named if self._namespaces.get(name, set()) & _same(space)
        )
        every = Counter(space for space, _ in named)
        return {space for space, number in here.items() if 2 * number > every[space]}

    @property
    def _named(self) -> set[tuple[str, str]]:
        """The hosts that routing names, each with the namespace of the resource."""
        found = {
            (body.spec.host, declared(resource))
            for resource, body in self._manifests.of(kinds.DestinationRule)
        }
        return found | {
            (http.destination.host, declared(resource))
            for resource, body in self._manifests.of(kinds.VirtualService)
            for rule in body.spec.http
            for http in rule.route
        }

    def _is_in_entry(self, name: str) -> bool:
        """Tell whether a ServiceEntry may be for a name."""
        return any(
            covers(entry, name) or entry.partition(".")[0] == name for entry in self._entries
        )

    def is_defined_once(self, host: Host) -> bool:
        """Tell whether a host has exactly one Service and no ServiceEntry."""
        key = ("Service", host.name, host.namespace)
        twice = any((r.kind, r.name, r.namespace) == key for r, _ in self._manifests.duplicates)
        return not twice and host.fqdn not in self._entries

    def _not_full(self, name: str) -> Absent | None:
        """Return why a name such as cart.shop is wrong: for DNS it is a Service, not for Istio."""
        host = host_of(name, "")
        if host and self._namespaces.get(host.name, set()) & _same(host.namespace):
            why = f"{name} has a dot, so to Istio it is a full name"
            return Absent(why, f"write {host.fqdn}")
        return None


def declared(resource: Resource) -> str:
    """Return the namespace that a resource declares; "" if it declares none."""
    return resource.namespace if resource.namespaced else ""


def _mistyped(name: str, others: Iterable[str]) -> Iterator[str]:
    """Yield the names that may be mistyped as `name`: not cart-v1 for cart-v2, nor a for a-b."""
    for other in others:
        ends = name[:1] == other[:1] or name[-1:] == other[-1:]
        short, long = sorted(re.sub(r"\d", "", one) + "-" for one in (name, other))
        near = abs(len(name) - len(other)) <= _MOST_LETTERS
        if ends and near and not long.startswith(short):
            yield other


def _same(namespace: str) -> set[str]:
    """Return the names of a namespace: "" also means default."""
    return {"", "default"} if namespace in ("", "default") else {namespace}


def _may_make_services(resource: Resource) -> bool:
    group = kinds.group_of(resource.data)
    known = (group, resource.kind) in kinds.KNOWN
    built_in = not group or group in _BUILT_IN or group.endswith((".k8s.io", ".istio.io"))
    return not built_in and not known
