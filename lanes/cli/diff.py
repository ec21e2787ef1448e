"""`lanes diff`: what a change of manifests changes for requests."""

import sys
from dataclasses import replace

import click

from lanes.cli.group import EXIT_CHANGED
from lanes.cli.options import RequestOptions, host_option, read_mesh, request_options
from lanes.console import Console, complain
from lanes.errors import together


@click.command("diff")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@request_options
@host_option
@click.option(
    "--format",
    "form",
    default="text",
    show_default=True,
    type=click.Choice(["text", "json", "markdown"]),
    help="Output; markdown is for the comment of a pull request.",
)
@click.option("--exit-code", is_flag=True, help="Exit 1 if anything changes for any request.")
def diff_command(
    old: str, new: str, asked: RequestOptions, host: str | None, form: str, exit_code: bool
) -> None:
    """Show what a change of manifests changes for requests.

    Starts nothing. OLD and NEW are each a directory, a file, or - for standard input. For each
    lane that differs it shows the entry rules, and the services that answer otherwise; and then
    rules that no request meets any more. What pods contain, such as images, is not compared.

    \b
    Examples:
      lanes diff main/ branch/
      helm template demo helm/traffic-lanes | lanes diff k8s/asm -
      lanes diff old.yaml new.yaml --format markdown --exit-code
    """
    from lanes.comparing.difference import compare
    from lanes.planning.plan import plan
    from lanes.report.difference import difference_json, difference_lines, difference_markdown
    from lanes.report.names import with_distinct_names

    meshes = [read_mesh((path,), asked) for path in (old, new)]
    plans = [plan(mesh, asked.path, host, asked.headers, asked.calls) for mesh in meshes]
    shared = plans[0].shared_names | plans[1].shared_names
    before, after = (with_distinct_names(replace(one, shared_names=shared)) for one in plans)
    difference = compare((meshes[0], before), (meshes[1], after))
    console = Console()
    if form == "json":
        console.json(difference_json(difference))
    else:
        console.lines((difference_lines if form == "text" else difference_markdown)(difference))
    if unknown := dict.fromkeys(str(one) for mesh in meshes for one in mesh.not_supported):
        complain(*together(unknown))
    if exit_code and difference:
        sys.exit(EXIT_CHANGED)
