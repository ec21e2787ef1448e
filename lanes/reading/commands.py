"""The user's own commands, which run in place of the stand-in for a service's pods."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Self

from lanes.errors import LanesError
from lanes.mesh.model import Pod

_VERSION = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?"
_FORM = re.compile(rf"(([A-Za-z0-9_-]+)(?:\.([A-Za-z0-9-]+))?(?:@({_VERSION}))?)=(.*)", re.DOTALL)


@dataclass(frozen=True)
class Command:
    """A command line of a shell for a service's pods; `version` None: for every version.

    `target` names the pods as the user does: cart, cart.shop, cart@v2 or cart.shop@v2.
    """

    target: str
    service: str
    namespace: str | None
    version: str | None
    line: str

    @classmethod
    def of(cls, text: str) -> Self:
        """Read `cart=node server.js`, `cart.shop=...`, `cart@v2=...` or `cart.shop@v2=...`.

        Raises LanesError for any other form.
        """
        match = _FORM.fullmatch(text)
        if match is None or not match[5].strip():
            raise LanesError(
                f"--run {text}: should be SERVICE=COMMAND, such as cart='node server.js'; SERVICE"
                " may name a namespace and a version: cart.shop@v2"
            )
        return cls(match[1], match[2], match[3], match[4], match[5].strip())

    def fits(self, pod: Pod) -> bool:
        """Tell whether the command is for a pod."""
        return (
            pod.app == self.service
            and self.namespace in (None, pod.namespace)
            and self.version in (None, pod.version)
        )


def assigned(pods: Iterable[Pod], commands: Iterable[Command]) -> Iterator[Pod]:
    """Yield every pod, with the most specific command that fits: one with a version goes first.

    A pod with a command has no readiness probe, since only the stand-in answers it: the pod is
    ready when it accepts connections. Raises LanesError for a command that fits no pod, and for a
    target that occurs twice.
    """
    pods, commands = list(pods), list(commands)
    targets = [command.target for command in commands]
    for command in commands:
        if not any(map(command.fits, pods)):
            names = ", ".join(sorted({f"{pod.app}@{pod.version}" for pod in pods}))
            raise LanesError(f"--run {command.target}: no such pods. Name one of {names}.")
        if targets.count(command.target) > 1:
            raise LanesError(f"--run {command.target}: is given twice. Remove one.")
    specific = sorted(commands, key=lambda c: (c.version is None, c.namespace is None))
    for pod in pods:
        fitting = next((command for command in specific if command.fits(pod)), None)
        yield replace(pod, command=fitting.line, readiness=None) if fitting else pod
