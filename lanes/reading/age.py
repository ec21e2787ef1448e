"""The order of resources by age: of two that conflict, the older counts.

Istio orders by creationTimestamp, then by name, then by namespace:
https://github.com/istio/istio/blob/master/pilot/pkg/model/config.go. The Gateway API orders by
creationTimestamp, then by namespace, then by name.
"""

import math

from lanes.reading.kinds import Metadata

Age = tuple[float, str, str]
"""A sort key: the older resource has the lesser."""


def age_of(metadata: Metadata) -> Age:
    """Return the sort key of a resource of Istio's."""
    return _created(metadata), metadata.name, metadata.namespace


def age_of_route(metadata: Metadata) -> Age:
    """Return the sort key of a resource of the Gateway API."""
    return _created(metadata), metadata.namespace, metadata.name


def ages_differ(first: Metadata, second: Metadata) -> bool:
    """Tell whether two resources were created at different times."""
    return _created(first) != _created(second)


def why_first(first: Metadata, second: Metadata) -> str:
    """Say why the first resource counts before the second."""
    if ages_differ(first, second):
        return "which is older"
    what = "name" if first.name != second.name else "namespace"
    if first.created is None:
        return f"whose {what} comes first: no creationTimestamp tells which is older"
    return f"whose {what} comes first: both have one creationTimestamp"


def _created(metadata: Metadata) -> float:
    """Return when a resource was created; without a time, it is yet to be applied: the newest."""
    return math.inf if metadata.created is None else metadata.created
