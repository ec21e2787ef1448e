"""What the Sidecar of pods imports: the Services that they know, and the rules that count.

https://istio.io/latest/docs/reference/config/networking/sidecar/#IstioEgressListener
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lanes.mesh.hostnames import covers
from lanes.mesh.model import Pod
from lanes.reading import kinds
from lanes.reading.age import age_of
from lanes.reading.manifests import Manifests


@dataclass(frozen=True)
class Imports:
    """What a Sidecar imports, and what it excludes of that, each by namespace and host.

    https://github.com/istio/istio/blob/master/pilot/pkg/model/sidecar.go
    """

    taken: tuple[tuple[str, str], ...]
    excluded: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, hosts: Iterable[str], namespace: str) -> "Imports":
        """Read `./*`, `shop/*.example.com`, `~shop/*` and `~/cart.example.com`."""
        taken: list[tuple[str, str]] = []
        excluded: list[tuple[str, str]] = []
        for text in hosts:
            space, slash, name = text.removeprefix("~").partition("/")
            found = excluded if text.startswith("~") else taken
            if slash:
                found.append((namespace if space == "." else space or "*", name))
        return cls(tuple(taken), tuple(excluded))

    def has_service(self, namespace: str, fqdn: str) -> bool:
        """Tell whether a Service, or a ServiceEntry's host, is imported."""
        return any(
            space in ("*", namespace) and covers(name, fqdn) for space, name in self.taken
        ) and not self._excludes(namespace, fqdn)

    def has_rules(self, namespace: str, hosts: Iterable[str]) -> bool:
        """Tell whether rules are imported: by any of their hosts, full names or wildcards."""
        spaces = ("*", namespace)
        return any(
            space in spaces and (covers(name, host) or covers(host, name))
            for host in hosts
            if not self._excludes(namespace, host)
            for space, name in self.taken
        )

    def _excludes(self, namespace: str, host: str) -> bool:
        return any(
            space in ("*", namespace) and covers(name, host) for space, name in self.excluded
        )


@dataclass(frozen=True)
class Caller:
    """By what rules count for a pod: its namespace, and what its Sidecar imports.

    `namespace` None: one that no rule is about. `imports` None: all that is exported to it.
    """

    namespace: str | None = None
    imports: Imports | None = None

    def imports_rules(self, namespace: str, hosts: Iterable[str]) -> bool:
        """Tell whether rules in a namespace, for hosts by their full names, are imported."""
        return self.imports is None or self.imports.has_rules(namespace, hosts)

    def imports_service(self, namespace: str, fqdn: str) -> bool:
        """Tell whether a Service is imported."""
        return self.imports is None or self.imports.has_service(namespace, fqdn)


ANY = Caller()


class SidecarImports:
    """Tells for pods what their Sidecar imports."""

    def __init__(self, manifests: Manifests) -> None:
        sidecars = (body for _, body in manifests.of(kinds.Sidecar))
        self._sidecars = sorted(sidecars, key=lambda one: age_of(one.metadata))

    def of(self, labels: Mapping[str, str], namespace: str) -> Imports | None:
        """What pods with these labels import; None: no Sidecar says it."""
        own = [one for one in self._sidecars if one.metadata.namespace == namespace]
        root = [one for one in self._sidecars if one.metadata.namespace == "istio-system"]
        selecting = [
            one
            for one in own
            if (by := one.spec.workload_selector) and by.labels.items() <= labels.items()
        ]
        general = [one for one in (*own, *root) if one.spec.workload_selector is None]
        sidecar = next(iter((*selecting, *general)), None)
        if sidecar is None or not sidecar.spec.egress:
            return None
        hosts = (host for egress in sidecar.spec.egress for host in egress.hosts)
        return Imports.of(hosts, namespace)

    def callers(self, pods: Iterable[Pod]) -> dict[Caller, list[Pod]]:
        """Return each caller, and the pods that it stands for."""
        found: dict[Caller, list[Pod]] = {}
        for pod in pods:
            caller = Caller(pod.namespace, self.of(pod.labels, pod.namespace))
            found.setdefault(caller, []).append(pod)
        return found
