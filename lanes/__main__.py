"""`python -m lanes`: the command line."""

from lanes.cli import main

main(prog_name="lanes")
