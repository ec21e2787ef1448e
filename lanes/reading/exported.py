"""`exportTo`: where VirtualServices, DestinationRules, ServiceEntries and Services count.

https://istio.io/latest/docs/ops/configuration/mesh/configuration-scoping/
"""

from collections.abc import Iterable

from lanes.reading.kinds import Service

# How a resource counts in a namespace: as the namespace's own, exported to it by name, or to all.
PRIVATE, GIVEN, PUBLIC = 0, 1, 2
# The annotation on a Service.
EXPORT_TO = "networking.istio.io/exportTo"


def is_restricted(export_to: Iterable[str]) -> bool:
    """Tell whether `exportTo` leaves out some namespace."""
    names = set(export_to)
    return bool(names) and "*" not in names


def level_in(export_to: Iterable[str], home: str, namespace: str | None) -> int | None:
    """Return how a resource of the namespace `home` counts in `namespace`; None: it does not.

    `namespace` None stands for any that no `exportTo` names.
    """
    if not is_restricted(export_to):
        return PUBLIC
    names = {home if name == "." else name for name in export_to}
    if namespace is None or namespace not in names or "~" in names:
        return None
    return PRIVATE if namespace == home else GIVEN


def exports_of(service: Service) -> tuple[str, ...]:
    """Return the namespaces that a Service is exported to; (): all."""
    annotation = service.metadata.annotations.get(EXPORT_TO, "")
    return tuple(name.strip() for name in annotation.split(",")) if annotation else ()
