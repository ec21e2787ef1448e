"""`lanes verify`: check that a gateway's lanes hold."""

import signal
import sys
from contextlib import ExitStack

import click

from lanes.cli.evidence import EvidenceOptions, evidence_options
from lanes.cli.gateway import GatewayOptions, gateway_options
from lanes.cli.group import EXIT_LANES_BROKEN
from lanes.cli.interrupt import noted_interrupt
from lanes.cli.options import (
    MOST_REQUESTS,
    Number,
    format_option,
    manifests_or_sample,
    requests_option,
)
from lanes.console import Console, print_error, progress
from lanes.errors import LanesError
from lanes.verification import split

_A_WEEK = 7 * 24 * 3600


@click.command("verify")
@gateway_options
@evidence_options
@requests_option
@click.option(
    "--duration",
    type=Number(0.1, _A_WEEK),
    metavar="SECONDS",
    help="Send requests for this long, instead of a number of requests.",
)
@click.option(
    "--rate",
    type=Number(0.001, 100_000),
    metavar="PER_SECOND",
    help="Start this many requests a second, however slow the answers are. A request's time"
    " counts from when it was due.",
)
@click.option(
    "--concurrency",
    default=8,
    show_default=True,
    type=click.IntRange(1, 256),
    metavar="N",
    help="How many requests are in flight at a time, without --rate.",
)
@click.option(
    "--lane",
    metavar="LANE",
    help="Verify this lane alone, by its entry rules. No request enters by weight.",
)
@click.option(
    "--lane-requests",
    default=split.LANE_REQUESTS,
    show_default=True,
    type=click.IntRange(1, MOST_REQUESTS),
    metavar="N",
    help="How many requests enter each lane by its first entry rule. Each further rule gets at most"
    " as many.",
)
@click.option(
    "--baseline",
    metavar="LANE",
    help="The lane to compare with. Default: the lane that others fall back to.",
)
@click.option("--no-worse", is_flag=True, help="Exit 1 if a lane is worse than the baseline.")
@click.option(
    "--strict",
    is_flag=True,
    help="Exit 1 if a planned hop was not seen, 2 if anything is not supported.",
)
@click.option("--require-entry", is_flag=True, help="Exit 1 if a lane's first hop was not seen.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first answer that is not as planned.")
@click.option("--report", "page", metavar="FILE", help="Write the result as a page of HTML.")
@click.option("--junit", "xml", metavar="FILE", help="Write the result as JUnit XML, for CI.")
@format_option
def verify_command(
    options: GatewayOptions,
    evidence: EvidenceOptions,
    requests: int | None,
    duration: float | None,
    rate: float | None,
    concurrency: int,
    lane: str | None,
    lane_requests: int,
    baseline: str | None,
    no_worse: bool,
    strict: bool,
    require_entry: bool,
    fail_fast: bool,
    page: str | None,
    xml: str | None,
    form: str,
) -> None:
    """Check each lane's path and share at the gateway at URL.

    Sends requests, verifies every answer, and compares the lanes.

    Each path is compared with the plan. Each lane's share is compared with its weight, by an exact
    binomial test with a false alarm rate of 1 run in 1,000. Requests also enter each lane by each
    of its entry rules; they count for no share. The run fails if a lane has a weight and no
    request entered it by weight. A lane that no request entered is named as not verified.

    Each lane's failures and latency are compared with the baseline's: worse, better, or no
    difference found. docs/verify.md explains the tests.

    \b
    Examples:
      lanes verify http://127.0.0.1:8080
      lanes verify https://shop.example --manifests manifests/ --requests 2000
      lanes verify https://shop.example --manifests manifests/ --lane pr-123
      lanes verify http://127.0.0.1:8080 --no-worse --junit junit.xml

    \b
    Exit codes:
      0    the lanes hold
      1    they do not, or no request entered a lane that has a weight
      2    any other error; standard error explains it
      130  Ctrl-C; the result is of the requests until then
    """
    from lanes.report.files import writable
    from lanes.report.html import html
    from lanes.report.junit import junit
    from lanes.report.result import result_json, show_result
    from lanes.verification.load_profile import LoadProfile
    from lanes.verification.run import VerificationRun
    from lanes.verification.targets import entry_targets

    gateway, planned, mesh = options.resolve(strict=strict)
    if requests and duration:
        raise LanesError("--requests and --duration exclude each other. Leave one out.")
    if lane is not None and requests:
        raise LanesError(
            "--requests and --lane exclude each other. Set --lane-requests for requests into"
            " a lane."
        )
    if requests and not any(map(planned.share, planned.lanes)):
        raise LanesError(
            "--requests: no lane has a weight. Set --lane-requests for requests into a lane."
        )
    only = planned.lane_to_enter(lane) if lane is not None else None
    weighted = requests or split.default_requests(map(planned.share, planned.lanes))
    load = LoadProfile(
        requests=(lane_requests if no_worse else 0) if only else weighted,
        entering=entry_targets(planned, (only,) if only else planned.enterable, lane_requests),
        concurrency=concurrency,
        rate=rate,
        duration=duration,
    )
    run = VerificationRun(
        planned,
        manifests_or_sample(options.paths),
        load,
        only is not None,
        baseline,
        no_worse,
        fail_fast,
        strict,
        require_entry,
    )
    with ExitStack() as outputs:
        sources = outputs.enter_context(evidence.open(gateway, mesh, planned))
        files = [
            (outputs.enter_context(writable(option, name)), text)
            for option, name, text in (("--report", page, html), ("--junit", xml, junit))
            if name is not None
        ]
        interrupt = outputs.enter_context(noted_interrupt())
        result = run.run(
            gateway, lambda items, total: interrupt.until(progress(items, total)), sources
        )
        for write, text in files:
            write(text(result))
    if form == "json":
        Console().json(result_json(result, mesh.not_supported))
    else:
        show_result(result, Console())
    if interrupt.noted:
        print_error("interrupted. The result is of the requests until then.")
        sys.exit(128 + signal.SIGINT)
    if not result.ok:
        sys.exit(EXIT_LANES_BROKEN)
