"""Names of hosts that are not among the manifests: which of them may well be elsewhere."""

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

# Whose manifests hardly ever hold all of it.
_PLATFORM = ("istio-system", "kube-system")
_NEAR, _FEW = 0.8, 2
_BUILT_IN = ("apps", "autoscaling", "batch", "policy")


@dataclass(frozen=True)
class Absent:
    """Why a name is no host, and what to do."""

    why: str
    fix: str

    def so(self, what: str) -> str:
        """Return the sentence that says what follows."""
        return f"{self.why}: unless the cluster has it, {what}; {self.fix}"


class AbsentHosts:
    """Tells which names lead nowhere.

    Manifests may be a part of a cluster, so of a name that is not here it is silent wherever what
    it names may stand elsewhere: outside of the cluster, where a resource of another kind may make
    it, and in a namespace whose Services are elsewhere, unless it is nearly the name of one that is
    here. What names no namespace may go to any: charts name it in some of their templates.
    """

    def __init__(self, manifests: Manifests) -> None:
        self._manifests = manifests
        self._namespaces: dict[str, set[str]] = {}
        self._meant: dict[tuple[str, str], str] = {}
        untyped = [one for one in manifests.others if one.kind == "Service"]
        for one in (*(resource for resource, _ in manifests.of(kinds.Service)), *untyped):
            self._namespaces.setdefault(one.name, set()).add(declared(one))
        self._entries = [
            host.lower() for _, body in manifests.of(kinds.ServiceEntry) for host in body.spec.hosts
        ]
        self._makers = [body.metadata.name for _, body in manifests.of(kinds.gateway_api.Gateway)]
        self._makers += [one.name for one in manifests.others if _may_make_services(one)]

    def of(self, name: str, resource: Resource) -> Absent | None:
        """Return why `name`, in a resource, is no host there is; None: it is one, or may be."""
        name = name.lower()
        if not name or name.startswith(("*", "$")) or self._entry(name):
            return None
        host = host_in_manifest(name, declared(resource))
        if host is None:
            return self._half(name)
        short, space = "." not in name, host.namespace
        outside = not short and not name.endswith(".svc.cluster.local")
        if outside or host.name == "kubernetes":
            return None
        if any(maker in host.name for maker in self._makers):
            return None
        if self._here(host.name, space):
            return None
        if short and (spaces := self._namespaces.get(name)):
            there = f"{name}.{min(spaces)}"
            why = f"{name} means {name}.{space} here, and {there} is there"
            return Absent(why, f"write {there}.svc.cluster.local")
        why = f"{name} is not a Service in these manifests"
        if near := self._near(host.name, space):
            return Absent(f"{why}, and {near} is", "correct the name")
        if _alike(space) & self._whole and space not in _PLATFORM:
            return Absent(why, "correct the name, or add the Service")
        return None

    def _here(self, name: str, space: str) -> bool:
        """Tell whether a Service here may be the one that a name in a namespace means."""
        there = self._namespaces.get(name, set())
        return space in there or "" in there or bool(there and not space)

    def _near(self, name: str, space: str) -> str:
        """Return the Service whose name may have been meant; "" for none."""
        if (name, space) not in self._meant:
            beside = (one for one, spaces in self._namespaces.items() if spaces & _alike(space))
            alike = get_close_matches(name, _mistyped(name, beside), cutoff=_NEAR)
            self._meant[name, space] = next(iter(alike), "")
        return self._meant[name, space]

    @cached_property
    def _whole(self) -> set[str]:
        """The namespaces most of whose hosts, of those that rules name, are here."""
        named = {
            (host.namespace, host.name)
            for name, space in self._named
            if not name.startswith("*") and (host := host_in_manifest(name, space))
        }
        here = Counter(
            space for space, name in named if self._namespaces.get(name, set()) & _alike(space)
        )
        every = Counter(space for space, _ in named)
        return {space for space, number in here.items() if 2 * number > every[space]}

    @property
    def _named(self) -> set[tuple[str, str]]:
        """The hosts that routing names, each with the namespace of what names it."""
        found = {
            (body.spec.host, declared(resource))
            for resource, body in self._manifests.of(kinds.DestinationRule)
        }
        for resource, body in self._manifests.of(kinds.VirtualService):
            legs = (leg for rule in body.spec.http for leg in rule.route)
            found |= {(leg.destination.host, declared(resource)) for leg in legs}
        return found

    def _entry(self, name: str) -> bool:
        """Tell whether a ServiceEntry may be for a name."""
        return any(
            covers(entry, name) or entry.partition(".")[0] == name for entry in self._entries
        )

    def once(self, host: Host) -> bool:
        """Tell whether one Service alone, and no ServiceEntry, says what a host has."""
        key = ("Service", host.name, host.namespace)
        twice = any((r.kind, r.name, r.namespace) == key for r, _ in self._manifests.duplicates)
        return not twice and host.fqdn not in self._entries

    def _half(self, name: str) -> Absent | None:
        """Say what is wrong with a name such as cart.shop, which only DNS takes for a Service's."""
        host = host_of(name, "")
        if host and self._namespaces.get(host.name, set()) & _alike(host.namespace):
            why = f"{name} has a dot, so to Istio it is a full name"
            return Absent(why, f"write {host.fqdn}")
        return None


def declared(resource: Resource) -> str:
    """Return the namespace that a resource names; "": it goes to the one it is applied to."""
    return resource.namespace if resource.namespaced else ""


def _mistyped(name: str, others: Iterable[str]) -> Iterator[str]:
    """Yield the names that may be `name`, mistyped: not cart-v1 for cart-v2, nor a for a-b."""
    for other in others:
        ends = name[:1] == other[:1] or name[-1:] == other[-1:]
        short, long = sorted(re.sub(r"\d", "", one) + "-" for one in (name, other))
        if ends and abs(len(name) - len(other)) <= _FEW and not long.startswith(short):
            yield other


def _alike(namespace: str) -> set[str]:
    """Return the names of a namespace: the default one need not be named."""
    return {"", "default"} if namespace in ("", "default") else {namespace}


def _may_make_services(resource: Resource) -> bool:
    group = kinds.group_of(resource.data)
    known = (group, resource.kind) in kinds.KNOWN
    built_in = not group or group in _BUILT_IN or group.endswith((".k8s.io", ".istio.io"))
    return not built_in and not known
