"""Loopback addresses of a mesh: a block of 127.0.0.0/8 that no other mesh uses.

Linux answers on all of 127.0.0.0/8. So every pod has its own address, and two meshes on one machine
do not interfere.
"""

import errno
import socket

from lanes.errors import LanesError

# A mesh claims a block with a socket at this address of the block.
_CLAIM_PORT = 15999
_CLAIM_ADDRESS = 253
_FIRST_PORT, _PORTS = 20_000, 50


class AddressBlock:
    """127.0.N.0/24, claimed while this object is open.

    The claim is a bound socket that the mesh's processes inherit (`fileno`). So the block is free
    again when the last of them has ended, however it ended.
    """

    def __init__(self) -> None:
        for number in range(1, 255):
            claim = socket.socket()
            try:
                claim.bind((f"127.0.{number}.{_CLAIM_ADDRESS}", _CLAIM_PORT))
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
        """Ports that no other mesh gives to its pods, below the ephemeral ports of Linux."""
        first = _FIRST_PORT + _PORTS * self._number
        return range(first, first + _PORTS)

    def pods(self, names: list[str]) -> dict[str, str]:
        """Return an address for each pod. Raises LanesError if there are too many pods."""
        most = _CLAIM_ADDRESS - 1
        if len(names) > most:
            raise LanesError(
                f"{len(names)} pods are more than the {most} of one mesh; set fewer replicas"
            )
        return {name: f"127.0.{self._number}.{i}" for i, name in enumerate(names, start=1)}


def require_free(port: int) -> None:
    """Raise LanesError if nothing can listen on 127.0.0.1 at `port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise port_taken(port) from None
            raise LanesError(f"port {port}: {error.strerror}; choose another with --port") from None


def port_taken(port: int) -> LanesError:
    """Return the error for a port that another program has."""
    return LanesError(f"port {port}: another program listens there; choose another with --port")


def free_port(first: int = 0) -> int:
    """Return a free port of 127.0.0.1: `first`, or any other if that is taken."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", first))
        except (OSError, OverflowError):
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
