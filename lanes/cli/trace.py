"""`lanes trace`: one request, hop by hop."""

import sys

import click

from lanes.cli.gateway import GatewayOptions, gateway_options
from lanes.cli.group import EXIT_LANES_BROKEN
from lanes.cli.options import format_option
from lanes.console import Console


@click.command("trace")
@gateway_options
@click.option(
    "--lane", help="send requests until one enters this lane: by its first entry rule, or by weight"
)
@format_option
def trace_command(
    options: GatewayOptions,
    lane: str | None,
    form: str,
) -> None:
    """One request: its hops as a tree, their time, and why it went there.

    Exits with 1 where it did not go as planned.
    """
    from lanes.report.trace import show_trace, trace_json
    from lanes.verification.tracing import trace

    gateway, planned = options.resolve()
    client = gateway.client()
    client.require_reachable()
    traced = trace(client, planned, lane)
    if form == "json":
        Console().json(trace_json(traced))
    else:
        show_trace(traced, Console())
    if traced.problem:
        sys.exit(EXIT_LANES_BROKEN)
