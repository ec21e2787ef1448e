"""`lanes lint`: find what is wrong with manifests."""

import sys

import click

from lanes.cli.group import EXIT_ERROR, EXIT_LINT_ERRORS
from lanes.cli.options import (
    manifests_argument,
    manifests_or_sample,
    namespace_option,
    without_garbage_collection,
)
from lanes.console import Console, print_error


@click.command("lint")
@manifests_argument
@click.option(
    "--format",
    "form",
    default="text",
    show_default=True,
    type=click.Choice(["text", "json", "sarif"]),
    help="How to print findings. sarif is for code review.",
)
@click.option(
    "--ignore", "ignored", multiple=True, metavar="CODE", help="Ignore the rule with this code."
)
@namespace_option
def lint_command(
    paths: tuple[str, ...], form: str, ignored: tuple[str, ...], namespace: str | None
) -> None:
    """Find what is wrong with MANIFESTS, and how to fix it.

    Starts nothing, and reads manifests that the plan does not support. docs/lint.md lists the
    rules.

    \b
    Examples:
      lanes lint manifests/
      helm template demo helm/traffic-lanes | lanes lint -
      lanes lint --ignore TL003 --format sarif manifests/ > lint.sarif

    \b
    Exit codes:
      0    no errors; there may be warnings
      1    errors
      2    something could not be read
    """
    with without_garbage_collection():
        from lanes.lint.check import lint
        from lanes.report.lint import lint_json, lint_sarif, show_lint

        result = lint(manifests_or_sample(paths), ignored, namespace)
    if form == "text":
        show_lint(result, Console())
    else:
        Console().json((lint_json if form == "json" else lint_sarif)(result))
    for sentence in result.unread:
        print_error(*sentence.split("\n"))
    if result.unread:
        sys.exit(EXIT_ERROR)
    if result.count("error"):
        sys.exit(EXIT_LINT_ERRORS)
