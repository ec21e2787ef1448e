"""Which of two resources is the older: it counts where both say the same.

Istio orders by creationTimestamp, then by name and namespace:
https://github.com/istio/istio/blob/master/pilot/pkg/model/config.go. The Gateway API asks for the
namespace before the name.
"""

import math

from lanes.reading.kinds import Metadata

Age = tuple[float, str, str]
"""What orders resources: the older is less."""


def age_of(metadata: Metadata) -> Age:
    """Return what orders a resource among others, as Istio does."""
    return _created(metadata), metadata.name, metadata.namespace


def age_of_route(metadata: Metadata) -> Age:
    """Return what orders a resource of the Gateway API among others."""
    return _created(metadata), metadata.namespace, metadata.name


def ages_differ(first: Metadata, second: Metadata) -> bool:
    """Tell whether the times of two resources say which is the older."""
    return _created(first) != _created(second)


def why_first(first: Metadata, second: Metadata) -> str:
    """Say why one resource counts before another."""
    if ages_differ(first, second):
        return "which is older"
    what = "name" if first.name != second.name else "namespace"
    if first.created is None:
        return f"whose {what} comes first: no creationTimestamp tells which is older"
    return f"whose {what} comes first: both have one creationTimestamp"


def _created(metadata: Metadata) -> float:
    """Return when a resource was created; one that does not tell is applied after all others."""
    return math.inf if metadata.created is None else metadata.created
