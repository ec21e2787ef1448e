"""The service's fixtures."""

from tests.unit.services.conftest import serve, start

__all__ = ["serve", "start"]
