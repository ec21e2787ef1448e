"""Traffic lanes: the plan, the laptop mesh, and the verification."""

__version__ = "0.1.0"
