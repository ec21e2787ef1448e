"""The options of commands that send requests to a gateway."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from lanes.cli.options import (
    RequestOptions,
    packed,
    print_left_out,
    read_mesh,
    request_options,
)

if TYPE_CHECKING:
    from lanes.mesh.model import Mesh
    from lanes.planning.result import Plan
    from lanes.verification.gateway import Gateway


@dataclass(frozen=True)
class GatewayOptions:
    """Where the gateway is, which manifests it runs by, and what requests ask for.

    `paths` are the manifests, () for the sample.
    """

    url: str
    paths: tuple[str, ...]
    host: str | None
    ca: str | None
    resolved: str | None
    request: RequestOptions

    def resolve(self, *, strict: bool = False) -> "tuple[Gateway, Plan, Mesh]":
        """Return the gateway, the plan for requests to it, and the planned mesh.

        Prints what is not supported on standard error; if `strict`, raises LanesError instead.
        Raises LanesError if an option is wrong or the manifests make no plan.
        """
        from lanes.planning.plan import plan, serves
        from lanes.verification.gateway import Gateway

        request = self.request
        gateway = Gateway(self.url, self.host, self.ca, self.resolved, request.headers)
        mesh = read_mesh(self.paths, request, strict=strict)
        print_left_out(*mesh.not_supported)
        url = urlsplit(self.url)
        served = url.hostname if url.hostname and serves(mesh, url.hostname) else None
        host = self.host or served
        path = request.path or (url.path if url.path not in ("", "/") else None)
        planned = plan(mesh, path, host, request.headers, request.calls)
        if planned.path != (url.path or "/"):
            gateway = replace(gateway, url=url._replace(path=planned.path).geturl())
        if host is None:  # the URL has only the gateway's address
            gateway = replace(gateway, host=planned.host)
        return gateway, planned, mesh


gateway_options = packed(
    "options",
    GatewayOptions,
    click.argument("url"),
    click.option(
        "--manifests",
        "paths",
        multiple=True,
        metavar="MANIFESTS",
        help="The gateway's manifests: directories, files, or - for standard input.",
    ),
    click.option(
        "--host",
        metavar="HOST",
        help="The host of requests. Default: the URL's if the gateway serves it, or else the"
        " first that the gateway serves.",
    ),
    click.option(
        "--ca",
        metavar="FILE",
        help="Trust the authorities in FILE (PEM) instead of the system's.",
    ),
    click.option(
        "--resolve",
        "resolved",
        metavar="HOST:PORT:ADDRESS",
        help="Connect to ADDRESS, an IP or a name, for the URL's HOST and PORT.",
    ),
    request_options,
)
