"""Readiness probes: where a pod tells whether it is ready, and where its stand-in does."""

from dataclasses import dataclass, replace

_SAMPLES_PROBES = ("/readyz", "/healthz")


@dataclass(frozen=True)
class Readiness:
    """A pod's readiness probe: where it is asked over HTTP."""

    path: str
    port: int

    @property
    def of_stand_in(self) -> "Readiness":
        """The probe of its stand-in: the sample has paths of its own."""
        own = self.path in _SAMPLES_PROBES
        return self if own else replace(self, path=_SAMPLES_PROBES[0])
