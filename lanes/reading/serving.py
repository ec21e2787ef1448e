"""Chooses the container of a pod that serves requests; a stand-in replaces it."""

from lanes.reading import kinds

_PROXY = "istio-proxy"


def serving(spec: kinds.PodSpec) -> tuple[int, kinds.Container]:
    """Return the number of the container that serves requests, and the container.

    It is the first with the variable upstream_url, else the first with ports, else the first. The
    last two ignore the proxy's container.
    """
    containers = list(enumerate(spec.containers))
    calling = [c for c in containers if any(v.name == "upstream_url" for v in c[1].env)]
    not_proxy = [c for c in containers if c[1].name != _PROXY]
    listening = [c for c in not_proxy if c[1].ports]
    return (calling or listening or not_proxy or containers)[0]


def names_ports(spec: kinds.PodSpec) -> bool:
    """Tell whether a container other than the proxy's names a port."""
    return any(c.ports for c in spec.containers if c.name != _PROXY)
