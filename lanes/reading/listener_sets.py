"""The listeners of Gateways: their own, and those that ListenerSets add."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lanes.mesh.diagnostics import Diagnostics, Finding
from lanes.reading import kinds
from lanes.reading.age import age_of_route
from lanes.reading.kinds import gateway_api
from lanes.reading.manifests import Manifests, Resource

Key = tuple[str, str]
"""A namespace and a name."""


@dataclass(frozen=True)
class Listeners:
    """The listeners that a route can attach to: those of a Gateway, or of a ListenerSet.

    `namespace` is that of the Gateway or the ListenerSet. `gateway` is the Gateway's key, and `all`
    has all its listeners, those of ListenerSets too.
    """

    namespace: str
    gateway: Key
    own: tuple[gateway_api.Listener, ...]
    all: tuple[gateway_api.Listener, ...]


def listeners_of(
    manifests: Manifests, labels: Mapping[str, Mapping[str, str]], diagnostics: Diagnostics
) -> tuple[Mapping[Key, Listeners], Mapping[Key, Listeners]]:
    """Return the listeners of each Gateway, and of each ListenerSet.

    `labels` are those of namespaces. Of listeners with one port and hostname the first counts: the
    Gateway's own, then the one of the oldest ListenerSet. Warns of listeners that do not count.
    """
    diagnostics.warn(*_without_http(manifests))
    of_api = list(manifests.of(gateway_api.Gateway))
    gateways = {_key(body): body for _, body in of_api}
    own = {_key(body): _supported(resource, body.spec.listeners) for resource, body in of_api}
    all_of = {key: list(listeners) for key, listeners in own.items()}
    sets: dict[Key, tuple[Key, tuple[gateway_api.Listener, ...]]] = {}
    by_age = sorted(manifests.of(kinds.ListenerSet), key=lambda one: age_of_route(one[1].metadata))
    for resource, body in by_age:
        namespace, ref = body.metadata.namespace, body.spec.parent_ref
        parent = ref.namespace or namespace, ref.name
        added: tuple[gateway_api.Listener, ...] = ()
        if parent in gateways and _allows(gateways[parent], namespace, labels):
            present = {(one.port, one.hostname) for one in all_of[parent]}
            supported = _supported(resource, body.spec.listeners)
            added = tuple(one for one in supported if (one.port, one.hostname) not in present)
            all_of[parent] += added
            field = "spec.listeners" if len(added) < len(body.spec.listeners) else ""
            message = f"Gateway {ref.name} has a listener with the same port and hostname already"
        else:
            field = "spec.parentRef"
            message = f"Gateway {'/'.join(parent)} takes no ListenerSets from namespace {namespace}"
        if field:
            diagnostics.warn(resource.finding("listener-set", field, message))
        sets[_key(body)] = parent, added
    return (
        {key: Listeners(key[0], key, own[key], tuple(all_of[key])) for key in gateways},
        {
            key: Listeners(key[0], parent, added, tuple(all_of.get(parent, ())))
            for key, (parent, added) in sets.items()
        },
    )


def _key(body: gateway_api.Gateway | kinds.ListenerSet) -> Key:
    return body.metadata.namespace, body.metadata.name


def _supported(
    resource: Resource, listeners: list[gateway_api.Listener]
) -> tuple[gateway_api.Listener, ...]:
    """Return the listeners without a field that is not supported."""
    return tuple(
        listener
        for number, listener in enumerate(listeners)
        if not resource.lacks(f"spec.listeners[{number}]")
    )


def _allows(
    gateway: gateway_api.Gateway, namespace: str, labels: Mapping[str, Mapping[str, str]]
) -> bool:
    """Tell whether a Gateway takes the ListenerSets of a namespace."""
    allowed = gateway.spec.allowed_listeners.namespaces
    if allowed.from_ == "Selector":
        known = {**labels.get(namespace, {}), "kubernetes.io/metadata.name": namespace}
        return allowed.selector.match_labels.items() <= known.items()
    return allowed.from_ == "All" or (
        allowed.from_ == "Same" and namespace == gateway.metadata.namespace
    )


def _without_http(manifests: Manifests) -> Iterator[Finding]:
    """Yield a warning for each listener that takes no HTTPRoutes."""
    for resource, body in manifests.of(gateway_api.Gateway):
        for index, one in enumerate(body.spec.listeners):
            if not one.http:
                message = f"{one.protocol} takes no HTTPRoutes: listener {one.name} is left out"
                yield resource.finding("listener", f"spec.listeners[{index}].protocol", message)
