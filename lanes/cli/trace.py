"""`lanes trace`: show the hops of one request."""

import sys
from dataclasses import replace

import click

from lanes.cli.evidence import EvidenceOptions, evidence_options
from lanes.cli.gateway import GatewayOptions, gateway_options
from lanes.cli.group import EXIT_LANES_BROKEN
from lanes.cli.options import format_option
from lanes.console import Console


@click.command("trace")
@gateway_options
@evidence_options
@click.option(
    "--lane",
    metavar="LANE",
    help="Send requests until one enters this lane, by its first entry rule or else by weight.",
)
@format_option
def trace_command(
    options: GatewayOptions,
    evidence: EvidenceOptions,
    lane: str | None,
    form: str,
) -> None:
    """Send one request, and show its hops as a tree.

    Each hop has its version, address, lane and time, and why the request went there.

    \b
    Examples:
      lanes trace http://127.0.0.1:8080
      lanes trace http://127.0.0.1:8080 --lane v2

    \b
    Exit codes:
      0    the request went as planned
      1    it did not
      2    any other error; standard error explains it
    """
    from lanes.report.trace import show_trace, trace_json
    from lanes.verification.tracing import trace

    gateway, planned, mesh = options.resolve()
    with evidence.open(gateway, mesh, planned) as sources:
        client = replace(gateway, traced=sources is not None).client()
        client.require_reachable()
        traced = trace(client, planned, lane, sources)
    if form == "json":
        Console().json(trace_json(traced))
    else:
        show_trace(traced, Console())
    if not traced.ok:
        sys.exit(EXIT_LANES_BROKEN)
