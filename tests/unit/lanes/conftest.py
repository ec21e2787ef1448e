"""Hypothesis looks at what comes out here, and not at how long a busy machine takes."""

from pathlib import Path

import pytest
from hypothesis import settings

from tests.kube import asm, write

settings.register_profile("lanes", deadline=None)
settings.load_profile("lanes")


@pytest.fixture
def sample(tmp_path: Path) -> str:
    """The file of a mesh as the chart's provider asm renders it."""
    return write(tmp_path, *asm())
