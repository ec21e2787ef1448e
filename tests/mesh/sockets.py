"""The sockets of processes, from Linux's /proc."""

import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

_LISTEN = "0A"
_ACCEPTS = 0x10000  # of sockets without an address


@dataclass(frozen=True, order=True)
class Socket:
    """An IP socket; `peer` is "" unless it is connected."""

    kind: str  # tcp or udp, tcp6 or udp6
    address: str
    port: int
    listens: bool
    peer: str = ""

    @property
    def local(self) -> bool:
        """Tell whether both ends are on loopback."""
        ends = [self.address, *([self.peer] if self.peer else [])]
        return all(ip_address(end).is_loopback for end in ends)


def sockets_of(pids: Iterable[int]) -> set[Socket]:
    """Return the bound IP sockets of these processes."""
    inodes = _inodes(pids)
    return {s for kind in ("tcp", "tcp6", "udp", "udp6") for s in _read(kind, inodes)}


def paths_of(pids: Iterable[int]) -> set[str]:
    """Return the names of the Unix sockets on which these processes listen."""
    inodes = _inodes(pids)
    lines = Path("/proc/net/unix").read_text().splitlines()[1:]
    rows = [row for row in (line.split(maxsplit=7) for line in lines) if row[6] in inodes]
    return {row[-1] for row in rows if int(row[3], 16) & _ACCEPTS}


def _inodes(pids: Iterable[int]) -> set[str]:
    inodes: set[str] = set()
    for pid in pids:
        with suppress(OSError):  # the process has ended
            for file in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    name = str(file.readlink())
                    if name.startswith("socket:["):
                        inodes.add(name[8:-1])
    return inodes


def _read(kind: str, inodes: set[str]) -> Iterator[Socket]:
    for line in Path(f"/proc/net/{kind}").read_text().splitlines()[1:]:
        row = line.split()
        if row[9] in inodes:
            (address, port), (peer, peers_port) = map(_end, row[1:3])
            yield Socket(kind, address, port, row[3] == _LISTEN, peer if peers_port else "")


def _end(text: str) -> tuple[str, int]:
    """Parse an address in hexadecimal words of the machine's byte order, and its port."""
    words, port = text.split(":")
    raw = b"".join(struct.pack("=I", int(words[i : i + 8], 16)) for i in range(0, len(words), 8))
    family = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, raw), int(port, 16)
