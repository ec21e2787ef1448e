"""The version of the JSON that all commands print."""

VERSION = 2
