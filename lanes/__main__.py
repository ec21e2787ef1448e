"""The command `lanes`, also as `python -m lanes`."""

import signal


def main() -> None:
    """Run the command line. A Ctrl-C while it is being loaded ends it without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from lanes.cli import main as command

    command(prog_name="lanes")


if __name__ == "__main__":
    main()
