"""Services that are not there: what is said of their names."""

from collections.abc import Iterable

from lanes.mesh.hostnames import host_in_manifest, host_of
from lanes.model import Host


def meant(name: str, namespace: str) -> Host:
    """The host that `name` means for what stands in `namespace`."""
    return host_in_manifest(name, namespace) or Host(name.lower(), "")


def no_service(name: str, namespace: str, services: Iterable[Host], so: str) -> str:
    """A sentence: `name` is none of the `services`, `so` what follows; and which may be meant."""
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
