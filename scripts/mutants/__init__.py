"""Mutants: what the unit tests let pass.

`make mutants SEED= COUNT=` draws small changes of the code by a seed, runs the unit tests that
cover each of them, and names those that no test notices.
"""
