"""Envoy's admin interface, at a socket in a folder that only this user may enter.

At a port, any page in a browser of this machine could end Envoy and read its configuration.
"""

import http.client
import os
import socket
from pathlib import Path

_NAME = "admin"


class Admin:
    """The socket `admin` in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / _NAME
        self._folder = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        os.close(self._folder)

    def fileno(self) -> int:
        return self._folder

    @property
    def short_path(self) -> str:
        """The socket's path for this process and those that inherit `fileno`.

        A socket's path has at most 107 bytes, and a temporary folder's path may be longer.
        """
        return f"/proc/self/fd/{self._folder}/{_NAME}"

    def page(self, path: str) -> str | None:
        """Return what the admin interface answers; None if there is no answer, or an error."""
        return page(_SocketConnection(self.short_path), path)


def page(connection: http.client.HTTPConnection, path: str) -> str | None:
    """Get `path`, and close the connection. Return None if there is no answer, or an error."""
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.read().decode("latin-1") if response.status < 400 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
