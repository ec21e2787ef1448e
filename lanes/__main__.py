"""The command `lanes`, also `python -m lanes`."""

import signal


def main() -> None:
    """Run the command line. Ctrl-C while Python loads it ends it without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from lanes.cli import main as command

    command(prog_name="lanes")


if __name__ == "__main__":
    main()
