"""The command line: `lanes up`, `plan`, `lint`, `verify`, `trace` and `demo`."""

import click

from lanes import __version__
from lanes.cli.demo import demo_command
from lanes.cli.group import Group
from lanes.cli.lint import lint_command
from lanes.cli.plan import plan_command
from lanes.cli.trace import trace_command
from lanes.cli.up import up_command
from lanes.cli.verify import verify_command


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="lanes %(version)s")
def main() -> None:
    """Traffic lanes on one machine, and verification of them anywhere.

    MANIFESTS are directories or files, or - for standard input. In a clone of Traffic Lanes, the
    default is its sample.

    Exit codes: 0 done, and lanes hold; 1 lanes don't hold, or one that has a weight was not
    seen, or lint found errors; 2 something else is wrong, in a sentence on standard error; 130
    Ctrl-C, 143 SIGTERM.
    """


for command in (
    demo_command,
    lint_command,
    plan_command,
    trace_command,
    up_command,
    verify_command,
):
    main.add_command(command)
