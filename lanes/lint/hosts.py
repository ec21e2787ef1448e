"""Which hosts there are: the Services and ServiceEntries here, and what may well be elsewhere."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

from lanes.lint.documents import Resource
from lanes.mesh.hostnames import covers, host_in_manifest, host_of
from lanes.model import Host

# Whose manifests hardly ever hold all of it.
_PLATFORM = ("istio-system", "kube-system")
_NEAR, _FEW = 0.8, 2
_ROUTING = ("VirtualService", "DestinationRule")
_BUILT_IN = ("apps", "autoscaling", "batch", "policy")
_MAKES_NONE = ("ASMHeaderPropagation", "Instrumentation", "Rollout")


@dataclass(frozen=True)
class Absent:
    """Why a name is no host, and what to do."""

    why: str
    mend: str

    def so(self, what: str) -> str:
        """The sentence that says what comes of it."""
        return f"{self.why}: unless the cluster has it, {what}; {self.mend}"


class Hosts:
    """Tells which names lead nowhere.

    Manifests may be a part of a cluster, so of a name that is not here it is silent wherever what
    it names may stand elsewhere: outside of the cluster, where a resource of another kind may make
    it, and in a namespace whose Services are elsewhere, unless it is nearly the name of one that is
    here. What names no namespace may go to any: charts name it in some of their templates.
    """

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._routing = [one for one in resources if one.kind in _ROUTING]
        self._namespaces: dict[str, set[str]] = {}
        self._seen: Counter[Host] = Counter()
        self._meant: dict[tuple[str, str], str] = {}
        self._entries: list[str] = []
        self._makers: list[str] = []
        for one in resources:
            if (one.group, one.kind) == ("", "Service"):
                self._namespaces.setdefault(one.name, set()).add(one.declared)
                self._seen[Host(one.name, one.namespace)] += 1
            elif one.kind == "ServiceEntry":
                self._entries += [value.text.lower() for value in one.spec["hosts"]]
            elif _may_make_services(one):
                self._makers.append(one.name)

    def absent(self, name: str, resource: Resource) -> Absent | None:
        """Why `name`, in a manifest, is no host there is; None: it is one, or may be."""
        name = name.lower()
        if not self._namespaces or not name or name.startswith(("*", "$")) or self._entry(name):
            return None
        short = "." not in name
        host = host_in_manifest(name, resource.namespace)
        if host is None:
            return self._half(name)
        if not (short or name.endswith(".svc.cluster.local")) or host.name == "kubernetes":
            return None
        if any(maker in host.name for maker in self._makers):
            return None
        space = resource.declared if short else host.namespace
        if self._here(host.name, space):
            return None
        there = self._namespaces.get(host.name, set())
        if short and there:
            why = f"{name} means {name}.{space} here, and {name}.{min(there)} is there"
            return Absent(why, f"write {name}.{min(there)}.svc.cluster.local")
        why = f"{name} is no Service in these manifests"
        if near := self._near(host.name, space):
            return Absent(f"{why}, and {near} is", "correct the name")
        if _alike(space) & self._whole and space not in _PLATFORM:
            return Absent(why, "correct the name, or add the Service")
        return None

    def _here(self, name: str, space: str) -> bool:
        """Whether a Service of these manifests may be the one that a name in a namespace means."""
        there = self._namespaces.get(name, set())
        return space in there or "" in there or bool(there and not space)

    def _near(self, name: str, space: str) -> str:
        """The Service whose name may have been meant; "" for none."""
        if (name, space) not in self._meant:
            beside = (one for one, spaces in self._namespaces.items() if spaces & _alike(space))
            alike = [one for one in beside if _may_be_typo(one, name)]
            self._meant[name, space] = next(iter(get_close_matches(name, alike, 1, _NEAR)), "")
        return self._meant[name, space]

    @cached_property
    def _whole(self) -> set[str]:
        """The namespaces most of whose hosts, of those that rules name, are here."""
        named = set()
        for one in self._routing:
            legs = [leg for rule in one.spec["http"] for leg in rule["route"]]
            values = (one.spec["host"], *(leg["destination"]["host"] for leg in legs))
            for name in {value.text for value in values} - {""}:
                host = host_in_manifest(name, one.declared)
                if host is not None and not name.startswith("*"):
                    named.add((host.namespace, host.name))
        here = Counter(
            space for space, name in named if self._namespaces.get(name, set()) & _alike(space)
        )
        every = Counter(space for space, _ in named)
        return {space for space, number in here.items() if 2 * number > every[space]}

    def _entry(self, name: str) -> bool:
        """Whether a ServiceEntry may be for a name."""
        return any(
            covers(entry, name) or ("." not in name and entry.startswith(f"{name}."))
            for entry in self._entries
        )

    def once(self, host: Host) -> bool:
        """Whether one Service alone, and no ServiceEntry, says what a host has."""
        return self._seen[host] == 1 and not any(covers(e, host.fqdn) for e in self._entries)

    def _half(self, name: str) -> Absent | None:
        """What is wrong with a name such as cart.shop, which only DNS takes for a Service's."""
        host = host_of(name, "")
        if host and self._namespaces.get(host.name, set()) & _alike(host.namespace):
            why = f"{name} has a dot, so Istio takes it for a full name"
            return Absent(why, f"write {host.fqdn}")
        return None


def _may_be_typo(name: str, other: str) -> bool:
    """Whether two names alike may be one, mistyped: cart-v1 and cart-v2, or a and a-b, are two."""
    ends = name[:1] == other[:1] or name[-1:] == other[-1:]
    if not ends or abs(len(name) - len(other)) > _FEW:
        return False
    first, second = (re.sub(r"\d", "", one) for one in (name, other))
    longer = (f"{first}-".startswith(f"{second}-"), f"{second}-".startswith(f"{first}-"))
    return first != second and not any(longer)


def _alike(namespace: str) -> set[str]:
    """The names of a namespace: the default one need not be named."""
    return {"", "default"} if namespace in ("", "default") else {namespace}


def _may_make_services(resource: Resource) -> bool:
    group, kind = resource.group, resource.kind
    if (group, kind) == ("gateway.networking.k8s.io", "Gateway"):
        return bool(resource.name)
    built_in = not group or group in _BUILT_IN or group.endswith((".k8s.io", ".istio.io"))
    return bool(resource.name) and not built_in and kind not in _MAKES_NONE
