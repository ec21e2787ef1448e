"""Sidecar resources: which Services and rules pods import.

https://istio.io/latest/docs/reference/config/networking/sidecar/#IstioEgressListener
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lanes.mesh.hostnames import covers
from lanes.mesh.model import Pod
from lanes.reading import kinds
from lanes.reading.age import age_of
from lanes.reading.kinds.istio import ROOT_NAMESPACE
from lanes.reading.manifests import Manifests


@dataclass(frozen=True)
class Imports:
    """What a Sidecar includes, and what it excludes of that, each as a namespace and a host.

    https://github.com/istio/istio/blob/master/pilot/pkg/model/sidecar.go
    """

    included: tuple[tuple[str, str], ...]
    excluded: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, hosts: Iterable[str], namespace: str) -> "Imports":
        """Read `./*`, `shop/*.example.com`, `~shop/*` and `~/cart.example.com`."""
        included: list[tuple[str, str]] = []
        excluded: list[tuple[str, str]] = []
        for text in hosts:
            space, slash, name = text.removeprefix("~").partition("/")
            pairs = excluded if text.startswith("~") else included
            if slash:
                pairs.append((namespace if space == "." else space or "*", name))
        return cls(tuple(included), tuple(excluded))

    def has_service(self, namespace: str, fqdn: str) -> bool:
        """Tell whether a Service, or a ServiceEntry's host, is imported."""
        return _has(self.included, namespace, fqdn) and not _has(self.excluded, namespace, fqdn)

    def has_rules(self, namespace: str, hosts: Iterable[str]) -> bool:
        """Tell whether rules for these hosts, full names or wildcards, are imported."""
        spaces = ("*", namespace)
        return any(
            space in spaces and (covers(name, host) or covers(host, name))
            for host in hosts
            if not _has(self.excluded, namespace, host)
            for space, name in self.included
        )


def _has(pairs: Iterable[tuple[str, str]], namespace: str, host: str) -> bool:
    return any(space in ("*", namespace) and covers(name, host) for space, name in pairs)


@dataclass(frozen=True)
class Caller:
    """What decides which rules apply to a pod's calls: its namespace, and what it imports.

    `namespace` None stands for any that no rule names. `imports` None: all that is exported to it.
    """

    namespace: str | None = None
    imports: Imports | None = None

    def imports_rules(self, namespace: str, hosts: Iterable[str]) -> bool:
        """Tell whether rules of a namespace, for hosts by their full names, are imported."""
        return self.imports is None or self.imports.has_rules(namespace, hosts)

    def imports_service(self, namespace: str, fqdn: str) -> bool:
        return self.imports is None or self.imports.has_service(namespace, fqdn)


ANY = Caller()


class SidecarImports:
    """The Sidecars of each namespace, the oldest first."""

    def __init__(self, manifests: Manifests) -> None:
        self._sidecars: dict[str, list[kinds.Sidecar]] = {}
        sidecars = (body for _, body in manifests.of(kinds.Sidecar))
        for body in sorted(sidecars, key=lambda body: age_of(body.metadata)):
            self._sidecars.setdefault(body.metadata.namespace, []).append(body)

    def of(self, labels: Mapping[str, str], namespace: str) -> Imports | None:
        """Return what pods with these labels import; None: no Sidecar limits them.

        A Sidecar that selects the pods goes first, then one for their whole namespace, then one of
        the root namespace.
        """
        local, root = self._sidecars.get(namespace, []), self._sidecars.get(ROOT_NAMESPACE, [])
        selecting = [
            sidecar
            for sidecar in local
            if (selector := sidecar.spec.workload_selector)
            and selector.labels.items() <= labels.items()
        ]
        general = [sidecar for sidecar in (*local, *root) if sidecar.spec.workload_selector is None]
        sidecar = next(iter((*selecting, *general)), None)
        if sidecar is None or not sidecar.spec.egress:
            return None
        hosts = (host for egress in sidecar.spec.egress for host in egress.hosts)
        return Imports.of(hosts, namespace)

    def callers(self, pods: Iterable[Pod]) -> dict[Caller, list[Pod]]:
        """Return each caller with its pods."""
        callers: dict[Caller, list[Pod]] = {}
        for pod in pods:
            caller = Caller(pod.namespace, self.of(pod.labels, pod.namespace))
            callers.setdefault(caller, []).append(pod)
        return callers
