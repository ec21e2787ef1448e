"""`lanes init`: values for the chart, from manifests without lanes."""

from pathlib import Path

import click

from lanes.cli.options import (
    calls_option,
    manifests_argument,
    manifests_or_sample,
    without_garbage_collection,
)
from lanes.console import Console
from lanes.errors import LanesError


@click.command("init")
@manifests_argument
@calls_option
@click.option(
    "--provider",
    type=click.Choice(["asm", "istio", "gateway-api"]),
    help="The mesh. Default: the mesh of the manifests, or else istio.",
)
@click.option(
    "--routing-only",
    is_flag=True,
    help="Leave Services and Deployments as they are; the chart makes the routes alone.",
)
@click.option(
    "--output", metavar="FILE", help="Write the values to FILE. Default: standard output."
)
@click.option(
    "--patches", metavar="FILE", help="Write to FILE the patches that add what the manifests lack."
)
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
def init_command(
    paths: tuple[str, ...],
    calls: dict[str, tuple[str, ...]],
    provider: str | None,
    routing_only: bool,
    output: str | None,
    patches: str | None,
    force: bool,
) -> None:
    """Write values for the chart from plain manifests.

    Reads Deployments and Services without lanes. Writes the values that give them lanes: the
    services with their ports, protocols, versions and calls, and the service that the gateway
    calls. Comments mark what the manifests do not show. docs/adopting.md walks through it.

    \b
    Examples:
      lanes init manifests/ --output values.yaml
      lanes init manifests/ --routing-only --patches patches.yaml
      kubectl get deployments,services --output yaml | lanes init -
    """
    with without_garbage_collection():
        from lanes.adopting.gaps import gaps
        from lanes.adopting.inventory import take_inventory
        from lanes.adopting.starter import patches_file, provider_of, values_file
        from lanes.adopting.values import chart_values

        inventory = take_inventory(manifests_or_sample(paths), calls, routing_only=routing_only)
        mesh_provider = provider_of(inventory, provider)
        lacking = gaps(inventory, mesh_provider, routing_only=routing_only)
        values = chart_values(inventory, mesh_provider, routing_only=routing_only)
    text = values_file(
        inventory, values, lacking, given=provider is not None, routing_only=routing_only
    )
    console = Console()
    if patches:
        _write("--patches", patches, patches_file(lacking), force=force)
    if output:
        _write("--output", output, text, force=force)
        console.line(f"{output}: {len(inventory.services)} services, {len(lacking)} patches")
    else:
        console.lines(text.removesuffix("\n").split("\n"))


def _write(option: str, name: str, text: str, *, force: bool) -> None:
    """Write a file. Raises LanesError if it exists with other contents, unless `force`."""
    from lanes.report.files import writable

    path = Path(name)
    if path.is_file() and not force:
        if path.read_text(encoding="utf-8", errors="replace") == text:
            return
        raise LanesError(
            f"{option} {name}: exists with other contents. Set --force to overwrite it."
        )
    with writable(option, name) as write:
        write(text)
