"""Delegates: VirtualServices without hosts, whose rules stand in place of one of another's.

https://istio.io/latest/docs/reference/config/networking/virtual-service/#Delegate, and how Istio
merges them: pilot/pkg/model/virtualservice.go.
"""

from collections.abc import Iterator, Mapping

from lanes.mesh.diagnostics import Diagnostics
from lanes.reading import kinds
from lanes.reading.exported import level_in
from lanes.reading.manifests import Manifests, Resource

Ruled = tuple[Resource, str, kinds.HttpRoute]
"""A rule, the resource that it stands in, and its field there."""

# What a delegate's rule has of its root's where it says nothing itself.
_INHERITED = (
    *("rewrite", "direct_response", "timeout", "retries", "fault", "headers", "cors_policy"),
    *("mirror", "mirrors", "mirror_percent", "mirror_percentage"),
)
_VALUES = ("uri", "scheme", "method", "authority", "port", "source_namespace", "gateways")
_MAPPINGS = ("headers", "without_headers", "query_params", "source_labels")


class Delegates:
    """The VirtualServices that others may name as their delegates."""

    def __init__(self, manifests: Manifests, diagnostics: Diagnostics) -> None:
        self._diagnostics = diagnostics
        self._found = {
            (body.metadata.namespace, body.metadata.name): (resource, body)
            for resource, body in manifests.of(kinds.VirtualService)
            if not body.spec.hosts
        }

    def rules(self, resource: Resource, body: kinds.VirtualService) -> Iterator[Ruled]:
        """Yield the rules of a VirtualService, with those of delegates in their place.

        Warns of a delegate that is not here, or that does not count in the namespace: Istio leaves
        the rule out.
        """
        for index, http in enumerate(body.spec.http):
            field = f"spec.http[{index}]"
            if http.delegate is None or resource.lacks(field):
                yield resource, field, http
            else:
                yield from self._of(resource, field, http, http.delegate)

    def _of(
        self, resource: Resource, field: str, http: kinds.HttpRoute, delegate: kinds.Delegate
    ) -> Iterator[Ruled]:
        key = delegate.namespace or resource.namespace, delegate.name
        found, body = self._found.get(key, (None, None))
        if found is None or body is None or not _counts(body, resource.namespace):
            named = "/".join(key)
            message = (
                f"no VirtualService {named} without hosts is in these manifests: the rule is left"
                " out; add it"
            )
            self._diagnostics.warn(resource.finding("no-delegate", f"{field}.delegate", message))
            return
        for index, own in enumerate(body.spec.http):
            where = f"spec.http[{index}]"
            if (merged := merge(http, own)) is None:
                message = f"its matches contradict those of {resource.name}: the rule is left out"
                self._diagnostics.warn(found.finding("delegate", f"{where}.match", message))
            else:
                yield found, where, merged


def _counts(body: kinds.VirtualService, namespace: str) -> bool:
    return level_in(body.spec.export_to, body.metadata.namespace, namespace) is not None


def merge(root: kinds.HttpRoute, own: kinds.HttpRoute) -> kinds.HttpRoute | None:
    """Return a delegate's rule under its root's; None: no request can meet both, says Istio."""
    matches = _matches(root.match, own.match)
    if matches is None:
        return None
    inherited = {
        name: getattr(root, name) for name in _INHERITED if name not in own.model_fields_set
    }
    return own.model_copy(update={**inherited, "match": matches})


def _matches(
    root: list[kinds.HttpMatch], own: list[kinds.HttpMatch]
) -> list[kinds.HttpMatch] | None:
    if not root or not own:
        return root or own
    merged: list[kinds.HttpMatch] = []
    for match in own:
        fitting = [_match(one, match) for one in root if not _contradict(one, match)]
        if not fitting:
            return None
        merged += fitting
    return merged


def _match(root: kinds.HttpMatch, own: kinds.HttpMatch) -> kinds.HttpMatch:
    values = {name: getattr(own, name) or getattr(root, name) for name in _VALUES}
    mappings = {name: {**getattr(root, name), **getattr(own, name)} for name in _MAPPINGS}
    return own.model_copy(update={**values, **mappings})


def _contradict(root: kinds.HttpMatch, own: kinds.HttpMatch) -> bool:
    """Tell whether Istio takes two matches for contradictory."""
    pairs = [
        *((getattr(root, n), getattr(own, n)) for n in ("uri", "scheme", "method", "authority")),
        *(_shared(root.headers, own.headers)),
        *(_shared(root.without_headers, own.without_headers)),
        *(_shared(root.query_params, own.query_params)),
    ]
    labels = root.source_labels
    return (
        any(one and other and not _holds(one, other) for one, other in pairs)
        or root.ignore_uri_case != own.ignore_uri_case
        or bool(root.port and own.port and root.port != own.port)
        or (bool(root.source_namespace) and root.source_namespace != own.source_namespace)
        or any(labels.get(name, value) != value for name, value in own.source_labels.items())
        or bool(root.gateways and own.gateways and not set(own.gateways) <= set(root.gateways))
    )


def _shared(
    root: Mapping[str, kinds.StringMatch], own: Mapping[str, kinds.StringMatch]
) -> Iterator[tuple[kinds.StringMatch, kinds.StringMatch]]:
    return ((root[name], own[name]) for name in own if name in root)


def _holds(root: kinds.StringMatch, own: kinds.StringMatch) -> bool:
    """Tell whether Istio takes a delegate's value for one that its root's takes."""
    if root.regex or own.regex:
        return False
    if root.exact:
        return own.exact == root.exact
    if root.prefix:
        return (own.prefix or own.exact or "").startswith(root.prefix)
    return False
