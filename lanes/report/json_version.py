"""The version of what `--format json` prints: one for all commands."""

VERSION = 1
