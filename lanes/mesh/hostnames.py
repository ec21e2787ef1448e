"""Host names: those of Services, and the domains of a gateway."""

import re
from collections.abc import Iterable, Iterator

from lanes.mesh.model import Host

_DNS = re.compile(r"([^.]+)(?:\.([^.]+)(?:\.svc(?:\..+)?)?)?")
_FULL = re.compile(r"([^.]+)\.([^.]+)\.svc\..+")


def host_of(name: str, namespace: str) -> Host | None:
    """Return the Service that a URL's host means for a pod in `namespace`; None: no Service."""
    match = _DNS.fullmatch(name)
    return Host(match[1], match[2] or namespace) if match else None


def host_in_manifest(name: str, namespace: str) -> Host | None:
    """Return the Service that `name` means in a manifest; None: it is not a Service's name.

    A name with a dot is a full name.

    https://istio.io/latest/docs/reference/config/networking/virtual-service/#Destination
    """
    if "." not in name:
        return Host(name, namespace)
    match = _FULL.fullmatch(name)
    return Host(match[1], match[2]) if match else None


def meant(name: str, namespace: str) -> Host:
    """Return the host that `name` means in a manifest; one that is no Service has no namespace."""
    return host_in_manifest(name, namespace) or Host(name.lower(), "")


def gateway_meant(name: str, namespace: str) -> tuple[str, str]:
    """Return the Gateway that a VirtualService in `namespace` names: its namespace and its name.

    Beside NAME, ./NAME and NAMESPACE/NAME, Istio takes NAME.NAMESPACE, and a host's full name.

    https://github.com/istio/istio/blob/master/pilot/pkg/model/config.go
    """
    of, slash, plain = name.partition("/")
    if slash:
        return (namespace if of == "." else of), plain
    plain, dot, rest = name.partition(".")
    return (rest.partition(".")[0] if dot else namespace), plain


def covers(pattern: str, domain: str) -> bool:
    """Tell whether `domain` falls under `pattern`: "*", a suffix such as "*.org", or a name."""
    return pattern == domain or (pattern.startswith("*") and domain.endswith(pattern[1:]))


def any_of(pattern: str) -> str:
    """Return a domain that falls under `pattern`."""
    return pattern.replace("*", "any")


class Served:
    """The hosts that a gateway's servers take, in lower case and without their namespaces."""

    def __init__(self, hosts: Iterable[str]) -> None:
        plain = dict.fromkeys(host.rpartition("/")[2].lower() for host in hosts)
        self._order = {host: number for number, host in enumerate(plain)}

    def __iter__(self) -> Iterator[str]:
        return iter(self._order)

    def common(self, wanted: Iterable[str]) -> list[str]:
        """Return the domains that they share with the hosts of a VirtualService or a route."""
        pairs: list[tuple[int, int, str]] = []
        for number, name in enumerate(one.lower() for one in wanted):
            wide = (self._order[one] for one in patterns(name) if one in self._order)
            pairs += [(place, number, name) for place in wide]
            if name.startswith("*"):
                inside = ((o, p) for o, p in self._order.items() if covers(name, o))
                pairs += [(place, number, one) for one, place in inside if not covers(one, name)]
        return list(dict.fromkeys(domain for _, _, domain in sorted(pairs)))


def patterns(name: str) -> Iterator[str]:
    """Yield every pattern that a domain falls under."""
    yield from (name, "*")
    yield from (f"*{name[start:]}" for start in range(len(name)))


def no_service(name: str, namespace: str, services: Iterable[Host], so: str) -> str:
    """Return the sentence that `name` is no Service, `so` what follows, and which may be meant."""
    host = meant(name, namespace)
    if host.namespace:
        alike = [one for one in services if one.namespace and one.name == host.name]
    else:  # as a URL may name it, and a manifest may not
        alike = [one for one in services if one == host_of(name, "")]
    if not alike:
        return f"{name} is not a Service in these manifests; {so}"
    means = f" means {host.name}.{host.namespace} here, which" if host.namespace else ""
    names = " or ".join(one.fqdn for one in alike)
    return f"{name}{means} is not a Service in these manifests, and {so}; did you mean {names}?"
