"""What several commands take, and how they read and print it."""

import gc
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lanes.console import complain
from lanes.errors import LanesError, together
from lanes.mesh.headers import header_name
from lanes.verification import split

if TYPE_CHECKING:
    from lanes.mesh.model import Mesh

_SAMPLE = "k8s/asm"

# The most requests that a run is asked for by their number.
MOST_REQUESTS = 1_000_000

T = TypeVar("T")


class Number(click.FloatRange):
    """A number within a range; nan is none."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        found: float = super().convert(value, param, ctx)
        if math.isnan(found):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return found


manifests_argument = click.argument("paths", metavar="[MANIFESTS]...", nargs=-1)
host_option = click.option(
    "--host",
    metavar="HOST",
    help="The host of requests. Default: any, or else the first that the gateway serves.",
)
port_option = click.option(
    "--port",
    default=8080,
    show_default=True,
    type=click.IntRange(1, 65535),
    metavar="PORT",
    help="Where the gateway listens.",
)
format_option = click.option(
    "--format",
    "form",
    default="table",
    show_default=True,
    type=click.Choice(["table", "json"]),
    help="How to print the result.",
)
run_option = click.option(
    "--run",
    "commands",
    multiple=True,
    metavar="SERVICE=COMMAND",
    help="Run COMMAND by a shell in place of a service's pods, such as cart='node server.js', or"
    " of one version's, such as cart@v2='node server.js'.",
)


def _caller(text: str) -> tuple[str, tuple[str, ...]]:
    name, equals, called = text.partition("=")
    if not name or not equals:
        raise LanesError(f"--calls {text}: should be SERVICE=SERVICE,... such as shop=cart,users")
    return name.strip(), tuple(part.strip() for part in called.split(",") if part.strip())


def _callers(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    return dict(map(_caller, values))


def chosen_ports(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, int]:
    """The ports of Services, by name. Raises LanesError for what is not SERVICE=PORT."""
    found: dict[str, int] = {}
    for text in values:
        name, equals, number = text.partition("=")
        if not name or not equals or not number.isdecimal() or len(number) > 5:
            raise LanesError(f"--port {text}: should be SERVICE=PORT, such as cart=9000")
        found[name.strip()] = int(number)
    return found


calls_option = click.option(
    "--calls",
    metavar="SERVICE=SERVICE,...",
    multiple=True,
    callback=_callers,
    help="Who calls whom, where manifests do not say it, such as shop=cart,users.",
)
namespace_option = click.option(
    "--namespace",
    metavar="NAME",
    help="The namespace of resources that name none, as for kubectl -n. Default: default.",
)
requests_option = click.option(
    "--requests",
    type=click.IntRange(1, MOST_REQUESTS),
    metavar="N",
    help=f"How many requests to send by weight. Default: enough to see each lane, {split.FEWEST}"
    f" to {split.MOST:,}.",
)


@dataclass(frozen=True)
class RequestOptions:
    """What everybody's requests ask for, and what manifests leave open."""

    path: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    namespace: str | None = None
    calls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    skip: tuple[str, ...] = ()


_NOTHING_ASKED = RequestOptions()


def request_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say what is asked of a gateway; the command gets them as `asked`."""

    @wraps(command)
    def packed(
        *args: Any,
        path: str | None,
        header: tuple[str, ...],
        namespace: str | None,
        calls: dict[str, tuple[str, ...]],
        skip: tuple[str, ...],
        **rest: Any,
    ) -> None:
        if path is not None and not path.startswith("/"):
            raise LanesError(f"--path {path}: should begin with a slash: /{path}")
        asked = RequestOptions(path, dict(map(_name_and_value, header)), namespace, calls, skip)
        command(*args, asked=asked, **rest)

    for option in (
        calls_option,
        namespace_option,
        click.option(
            "--skip",
            metavar="KIND/NAME",
            multiple=True,
            help="Leave a resource out of the manifests, such as Deployment/load-generator.",
        ),
        click.option(
            "--header",
            metavar="NAME=VALUE",
            multiple=True,
            help="A header of every request, such as user=jason.",
        ),
        click.option(
            "--path",
            metavar="/PATH",
            help="The path of requests. Default: /, or else the first that the gateway serves.",
        ),
    ):
        packed = option(packed)
    return packed


def _name_and_value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise LanesError(f"--header {text}: should be NAME=VALUE, such as end-user=jason")
    name, value = name.strip().lower(), value.strip()
    try:
        header_name(name)
    except ValueError as error:
        raise LanesError(f"--header {text}: {name} {error}") from None
    if not value.isprintable():
        raise LanesError(
            f"--header {text}: its value has a character that HTTP cannot send. Remove it."
        )
    if name == "host":
        raise LanesError(
            f"--header {text}: the host of requests is set by --host. Use that option."
        )
    return name, value


def tell_left_out(*findings: object) -> None:
    """Print on standard error what is left out, ten lines at most and a count of the others."""
    if findings:
        complain(*together(map(str, findings)))


def sample_unless_named(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return `paths`, or the sample's where none is named and the current folder holds it.

    Raises LanesError where there are neither.
    """
    if paths or Path(_SAMPLE).is_dir():
        return paths or (_SAMPLE,)
    raise LanesError(
        "no MANIFESTS are named. Name directories or files, or - for standard input"
        " (lanes verify and trace take them by --manifests)"
    )


def read_mesh(
    paths: tuple[str, ...],
    asked: RequestOptions = _NOTHING_ASKED,
    commands: tuple[str, ...] = (),
    *,
    ports: Mapping[str, int] | None = None,
    strict: bool = False,
) -> "Mesh":
    """The mesh of MANIFESTS as requests meet it, with `--run` commands and the chosen `ports`.

    Where nothing is bound to a gateway, its callers take the gateway's place. What is not supported
    is left out, and what depends on it marked; where `strict`, raises LanesError for it.
    """
    with kept():
        from lanes.planning.callers_view import as_called
        from lanes.planning.chosen_ports import with_ports
        from lanes.reading.commands import Command
        from lanes.reading.reader import read
        from lanes.reading.resolve import resolve

        own = [Command.of(text) for text in commands]
        paths = sample_unless_named(paths)
        found = read(paths, asked.namespace or "default", strict=strict, skip=asked.skip)
        mesh = resolve(found, own, strict=strict)
        return as_called(with_ports(mesh, ports or {}), asked.calls)


@contextmanager
def kept() -> Iterator[None]:
    """Spare the block, and all that it makes, the search for garbage.

    Manifests, the mesh and its plan stay to the end. The collector would look through all of them
    again and again while they grow, which takes a third of the time.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:  # or a block around this one goes on
            gc.freeze()
            gc.enable()
