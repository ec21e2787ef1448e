"""Which hosts there are: the Services and ServiceEntries here, and what may well be elsewhere."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from lanes.hosts import covers, host_in_manifest, host_of
from lanes.lint.documents import Resource
from lanes.model import Host

# Whose manifests hardly ever hold all of it.
_PLATFORM = ("istio-system", "kube-system")
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
    it names may stand elsewhere: where these hold no Service of its namespace, where it may be
    outside of the cluster, and where a resource of another kind may make it. What names no
    namespace may go to any: charts name it in some of their templates.
    """

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._namespaces: dict[str, set[str]] = {}
        self._seen: Counter[Host] = Counter()
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
        self._peopled = {space for spaces in self._namespaces.values() for space in spaces}

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
        there = self._namespaces.get(host.name, set())
        if space in there or "" in there or (there and not space):
            return None
        if short and there:
            why = f"{name} means {name}.{space} here, and {name}.{min(there)} is there"
            return Absent(why, f"write {name}.{min(there)}.svc.cluster.local")
        if self._peopled & _alike(space) and space not in _PLATFORM:
            why = f"{name} is no Service in these manifests"
            return Absent(why, "correct the name, or add the Service")
        return None

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


def _alike(namespace: str) -> set[str]:
    """The names of a namespace: the default one need not be named."""
    return {"", "default"} if namespace in ("", "default") else {namespace}


def _may_make_services(resource: Resource) -> bool:
    group, kind = resource.group, resource.kind
    if (group, kind) == ("gateway.networking.k8s.io", "Gateway"):
        return bool(resource.name)
    built_in = not group or group in _BUILT_IN or group.endswith((".k8s.io", ".istio.io"))
    return bool(resource.name) and not built_in and kind not in _MAKES_NONE
