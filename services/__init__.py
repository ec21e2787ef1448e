"""The sample service: it says who it is, then what its upstreams answer.

Start it with ``python -m services``. The environment is its only configuration: ``settings``.
"""
