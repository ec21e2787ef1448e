"""`lanes lint`: what is wrong with manifests."""

import sys

import click

from lanes.cli.group import EXIT_ERROR, EXIT_LINT_ERRORS
from lanes.cli.options import kept, manifests_argument, sample_unless_named
from lanes.console import Console, complain


@click.command("lint")
@manifests_argument
@click.option(
    "--format",
    "form",
    default="text",
    show_default=True,
    type=click.Choice(["text", "json", "sarif"]),
    help="output; sarif is for code review",
)
@click.option("--ignore", "ignored", multiple=True, metavar="CODE", help="leave this rule out")
def lint_command(paths: tuple[str, ...], form: str, ignored: tuple[str, ...]) -> None:
    """What is wrong with MANIFESTS, or looks so, before users find it.

    Starts nothing, and takes what the plan refuses. Exit codes: 0 nothing, or warnings alone;
    1 errors; 2 something could not be read. docs/lint.md has the rules.
    """
    with kept():
        from lanes.lint.check import lint
        from lanes.report.lint import lint_json, lint_sarif, show_lint

        found = lint(sample_unless_named(paths), ignored)
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
