"""`lanes demo`: the story of the README."""

import sys

import click

from lanes.cli.group import EXIT_LANES_BROKEN
from lanes.cli.options import (
    manifests_argument,
    port_option,
    read_mesh,
    requests_option,
    run_option,
    tell_left_out,
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
    """Start the mesh, verify it, stop a pod, and end.

    The pod that stops is the only one of a lane's version. Requests go on while it is away, fall
    back, and return to their lane when the pod is back.

    \b
    Examples:
      lanes demo
      lanes demo k8s/istio --port 8081
      helm template demo helm/traffic-lanes | lanes demo -
    """
    from lanes.demo import tell

    mesh = read_mesh(paths, commands=commands)
    tell_left_out(*mesh.not_supported, *mesh.not_run)
    if not tell(mesh, port, requests, Console(), progress):
        sys.exit(EXIT_LANES_BROKEN)
