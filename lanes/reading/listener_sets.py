"""The listeners of Gateways: their own, and those that ListenerSets add to them."""

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
    """What a route can be attached to: a Gateway's own listeners, or a ListenerSet's.

    `namespace` is that of the resource, `gateway` the Gateway's key, and `all` the listeners that
    the Gateway has in all.
    """

    namespace: str
    gateway: Key
    own: tuple[gateway_api.Listener, ...]
    all: tuple[gateway_api.Listener, ...]


def listeners_of(
    manifests: Manifests, labels: Mapping[str, Mapping[str, str]], diagnostics: Diagnostics
) -> tuple[Mapping[Key, Listeners], Mapping[Key, Listeners]]:
    """Return the listeners of each Gateway and of each ListenerSet, by their keys.

    `labels` are those of namespaces. Of listeners with one port and hostname the first counts: the
    Gateway's own, then those of the older ListenerSet. Warns of ListenerSets and of listeners that
    don't count.
    """
    diagnostics.warn(*_aside(manifests))
    bodies = {_key(body): body for _, body in manifests.of(gateway_api.Gateway)}
    every = {
        _key(body): list(_known(resource, body.spec.listeners))
        for resource, body in manifests.of(gateway_api.Gateway)
    }
    own = {key: tuple(listeners) for key, listeners in every.items()}
    added: dict[Key, tuple[Key, tuple[gateway_api.Listener, ...]]] = {}
    every_set = sorted(
        manifests.of(kinds.ListenerSet), key=lambda one: age_of_route(one[1].metadata)
    )
    for resource, body in every_set:
        namespace, ref = body.metadata.namespace, body.spec.parent_ref
        gateway = ref.namespace or namespace, ref.name
        if gateway not in bodies or not _lets(bodies[gateway], namespace, labels):
            message = (
                f"Gateway {'/'.join(gateway)} takes no ListenerSets from namespace {namespace}"
            )
            diagnostics.warn(resource.finding("listener-set", "spec.parentRef", message))
            added[_key(body)] = gateway, ()
            continue
        taken = {(one.port, one.hostname) for one in every[gateway]}
        found = tuple(
            one
            for one in _known(resource, body.spec.listeners)
            if (one.port, one.hostname) not in taken
        )
        if len(found) < len(body.spec.listeners):
            message = f"Gateway {ref.name} has a listener with the same port and hostname already"
            diagnostics.warn(resource.finding("listener-set", "spec.listeners", message))
        every[gateway] += found
        added[_key(body)] = gateway, found
    gateways = {
        key: Listeners(key[0], key, listeners, tuple(every[key])) for key, listeners in own.items()
    }
    sets = {
        key: Listeners(key[0], gateway, listeners, tuple(every.get(gateway, ())))
        for key, (gateway, listeners) in added.items()
    }
    return gateways, sets


def _key(body: gateway_api.Gateway | kinds.ListenerSet) -> Key:
    return body.metadata.namespace, body.metadata.name


def _known(
    resource: Resource, listeners: list[gateway_api.Listener]
) -> Iterator[gateway_api.Listener]:
    """Yield the listeners of which everything is supported."""
    for number, one in enumerate(listeners):
        if not resource.lacks(f"spec.listeners[{number}]"):
            yield one


def _lets(
    gateway: gateway_api.Gateway, namespace: str, labels: Mapping[str, Mapping[str, str]]
) -> bool:
    """Tell whether a Gateway takes the ListenerSets of a namespace."""
    asked = gateway.spec.allowed_listeners.namespaces
    if asked.from_ == "Selector":
        known = {**labels.get(namespace, {}), "kubernetes.io/metadata.name": namespace}
        return asked.selector.match_labels.items() <= known.items()
    return asked.from_ == "All" or (
        asked.from_ == "Same" and namespace == gateway.metadata.namespace
    )


def _aside(manifests: Manifests) -> Iterator[Finding]:
    """Yield a warning for each listener that takes no HTTPRoutes."""
    for resource, body in manifests.of(gateway_api.Gateway):
        for index, one in enumerate(body.spec.listeners):
            if not one.http:
                message = f"{one.protocol} takes no HTTPRoutes: listener {one.name} is left out"
                yield resource.finding("listener", f"spec.listeners[{index}].protocol", message)
