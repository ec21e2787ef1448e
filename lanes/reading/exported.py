"""Where resources count: `exportTo` of VirtualServices, DestinationRules, ServiceEntries, Services.

https://istio.io/latest/docs/ops/configuration/mesh/configuration-scoping/
"""

from collections.abc import Iterable

from lanes.reading.kinds import Service

# How a resource counts somewhere: it is that namespace's own, is given to it, or is for all.
PRIVATE, GIVEN, PUBLIC = 0, 1, 2
# The annotation on a Service.
EXPORT_TO = "networking.istio.io/exportTo"


def is_restricted(export_to: Iterable[str]) -> bool:
    """Tell whether `exportTo` names less than every namespace."""
    names = set(export_to)
    return bool(names) and "*" not in names


def level_in(export_to: Iterable[str], own: str, namespace: str | None) -> int | None:
    """Return how what stands in namespace `own` counts in another; None: not at all.

    `namespace` None is any that no list names.
    """
    if not is_restricted(export_to):
        return PUBLIC
    names = {own if name == "." else name for name in export_to}
    if namespace is None or namespace not in names or "~" in names:
        return None
    return PRIVATE if namespace == own else GIVEN


def exports_of(service: Service) -> tuple[str, ...]:
    """Return where a Service is exported to; (): everywhere."""
    annotation = service.metadata.annotations.get(EXPORT_TO, "")
    return tuple(name.strip() for name in annotation.split(",")) if annotation else ()
