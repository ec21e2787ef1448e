"""`lanes lint`: what is wrong with manifests."""

import sys

import click

from lanes.cli.group import EXIT_ERROR, EXIT_LINT_ERRORS
from lanes.cli.options import kept, manifests_argument, namespace_option, sample_unless_named
from lanes.console import Console, complain


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
@click.option("--ignore", "ignored", multiple=True, metavar="CODE", help="Leave this rule out.")
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
    with kept():
        from lanes.lint.check import lint
        from lanes.report.lint import lint_json, lint_sarif, show_lint

        found = lint(sample_unless_named(paths), ignored, namespace)
    if form == "text":
        show_lint(found, Console())
    else:
        Console().json((lint_json if form == "json" else lint_sarif)(found))
    for sentence in found.unread:
        complain(*sentence.split("\n"))
    if found.unread:
        sys.exit(EXIT_ERROR)
    if found.count("error"):
        sys.exit(EXIT_LINT_ERRORS)
