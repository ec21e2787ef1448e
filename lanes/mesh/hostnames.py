"""Host names: those of Services, and the domains of a gateway."""

import re
from collections.abc import Iterable, Iterator

from lanes.mesh.model import Host

_DNS = re.compile(r"([^.]+)(?:\.([^.]+)(?:\.svc(?:\..+)?)?)?")
_FULL = re.compile(r"([^.]+)\.([^.]+)\.svc\..+")


def host_of(name: str, namespace: str) -> Host | None:
    """Return the Service that a URL's host names for a pod in `namespace`; None: no Service."""
    match = _DNS.fullmatch(name)
    return Host(match[1], match[2] or namespace) if match else None


def host_in_manifest(name: str, namespace: str) -> Host | None:
    """Return the Service that `name` names in a manifest; None: it is not a Service's name.

    Istio reads a name with a dot as a full name.

    https://istio.io/latest/docs/reference/config/networking/virtual-service/#Destination
    """
    if "." not in name:
        return Host(name, namespace)
    match = _FULL.fullmatch(name)
    return Host(match[1], match[2]) if match else None


def meant(name: str, namespace: str) -> Host:
    """Return the host that `name` names in a manifest; namespace "" if it is not a Service."""
    return host_in_manifest(name, namespace) or Host(name.lower(), "")


def gateway_meant(name: str, namespace: str) -> tuple[str, str]:
    """Return the Gateway that a VirtualService in `namespace` names: its namespace and its name.

    Beside NAME, ./NAME and NAMESPACE/NAME, Istio takes NAME.NAMESPACE, and a host's full name.

    https://github.com/istio/istio/blob/master/pilot/pkg/model/config.go
    """
    prefix, slash, plain = name.partition("/")
    if slash:
        return (namespace if prefix == "." else prefix), plain
    plain, dot, rest = name.partition(".")
    return (rest.partition(".")[0] if dot else namespace), plain


def covers(pattern: str, domain: str) -> bool:
    """Tell whether `pattern` covers `domain`: "*", a suffix such as "*.org", or a name."""
    return pattern == domain or (pattern.startswith("*") and domain.endswith(pattern[1:]))


def any_of(pattern: str) -> str:
    """Return a domain that `pattern` covers."""
    return pattern.replace("*", "any")


class Served:
    """The hosts of a gateway's servers, in lower case and without namespaces."""

    def __init__(self, hosts: Iterable[str]) -> None:
        plain = dict.fromkeys(host.rpartition("/")[2].lower() for host in hosts)
        self._order = {host: number for number, host in enumerate(plain)}

    def __iter__(self) -> Iterator[str]:
        return iter(self._order)

    def common(self, wanted: Iterable[str]) -> list[str]:
        """Return the domains in common with the hosts of a VirtualService or a route, in order."""
        common: list[tuple[int, int, str]] = []  # by the served host, then by the wanted one
        for number, name in enumerate(host.lower() for host in wanted):
            covering = (pattern for pattern in patterns(name) if pattern in self._order)
            common += [(self._order[pattern], number, name) for pattern in covering]
            if name.startswith("*"):
                common += [
                    (order, number, host)
                    for host, order in self._order.items()
                    if covers(name, host) and not covers(host, name)
                ]
        return list(dict.fromkeys(domain for _, _, domain in sorted(common)))


def patterns(name: str) -> Iterator[str]:
    """Yield every pattern that covers a domain."""
    yield from (name, "*")
    yield from (f"*{name[start:]}" for start in range(len(name)))


def no_service(name: str, namespace: str, services: Iterable[Host], effect: str) -> str:
    """Return a sentence: `name` is not a Service, the effect, and Services that may be meant."""
    host = meant(name, namespace)
    if host.namespace:
        similar = [one for one in services if one.namespace and one.name == host.name]
    else:  # URLs accept this form of the name, and manifests do not
        similar = [one for one in services if one == host_of(name, "")]
    if not similar:
        return f"{name} is not a Service in these manifests; {effect}"
    means = f" means {host.name}.{host.namespace} here, which" if host.namespace else ""
    names = " or ".join(one.fqdn for one in similar)
    return f"{name}{means} is not a Service in these manifests, and {effect}; did you mean {names}?"
