"""Readiness probes of pods and of their stand-ins."""

from dataclasses import dataclass, replace

_SAMPLES_PROBES = ("/readyz", "/healthz")


@dataclass(frozen=True)
class Readiness:
    """The readiness probe of a pod, over HTTP."""

    path: str
    port: int

    @property
    def of_stand_in(self) -> "Readiness":
        """The probe of its stand-in: the sample has paths of its own."""
        own = self.path in _SAMPLES_PROBES
        return self if own else replace(self, path=_SAMPLES_PROBES[0])
