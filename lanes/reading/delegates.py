"""Delegates: VirtualServices without hosts, whose rules replace a rule of another VirtualService.

The VirtualService that names a delegate is its root. Istio merges their rules in
pilot/pkg/model/virtualservice.go:
https://istio.io/latest/docs/reference/config/networking/virtual-service/#Delegate
"""

from collections.abc import Iterator, Mapping

from lanes.mesh.diagnostics import Diagnostics
from lanes.reading import kinds
from lanes.reading.exported import level_in
from lanes.reading.manifests import Manifests, Resource

Ruled = tuple[Resource, str, kinds.HttpRoute]
"""A rule, with its resource and its field there."""

# The fields that a delegate's rule inherits from the root's rule where it does not set them.
_INHERITED = (
    *("rewrite", "direct_response", "timeout", "retries", "fault", "headers", "cors_policy"),
    *("mirror", "mirrors", "mirror_percent", "mirror_percentage"),
)
# The fields of a match: a delegate's value replaces the root's; its mappings add to the root's.
_STRINGS = ("uri", "scheme", "method", "authority")
_VALUES = (*_STRINGS, "port", "source_namespace", "gateways")
_STRING_MAPPINGS = ("headers", "without_headers", "query_params")
_MAPPINGS = (*_STRING_MAPPINGS, "source_labels")


class Delegates:
    """The VirtualServices that others may name as their delegates."""

    def __init__(self, manifests: Manifests, diagnostics: Diagnostics) -> None:
        self._diagnostics = diagnostics
        self._delegates = {
            (body.metadata.namespace, body.metadata.name): (resource, body)
            for resource, body in manifests.of(kinds.VirtualService)
            if not body.spec.hosts
        }

    def rules(self, resource: Resource, body: kinds.VirtualService) -> Iterator[Ruled]:
        """Yield the rules of a VirtualService, with a delegate's rules in place of the delegation.

        Warn of a delegate that is not in the manifests, or not exported to the root's namespace:
        Istio leaves the rule out.
        """
        for index, http in enumerate(body.spec.http):
            field = f"spec.http[{index}]"
            if http.delegate is None or resource.lacks(field):
                yield resource, field, http
            else:
                yield from self._rules_of(http.delegate, resource, field, http)

    def _rules_of(
        self, named: kinds.Delegate, root: Resource, field: str, http: kinds.HttpRoute
    ) -> Iterator[Ruled]:
        """Yield the rules of a delegate, each merged with the rule `http` of its root."""
        key = named.namespace or root.namespace, named.name
        delegate, body = self._delegates.get(key, (None, None))
        if delegate is None or body is None or not _is_exported(body, root.namespace):
            message = (
                f"no VirtualService {'/'.join(key)} without hosts is in these manifests: the rule"
                " is left out; add it"
            )
            self._diagnostics.warn(root.finding("no-delegate", f"{field}.delegate", message))
            return
        for index, rule in enumerate(body.spec.http):
            where = f"spec.http[{index}]"
            if (merged := merge(http, rule)) is None:
                message = f"its matches contradict those of {root.name}: the rule is left out"
                self._diagnostics.warn(delegate.finding("delegate", f"{where}.match", message))
            else:
                yield delegate, where, merged


def _is_exported(body: kinds.VirtualService, namespace: str) -> bool:
    return level_in(body.spec.export_to, body.metadata.namespace, namespace) is not None


def merge(root: kinds.HttpRoute, rule: kinds.HttpRoute) -> kinds.HttpRoute | None:
    """Return a delegate's rule merged with its root's; None if Istio finds a contradiction."""
    matches = _matches(root.match, rule.match)
    if matches is None:
        return None
    inherited = {
        name: getattr(root, name) for name in _INHERITED if name not in rule.model_fields_set
    }
    return rule.model_copy(update={**inherited, "match": matches})


def _matches(
    roots: list[kinds.HttpMatch], matches: list[kinds.HttpMatch]
) -> list[kinds.HttpMatch] | None:
    """Return each of a delegate's matches with each of its root's; None if one fits none."""
    if not roots or not matches:
        return roots or matches
    merged: list[kinds.HttpMatch] = []
    for match in matches:
        fitting = [_match(root, match) for root in roots if not _contradict(root, match)]
        if not fitting:
            return None
        merged += fitting
    return merged


def _match(root: kinds.HttpMatch, match: kinds.HttpMatch) -> kinds.HttpMatch:
    values = {name: getattr(match, name) or getattr(root, name) for name in _VALUES}
    mappings = {name: {**getattr(root, name), **getattr(match, name)} for name in _MAPPINGS}
    return match.model_copy(update={**values, **mappings})


def _contradict(root: kinds.HttpMatch, match: kinds.HttpMatch) -> bool:
    """Tell whether Istio takes two matches for contradictory."""
    strings = [(getattr(root, name), getattr(match, name)) for name in _STRINGS]
    for name in _STRING_MAPPINGS:
        strings += _pairs(getattr(root, name), getattr(match, name))
    labels = root.source_labels
    return (
        any(one and other and not _implies(other, one) for one, other in strings)
        or root.ignore_uri_case != match.ignore_uri_case
        or bool(root.port and match.port and root.port != match.port)
        or (bool(root.source_namespace) and root.source_namespace != match.source_namespace)
        or any(labels.get(name, value) != value for name, value in match.source_labels.items())
        or bool(root.gateways and match.gateways and not {*match.gateways} <= {*root.gateways})
    )


def _pairs(
    root: Mapping[str, kinds.StringMatch], match: Mapping[str, kinds.StringMatch]
) -> Iterator[tuple[kinds.StringMatch, kinds.StringMatch]]:
    return ((root[name], match[name]) for name in match if name in root)


def _implies(match: kinds.StringMatch, root: kinds.StringMatch) -> bool:
    """Tell whether Istio finds that a string under a delegate's condition meets its root's."""
    if root.regex or match.regex:
        return False
    if root.exact:
        return match.exact == root.exact
    if root.prefix:
        return (match.prefix or match.exact or "").startswith(root.prefix)
    return False
