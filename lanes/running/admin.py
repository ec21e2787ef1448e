"""Envoy's admin, at a socket in a folder: no web page reaches it, nor any other user.

At a port, any page in any browser of this machine could end Envoy, and read what it holds.
"""

import http.client
import os
import socket
from pathlib import Path

_NAME = "admin"


class Admin:
    """The socket `admin` in `folder`, for whoever may enter that."""

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

        A socket's path has 107 bytes at the most, and a temporary folder's may be longer.
        """
        return f"/proc/self/fd/{self._folder}/{_NAME}"

    def page(self, path: str) -> str | None:
        """What the admin answers; None where it does not, or with an error."""
        connection = _Connection(self.short_path)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.read().decode() if response.status < 400 else None
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


class _Connection(http.client.HTTPConnection):
    """HTTP by a socket that has a path."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
