"""The number of test processes."""

import os


def pytest_xdist_auto_num_workers() -> int:
    """Return one more than there are cores: tests of meshes and processes mostly wait."""
    return len(os.sched_getaffinity(0)) + 1
