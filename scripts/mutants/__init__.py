"""Mutation tests: small changes of the code that the unit tests should notice.

`make mutants SEED= COUNT=` draws changes by a seed, runs the unit tests that cover each change, and
prints the changes that no test notices.
"""
