"""Commands of the user's own, run in place of the stand-in for a service's pods."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Self

from lanes.errors import LanesError
from lanes.mesh.model import Pod

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?"
_FORM = re.compile(rf"([A-Za-z0-9_-]+)(?:\.([A-Za-z0-9-]+))?(?:@({_NAME}))?=(.*)", re.DOTALL)


@dataclass(frozen=True)
class Command:
    """A shell's command line for the pods of a service, of one version or of all."""

    text: str  # as it was given
    service: str
    namespace: str | None
    version: str | None
    line: str

    @classmethod
    def of(cls, text: str) -> Self:
        """Read `cart=node server.js`, `cart.shop=...`, `cart@v2=...`, or both.

        Raises LanesError for any other form.
        """
        match = _FORM.fullmatch(text)
        if match is None or not match[4].strip():
            raise LanesError(
                f"--run {text}: should be SERVICE=COMMAND, such as cart='node server.js'; SERVICE"
                " may name a namespace and a version: cart.shop@v2"
            )
        return cls(text, match[1], match[2], match[3], match[4].strip())

    @property
    def target(self) -> str:
        return self.text.partition("=")[0]

    def fits(self, pod: Pod) -> bool:
        return (
            pod.app == self.service
            and self.namespace in (None, pod.namespace)
            and self.version in (None, pod.version)
        )


def assigned(pods: Iterable[Pod], commands: Iterable[Command]) -> Iterator[Pod]:
    """`pods`, each with the command that names it most closely: one for its version first.

    A command answers no probe of the stand-in's: its pod is ready when it accepts. Raises
    LanesError for a command that fits no pod, and for two that say the same.
    """
    pods, commands = list(pods), list(commands)
    for command in commands:
        if not any(map(command.fits, pods)):
            names = ", ".join(sorted({f"{pod.app}@{pod.version}" for pod in pods}))
            raise LanesError(f"--run {command.target}: no such pods. Name one of {names}.")
        if sum(other.target == command.target for other in commands) > 1:
            raise LanesError(f"--run {command.target}: is given twice. Remove one.")
    closest = sorted(commands, key=lambda c: (c.version is None, c.namespace is None))
    for pod in pods:
        found = next((command for command in closest if command.fits(pod)), None)
        yield replace(pod, command=found.line, readiness=None) if found else pod
