"""How many requests of the suite agree, by group: what the tests hold, and the page tells."""

from collections.abc import Mapping

# Of `lanes up`: agree, not supported, different.
UP: Mapping[str, tuple[int, int, int]] = {
    "gateway": (222, 37, 5),
    "GRPCRoute": (0, 36, 0),
    "ListenerSet": (53, 0, 0),
    "mesh": (70, 1, 2),
}
