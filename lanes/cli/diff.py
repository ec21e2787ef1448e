"""`lanes diff`: how a change of manifests changes lanes."""

import sys
from dataclasses import replace

import click

from lanes.cli.group import EXIT_CHANGED
from lanes.cli.options import (
    RequestOptions,
    host_option,
    print_left_out,
    read_mesh,
    request_options,
)
from lanes.console import Console


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
    old: str, new: str, request: RequestOptions, host: str | None, form: str, exit_code: bool
) -> None:
    """Show what a change of manifests changes for requests.

    Starts nothing. OLD and NEW are each a directory, a file, or - for standard input. For each
    lane that differs it shows its entry rules, and the services where another version answers.
    Then it shows rules that no request meets any more. The contents of pods, such as images, are
    not compared.

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

    meshes = [read_mesh((path,), request) for path in (old, new)]
    plans = [plan(mesh, request.path, host, request.headers, request.calls) for mesh in meshes]
    shared = plans[0].shared_names | plans[1].shared_names
    before, after = (with_distinct_names(replace(each, shared_names=shared)) for each in plans)
    difference = compare((meshes[0], before), (meshes[1], after))
    console = Console()
    if form == "json":
        console.json(difference_json(difference))
    else:
        console.lines((difference_lines if form == "text" else difference_markdown)(difference))
    print_left_out(
        *dict.fromkeys(str(finding) for mesh in meshes for finding in mesh.not_supported)
    )
    if exit_code and difference:
        sys.exit(EXIT_CHANGED)
