"""How many tests run at once."""

import os


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: tests of meshes and processes wait for most of their time."""
    return len(os.sched_getaffinity(0)) + 1
