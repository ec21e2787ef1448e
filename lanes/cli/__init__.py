"""The command line: `lanes init`, `up`, `plan`, `diff`, `lint`, `verify`, `trace` and `demo`."""

import click

from lanes import __version__
from lanes.cli.demo import demo_command
from lanes.cli.diff import diff_command
from lanes.cli.group import Group
from lanes.cli.init import init_command
from lanes.cli.lint import lint_command
from lanes.cli.plan import plan_command
from lanes.cli.trace import trace_command
from lanes.cli.up import up_command
from lanes.cli.verify import verify_command


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="lanes %(version)s")
def main() -> None:
    """Plan, run and verify traffic lanes.

    MANIFESTS are directories or files, or - for standard input. In a clone of Traffic Lanes, the
    default is its sample.

    \b
    Examples:
      lanes demo
      lanes plan manifests/
      helm template demo helm/traffic-lanes | lanes up -
      lanes verify http://127.0.0.1:8080 --manifests manifests/

    \b
    Exit codes:
      0    done; for verify and demo: the lanes hold
      1    the lanes do not hold, or no request entered a lane that has a
           weight; for lint: errors were found; for diff --exit-code:
           something changes
      2    any other error; standard error explains it
      130  Ctrl-C
      143  SIGTERM

    docs/cli.md says how a shell completes commands and options.
    """


for command in (
    demo_command,
    diff_command,
    init_command,
    lint_command,
    plan_command,
    trace_command,
    up_command,
    verify_command,
):
    main.add_command(command)
