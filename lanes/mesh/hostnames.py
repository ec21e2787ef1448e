"""Host names: those of Services, and the domains of a gateway."""

import re

from lanes.model import Host

_DNS = re.compile(r"([^.]+)(?:\.([^.]+)(?:\.svc(?:\..+)?)?)?")
_FULL = re.compile(r"([^.]+)\.([^.]+)\.svc\..+")


def host_of(name: str, namespace: str) -> Host | None:
    """The Service that `name` leads to in a URL, by the search path of a pod in `namespace`."""
    match = _DNS.fullmatch(name)
    return Host(match[1], match[2] or namespace) if match else None


def host_in_manifest(name: str, namespace: str) -> Host | None:
    """The Service that a manifest in `namespace` means: a name with a dot is a full one.

    https://istio.io/latest/docs/reference/config/networking/virtual-service/#Destination
    """
    if "." not in name:
        return Host(name, namespace)
    match = _FULL.fullmatch(name)
    return Host(match[1], match[2]) if match else None


def covers(pattern: str, domain: str) -> bool:
    """Whether `domain` is, or falls under, `pattern`: "*", a suffix such as "*.org", a name."""
    return pattern in ("*", domain) or (pattern.startswith("*") and domain.endswith(pattern[1:]))


def any_of(pattern: str) -> str:
    """A domain that falls under `pattern`."""
    return pattern.replace("*", "any")


def common(served: list[str], wanted: list[str]) -> list[str]:
    """The domains that a gateway's servers and a VirtualService share, in lower case."""
    plain = [host.rpartition("/")[2].lower() for host in served]  # may be namespace/host
    pairs = ((s, w.lower()) for s in plain for w in wanted)
    narrow = (w if covers(s, w) else s if covers(w, s) else None for s, w in pairs)
    return list(dict.fromkeys(domain for domain in narrow if domain))
