"""A mesh without some of its pods."""

from collections.abc import Collection
from dataclasses import replace

from lanes.mesh.model import Destination, Mesh, Pod, Route


def without_pods(mesh: Mesh, gone: Collection[Pod]) -> Mesh:
    """Return the mesh without the pods `gone`."""
    keys = {pod.key for pod in gone}

    def destination(old: Destination) -> Destination:
        tiers = (tuple(e for e in tier if e.pod.key not in keys) for tier in old.tiers)
        return replace(old, tiers=tuple(tiers))

    def routes(old: tuple[Route, ...]) -> tuple[Route, ...]:
        return tuple(
            replace(
                route,
                destinations=tuple(
                    replace(w, destination=destination(w.destination)) for w in route.destinations
                ),
            )
            for route in old
        )

    return replace(
        mesh,
        pods=tuple(p for p in mesh.pods if p.key not in keys),
        gateway=tuple(replace(host, routes=routes(host.routes)) for host in mesh.gateway),
        ports=tuple(
            replace(
                port,
                routes=routes(port.routes),
                plain=routes(port.plain),
                variants=tuple(replace(one, routes=routes(one.routes)) for one in port.variants),
                pods=tuple(p for p in port.pods if p.key not in keys),
            )
            for port in mesh.ports
        ),
    )
