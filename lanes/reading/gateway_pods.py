"""The namespaces of gateways' pods, for `exportTo`: rules have to be exported there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lanes.mesh.diagnostics import Diagnostics, Finding
from lanes.mesh.model import Pod
from lanes.reading import kinds
from lanes.reading.gateway_servers import Key
from lanes.reading.manifests import Resource


@dataclass(frozen=True)
class GatewayPods:
    """The namespaces of a gateway's pods; `assumed` warns where the pods are not in manifests."""

    namespaces: tuple[str, ...]
    assumed: Finding | None = None

    @classmethod
    def assume(
        cls, namespaces: Iterable[str], resource: Resource, field: str, why: str
    ) -> "GatewayPods":
        """Return the pods of a gateway which are not in the manifests, for the reason `why`."""
        names = tuple(dict.fromkeys(namespaces))
        message = (
            f"{why}: planned as if the gateway's pods ran in namespace {' or '.join(names)};"
            " exportTo has to name the namespace where they run"
        )
        return cls(names, resource.finding("gateway-home", field, message))

    def warn(self, diagnostics: Diagnostics) -> None:
        """Warn of the namespaces that are assumed."""
        if self.assumed:
            diagnostics.warn(self.assumed)


def gateway_pods(
    gateways: Mapping[Key, tuple[Resource, kinds.Gateway]], pods: Iterable[Pod]
) -> dict[Key, GatewayPods]:
    """Return the pods of each Gateway.

    Gateways with one selector have the same pods. If those are not in the manifests, they may run
    in the namespace of any of these Gateways.
    """
    pods = list(pods)
    alike: dict[frozenset[tuple[str, str]], list[Key]] = {}
    for key, (_, body) in gateways.items():
        alike.setdefault(frozenset(body.spec.selector.items()), []).append(key)
    by_key: dict[Key, GatewayPods] = {}
    for selector, keys in alike.items():
        present = {p.namespace: None for p in pods if selector and selector <= p.labels.items()}
        nearby, why = [namespace for namespace, _ in keys], "no pods here have these labels"
        for key in keys:
            by_key[key] = (
                GatewayPods(tuple(present))
                if present
                else GatewayPods.assume(nearby, gateways[key][0], "spec.selector", why)
            )
    return by_key
