"""Loopback addresses for a mesh: a block of 127.0.0.0/8 that no other mesh is using.

Linux answers on all of 127.0.0.0/8, so every pod has an address of its own, and two meshes
on one machine don't meet.
"""

import errno
import socket

from lanes.errors import LanesError

_CLAIM_PORT = 15999
_CLAIM = 253
_FIRST_PORT, _PORTS = 20_000, 50


class AddressBlock:
    """127.0.N.0/24, claimed for as long as this object is open.

    The claim is a bound socket. Processes of the mesh inherit it (`fileno`), so the block is
    free again when the last of them is gone, however they end.
    """

    def __init__(self) -> None:
        for number in range(1, 255):
            claim = socket.socket()
            try:
                claim.bind((f"127.0.{number}.{_CLAIM}", _CLAIM_PORT))
            except OSError:
                claim.close()
                continue
            self._claim, self._number = claim, number
            return
        raise LanesError(
            "no loopback block is free: this machine has no 127.0.0.0/8, or 254 meshes run; end one"
        )

    def __enter__(self) -> "AddressBlock":
        return self

    def __exit__(self, *_: object) -> None:
        self._claim.close()

    def fileno(self) -> int:
        return self._claim.fileno()

    @property
    def ports(self) -> range:
        """Ports that no other mesh gives to a pod of its own; below those that Linux gives out."""
        first = _FIRST_PORT + _PORTS * self._number
        return range(first, first + _PORTS)

    def pods(self, names: list[str]) -> dict[str, str]:
        """An address for each pod. Raises LanesError when the block is too small."""
        if len(names) >= _CLAIM:
            raise LanesError(
                f"{len(names)} pods are more than the {_CLAIM - 1} of one mesh; set fewer replicas"
            )
        return {name: f"127.0.{self._number}.{i}" for i, name in enumerate(names, start=1)}


def require_free(port: int) -> None:
    """Raises LanesError when nothing can listen on 127.0.0.1 at `port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise port_taken(port) from None
            raise LanesError(f"port {port}: {error.strerror}; choose another with --port") from None


def port_taken(port: int) -> LanesError:
    """What to say of a port that somebody else has."""
    return LanesError(f"port {port}: another program listens there; choose another with --port")


def free_port(first: int = 0) -> int:
    """A port of 127.0.0.1 that nothing listens on: `first`, or any other where that is taken."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", first))
        except (OSError, OverflowError):
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
