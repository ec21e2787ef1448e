"""`lanes demo`: the demonstration that README shows."""

import sys

import click

from lanes.cli.group import EXIT_LANES_BROKEN
from lanes.cli.options import (
    manifests_argument,
    port_option,
    print_left_out,
    read_mesh,
    requests_option,
    run_option,
)
from lanes.console import Console, progress


@click.command("demo")
@manifests_argument
@port_option
@requests_option
@run_option
def demo_command(
    paths: tuple[str, ...], port: int, requests: int | None, commands: tuple[str, ...]
) -> None:
    """Start the mesh, verify it, stop a pod, start it again, and end.

    The pod is the only one of a lane's version. While it is away, requests fall back. When it is
    ready again, they return to their lane.

    \b
    Examples:
      lanes demo
      lanes demo k8s/istio --port 8081
      helm template demo helm/traffic-lanes | lanes demo -
    """
    from lanes.demo import demonstrate

    mesh = read_mesh(paths, commands=commands)
    print_left_out(*mesh.not_supported, *mesh.not_run)
    if not demonstrate(mesh, port, requests, Console(), progress):
        sys.exit(EXIT_LANES_BROKEN)
