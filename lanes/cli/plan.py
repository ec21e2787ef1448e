"""`lanes plan`: which version answers each lane where."""

import click

from lanes.cli.options import (
    RequestOptions,
    chosen_ports,
    format_option,
    host_option,
    kept,
    manifests_argument,
    read_mesh,
    request_options,
)
from lanes.console import Console


@click.command("plan")
@manifests_argument
@request_options
@host_option
@click.option(
    "--port",
    "ports",
    metavar="SERVICE=PORT",
    multiple=True,
    callback=chosen_ports,
    help="The port of a Service with several, where a call names none, such as cart=9000."
    " Default: its first.",
)
@click.option("--strict", is_flag=True, help="exit 2 if anything is not supported")
@format_option
@kept()
def plan_command(
    paths: tuple[str, ...],
    asked: RequestOptions,
    host: str | None,
    ports: dict[str, int],
    strict: bool,
    form: str,
) -> None:
    """Show which version answers each lane at each service.

    Starts nothing. A cell is the version that answers: the lane's own, a fallback (*), a split, or
    none (-) with the status. Where a lane is misrouted (!), a line says why. What is not supported
    is left out with an error, and marked (?) where it decides. docs/plan.md explains the marks.

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

    mesh = read_mesh(paths, asked, ports=ports, strict=strict)
    console = Console()
    try:
        planned = plan(mesh, asked.path, host, asked.headers, asked.calls)
    except PlanError as error:
        if error.problem == Problem.NO_GATEWAY and form != "json":
            show_calls(known_calls(call_graph(mesh, asked.calls)), console)
        raise
    if form == "json":
        console.json(plan_json(mesh, planned))
        return
    show_headline(mesh, planned, console)
    show_errors(mesh, console)
    console.line()
    show_plan(planned, console)
