"""Resources that the user leaves out, by KIND/NAME."""

from collections.abc import Iterable

from lanes.errors import LanesError


class Skipped:
    """The resources to leave out, in any namespace.

    They are named as in kubectl: deployment/cart. Raises LanesError for a name of another form.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names: dict[tuple[str, str], str] = {}
        self._found: set[tuple[str, str]] = set()
        for text in names:
            kind, _, name = text.partition("/")
            if not kind or not name or "/" in name:
                raise LanesError(f"--skip {text}: should be KIND/NAME, such as Deployment/cart")
            self._names[kind.lower(), name] = text

    def has(self, kind: str, name: str) -> bool:
        """Tell whether to leave out a resource, and record that it was found."""
        key = kind.lower(), name
        if key in self._names:
            self._found.add(key)
        return key in self._names

    def require_all_found(self) -> None:
        """Raise LanesError if a resource to leave out was not found."""
        for key, text in self._names.items():
            if key not in self._found:
                raise LanesError(f"--skip {text}: the manifests have no such resource")
