"""The one service of the sample: says who it is, then what its upstreams answer.

Start it with ``python -m services``; all behaviour comes from the environment (``settings``).
"""
