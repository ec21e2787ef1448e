"""The number of requests of the suite that agree, by group, for the tests and the page."""

from collections.abc import Mapping

# Of `lanes up`: agree, not supported, different.
UP: Mapping[str, tuple[int, int, int]] = {
    "gateway": (255, 2, 7),
    "GRPCRoute": (36, 0, 0),
    "ListenerSet": (53, 0, 0),
    "mesh": (71, 0, 2),
}
