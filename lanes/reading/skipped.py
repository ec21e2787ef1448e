"""Resources that the user leaves out, by KIND/NAME."""

from collections.abc import Iterable

from lanes.errors import LanesError


class Skipped:
    """The resources to leave out, as kubectl names them: deployment/cart, in any namespace.

    Raises LanesError for what names none in this form.
    """

    def __init__(self, named: Iterable[str]) -> None:
        self._wanted: dict[tuple[str, str], str] = {}
        self._met: set[tuple[str, str]] = set()
        for text in named:
            kind, _, name = text.partition("/")
            if not kind or not name or "/" in name:
                raise LanesError(f"--skip {text}: should be KIND/NAME, such as Deployment/cart")
            self._wanted[kind.lower(), name] = text

    def takes(self, kind: str, name: str) -> bool:
        """Tell whether to leave out a resource, and remember that it was there."""
        key = kind.lower(), name
        if key in self._wanted:
            self._met.add(key)
        return key in self._wanted

    def require_met(self) -> None:
        """Raise LanesError where one was not there."""
        for key, text in self._wanted.items():
            if key not in self._met:
                raise LanesError(f"--skip {text}: the manifests have no such resource")
