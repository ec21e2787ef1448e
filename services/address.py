"""The address this machine or pod is known by."""

import socket

# Reserved for documentation (RFC 5737, RFC 3849): routed like any other, never anyone's.
_SOMEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


def interface_address() -> str:
    """The address of the interface that leads outward; loopback when none does.

    Connecting a datagram socket only chooses a route and a source address: nothing is sent.
    """
    for family, outside in _SOMEWHERE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((outside, 9))
                return str(probe.getsockname()[0])
        except OSError:
            continue
    return "127.0.0.1"
