"""The gateway of a command, how to get there, and the plan for the requests."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from lanes.cli.options import RequestOptions, read_mesh, request_options, tell_left_out

if TYPE_CHECKING:
    from lanes.mesh.model import Mesh
    from lanes.planning.result import Plan
    from lanes.verification.gateway import Gateway


@dataclass(frozen=True)
class GatewayOptions:
    """The options of a command that sends requests to the gateway at `url`."""

    url: str
    paths: tuple[str, ...]
    host: str | None
    ca: str | None
    resolved: str | None
    asked: RequestOptions

    def resolve(self, *, strict: bool = False) -> "tuple[Gateway, Plan, Mesh]":
        """Return the gateway, the plan for the requests to it, and the mesh that is planned.

        Prints what is not supported on standard error. Raises LanesError where the options or the
        manifests lead to none, and where `strict` for what is not supported.
        """
        from lanes.planning.plan import plan, serves
        from lanes.verification.gateway import Gateway

        asked = self.asked
        gateway = Gateway(self.url, self.host, self.ca, self.resolved, asked.headers)
        mesh = read_mesh(self.paths, asked, strict=strict)
        tell_left_out(*mesh.not_supported)
        named = urlsplit(self.url)
        known = named.hostname if named.hostname and serves(mesh, named.hostname) else None
        domain = self.host or known
        path = asked.path or (named.path if named.path not in ("", "/") else None)
        planned = plan(mesh, path, domain, asked.headers, asked.calls)
        if planned.path != (named.path or "/"):
            gateway = replace(gateway, url=named._replace(path=planned.path).geturl())
        if domain is None:  # it is asked by its address
            gateway = replace(gateway, host=planned.host)
        return gateway, planned, mesh


def gateway_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a command that sends requests to a gateway: manifests, host, how to get
    there, and what to request. The command gets them as `options`.
    """

    @wraps(command)
    def aimed(
        *args: Any,
        url: str,
        paths: tuple[str, ...],
        host: str | None,
        ca: str | None,
        resolved: str | None,
        asked: RequestOptions,
        **rest: Any,
    ) -> None:
        command(*args, options=GatewayOptions(url, paths, host, ca, resolved, asked), **rest)

    packed = request_options(aimed)

    for option in (
        click.option(
            "--resolve",
            "resolved",
            metavar="HOST:PORT:ADDRESS",
            help="Connect to ADDRESS, an IP or a name, for the URL's HOST and PORT.",
        ),
        click.option(
            "--ca",
            metavar="FILE",
            help="Trust the authorities in FILE (PEM) instead of the system's.",
        ),
        click.option(
            "--host",
            metavar="HOST",
            help="The host of requests. Default: the URL's if the gateway serves it, or else the"
            " first that the gateway serves.",
        ),
        click.option(
            "--manifests",
            "paths",
            multiple=True,
            metavar="MANIFESTS",
            help="What the gateway runs by: directories, files, or - for standard input.",
        ),
        click.argument("url"),
    ):
        packed = option(packed)
    return packed
