"""`lanes plan`: which version answers each lane where."""

import click

from lanes.cli.options import (
    RequestOptions,
    format_option,
    manifests_argument,
    read_mesh,
    request_options,
)
from lanes.console import Console


@click.command("plan")
@manifests_argument
@request_options
@click.option(
    "--host", help="the host that requests name; default: any, else the first that is served"
)
@format_option
def plan_command(
    paths: tuple[str, ...], asked: RequestOptions, host: str | None, form: str
) -> None:
    """Which version answers each lane at each service, and why.

    Starts nothing. The reason is match (the lane's own version), fallback (it has none here),
    split, or none, with the status that answers. Or the lane is misrouted: caught by another lane's
    rule, shadowed by a rule for every request, lost without its header, its own version unselected
    or unrouted.
    """
    from lanes.planning.plan import plan
    from lanes.report.plan import show_headline, show_plan
    from lanes.report.plan_json import plan_json

    mesh = read_mesh(paths, namespace=asked.namespace)
    planned = plan(mesh, asked.path, host, asked.headers, asked.calls)
    console = Console()
    if form == "json":
        console.json(plan_json(mesh, planned))
        return
    show_headline(mesh, planned, console)
    console.line()
    show_plan(planned, console)
