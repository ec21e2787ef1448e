"""The service's fixtures, here too."""

from tests.unit.services.conftest import serve, start

__all__ = ["serve", "start"]
