"""Host names: those of Services, and the domains of a gateway."""

import re
from collections.abc import Iterable

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
    return pattern in ("*", domain) or (pattern.startswith("*") and domain.endswith(pattern[1:]))


def any_of(pattern: str) -> str:
    """Return a domain that falls under `pattern`."""
    return pattern.replace("*", "any")


def common(served: list[str], wanted: list[str]) -> list[str]:
    """Return the domains that a gateway's servers and a VirtualService share, in lower case."""
    plain = [host.rpartition("/")[2].lower() for host in served]  # may be namespace/host
    pairs = ((s, w.lower()) for s in plain for w in wanted)
    narrow = (w if covers(s, w) else s if covers(w, s) else None for s, w in pairs)
    return list(dict.fromkeys(domain for domain in narrow if domain))


def no_service(name: str, namespace: str, services: Iterable[Host], so: str) -> str:
    """Return the sentence that `name` is no Service, `so` what follows, and which may be meant."""
    host = meant(name, namespace)
    if host.namespace:
        alike = [one for one in services if one.namespace and one.name == host.name]
    else:  # as a URL may name it, and a manifest may not
        alike = [one for one in services if one == host_of(name, "")]
    if not alike:
        return f"{name} is no Service in these manifests; {so}"
    means = f" means {host.name}.{host.namespace} here, which" if host.namespace else ""
    names = " or ".join(one.fqdn for one in alike)
    return f"{name}{means} is no Service in these manifests, and {so}; did you mean {names}?"
