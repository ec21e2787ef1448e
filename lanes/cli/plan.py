"""`lanes plan`: show which version answers each lane at each service."""

import click

from lanes.cli.options import (
    RequestOptions,
    format_option,
    host_option,
    manifests_argument,
    read_as,
    read_mesh,
    request_options,
    without_garbage_collection,
)
from lanes.console import Console
from lanes.errors import LanesError


def _ports(texts: tuple[str, ...]) -> dict[str, int]:
    """Return the ports by the names of their Services."""
    ports = {}
    for text in texts:
        service, equals, number = text.partition("=")
        if not service or not equals or not number.isdecimal() or len(number) > 5:
            raise LanesError(f"--port {text}: should be SERVICE=PORT, such as cart=9000")
        ports[service.strip()] = int(number)
    return ports


@click.command("plan")
@manifests_argument
@request_options
@host_option
@click.option(
    "--port",
    "ports",
    metavar="SERVICE=PORT",
    multiple=True,
    callback=read_as(_ports),
    help="The port for calls of a Service that name no port, such as cart=9000. Default: the"
    " Service's first port.",
)
@click.option("--strict", is_flag=True, help="Exit 2 if anything is not supported.")
@format_option
@without_garbage_collection()
def plan_command(
    paths: tuple[str, ...],
    request: RequestOptions,
    host: str | None,
    ports: dict[str, int],
    strict: bool,
    form: str,
) -> None:
    """Show which version answers each lane at each service.

    Starts nothing. A cell is the version that answers: the lane's own, a fallback (*), a split, or
    none (-) with the status. If a lane is misrouted (!), a line says why. What is not supported is
    left out with an error; a version that depends on it is marked (?). docs/plan.md explains the
    marks.

    \b
    Examples:
      lanes plan manifests/
      helm template demo helm/traffic-lanes | lanes plan -
      lanes plan manifests/ --host shop.example --path /cart
      lanes plan manifests/ --calls shop=cart,users --format json
    """
    from lanes.planning.call_graph import call_graph, known_calls
    from lanes.planning.messages import PlanError, Problem
    from lanes.planning.plan import plan
    from lanes.report.plan import show_calls, show_errors, show_headline, show_plan
    from lanes.report.plan_json import plan_json

    mesh = read_mesh(paths, request, ports=ports, strict=strict)
    console = Console()
    try:
        planned = plan(mesh, request.path, host, request.headers, request.calls)
    except PlanError as error:
        if error.problem == Problem.NO_GATEWAY and form != "json":
            show_calls(known_calls(call_graph(mesh, request.calls)), console)
        raise
    if form == "json":
        console.json(plan_json(mesh, planned))
        return
    show_headline(mesh, planned, console)
    show_errors(mesh, console)
    console.line()
    show_plan(planned, console)
