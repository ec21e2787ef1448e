"""`lanes plan`: which version answers each lane where."""

import click

from lanes.cli.options import (
    Asked,
    asked_options,
    format_option,
    manifests_argument,
    read_mesh,
)
from lanes.console import Console


@click.command("plan")
@manifests_argument
@asked_options
@click.option(
    "--host", help="the host that requests name; default: any, else the first that is served"
)
@format_option
def plan_command(paths: tuple[str, ...], asked: Asked, host: str | None, form: str) -> None:
    """Which version answers each lane at each service, and why.

    Starts nothing. Why is match (the lane's own version), fallback (it has none here), split, or
    what leads it astray: caught by another lane's rule, shadowed by a rule for everybody, lost on
    the way, its own version unselected or unrouted; or none, with the status that answers.
    """
    from lanes.planning.plan import plan
    from lanes.report.plan import plan_json, show_headline, show_plan

    mesh = read_mesh(paths, namespace=asked.namespace)
    planned = plan(mesh, asked.path, host, asked.headers, asked.calls)
    console = Console()
    if form == "json":
        console.json(plan_json(mesh, planned))
        return
    show_headline(mesh, planned, console)
    console.line()
    show_plan(planned, console)
