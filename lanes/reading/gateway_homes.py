"""Where the pods of gateways run: in which namespace `exportTo` has to let rules count."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lanes.mesh.diagnostics import Diagnostics, Finding
from lanes.mesh.model import Pod
from lanes.reading import kinds
from lanes.reading.gateway_servers import Key
from lanes.reading.manifests import Resource


@dataclass(frozen=True)
class Homes:
    """The namespaces of a gateway's pods; `assumed`: what to say where none of them is here."""

    namespaces: tuple[str, ...]
    assumed: Finding | None = None

    @classmethod
    def assume(cls, namespaces: Iterable[str], resource: Resource, field: str, why: str) -> "Homes":
        """Return those of a gateway whose pods are not here, for a reason in words."""
        names = tuple(dict.fromkeys(namespaces))
        message = (
            f"{why}: planned as if the gateway's pods ran in namespace {' or '.join(names)}, which"
            " decides what exportTo lets count there"
        )
        return cls(names, resource.finding("gateway-home", field, message))

    def warn(self, diagnostics: Diagnostics) -> None:
        """Say what is assumed, where `exportTo` makes it decide."""
        if self.assumed:
            diagnostics.warn(self.assumed)


def homes_of(
    gateways: Mapping[Key, tuple[Resource, kinds.Gateway]], pods: Iterable[Pod]
) -> dict[Key, Homes]:
    """Return where the pods of each Gateway run, by its namespace and name.

    Gateways with one selector have the same pods. Where none is here, they may run in the
    namespace of any of these Gateways.
    """
    pods = list(pods)
    alike: dict[frozenset[tuple[str, str]], list[Key]] = {}
    for key, (_, body) in gateways.items():
        alike.setdefault(frozenset(body.spec.selector.items()), []).append(key)
    found: dict[Key, Homes] = {}
    for selector, keys in alike.items():
        there = {p.namespace: None for p in pods if selector and selector <= p.labels.items()}
        own, why = [namespace for namespace, _ in keys], "no pods here have these labels"
        for key in keys:
            found[key] = (
                Homes(tuple(there))
                if there
                else Homes.assume(own, gateways[key][0], "spec.selector", why)
            )
    return found
