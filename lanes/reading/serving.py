"""Which of a pod's containers serves: in its place a stand-in or a command runs."""

from lanes.reading import kinds

_PROXY = "istio-proxy"


def serving(spec: kinds.PodSpec) -> tuple[int, kinds.Container]:
    """Return the container that answers, and its number.

    It is the one that knows whom to call, else the first that has ports; where none has, the first
    that is no proxy.
    """
    numbered = list(enumerate(spec.containers))
    calling = [one for one in numbered if any(v.name == "upstream_url" for v in one[1].env)]
    own = [one for one in numbered if one[1].name != _PROXY]
    listening = [one for one in own if one[1].ports]
    return (calling or listening or own or numbered)[0]


def names_ports(spec: kinds.PodSpec) -> bool:
    """Tell whether a container that is no proxy names a port."""
    return any(one.ports for one in spec.containers if one.name != _PROXY)
