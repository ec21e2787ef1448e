"""Hypothesis judges what comes out here, and not how long a busy machine takes."""

from hypothesis import settings

settings.register_profile("lanes", deadline=None)
settings.load_profile("lanes")
