"""Where VirtualServices and DestinationRules count: `exportTo`."""

from collections.abc import Iterable

# How a resource counts somewhere: for its own namespace alone, for some, for all.
PRIVATE, GIVEN, PUBLIC = 0, 1, 2


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
    if namespace is None or namespace not in names:
        return None
    return PRIVATE if names == {own} else GIVEN
