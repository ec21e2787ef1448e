"""Options and arguments that several commands share, and how commands read manifests."""

import gc
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lanes.console import print_error
from lanes.errors import LanesError, first_ten
from lanes.mesh.headers import header_name
from lanes.verification import split

if TYPE_CHECKING:
    from lanes.mesh.model import Mesh

_SAMPLE = "k8s/asm"

# The most requests that --requests and --lane-requests accept.
MOST_REQUESTS = 1_000_000

T = TypeVar("T")
Command = Callable[..., None]


class Number(click.FloatRange):
    """A number within a range. Rejects nan, which click accepts."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


def read_as(read: Callable[[Any], T]) -> Callable[[click.Context, click.Parameter, Any], T]:
    """Return the callback of an option whose value `read` checks and converts."""
    return lambda _context, _parameter, value: read(value)


def packed(
    name: str, kind: Callable[..., object], *options: Callable[[Command], Command]
) -> Callable[[Command], Command]:
    """Return a decorator that adds options to a command.

    The command gets their values as one argument `name`: an instance of the dataclass `kind`, which
    has a field for each option.
    """
    names = [part.name for part in fields(kind)]  # type: ignore[arg-type]

    def add(command: Command) -> Command:
        @wraps(command)
        def pack(**values: Any) -> None:
            parts = {part: values.pop(part) for part in names}
            command(**values, **{name: kind(**parts)})

        decorated: Command = pack
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return add


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
    help="The port of the gateway.",
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
    help="Run COMMAND in a shell in place of a service's pods, such as cart='node server.js'."
    " cart@v2='node server.js' replaces the pods of one version.",
)


def _calls(texts: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return the services that each caller calls."""
    calls = {}
    for text in texts:
        caller, equals, called = text.partition("=")
        if not caller or not equals:
            raise LanesError(
                f"--calls {text}: should be SERVICE=SERVICE,... such as shop=cart,users"
            )
        services = (service.strip() for service in called.split(","))
        calls[caller.strip()] = tuple(filter(None, services))
    return calls


calls_option = click.option(
    "--calls",
    metavar="SERVICE=SERVICE,...",
    multiple=True,
    callback=read_as(_calls),
    help="Calls that the manifests do not show, such as shop=cart,users.",
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
    """What requests ask the gateway for, and how to complete or cut the manifests.

    `path` and `namespace` are None where the user names none. `calls` are the services that each
    caller calls; `skip` are resources to leave out, as KIND/NAME.
    """

    path: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    namespace: str | None = None
    calls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    skip: tuple[str, ...] = ()


_DEFAULTS = RequestOptions()


def _path(text: str | None) -> str | None:
    if text is not None and not text.startswith("/"):
        raise LanesError(f"--path {text}: should begin with a slash: /{text}")
    return text


def _headers(texts: tuple[str, ...]) -> dict[str, str]:
    """Return headers by their names in lower case."""
    return dict(map(_header, texts))


def _header(text: str) -> tuple[str, str]:
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


request_options = packed(
    "request",
    RequestOptions,
    click.option(
        "--path",
        metavar="/PATH",
        callback=read_as(_path),
        help="The path of requests. Default: /, or else the first that the gateway serves.",
    ),
    click.option(
        "--header",
        "headers",
        metavar="NAME=VALUE",
        multiple=True,
        callback=read_as(_headers),
        help="A header of every request, such as user=jason.",
    ),
    click.option(
        "--skip",
        metavar="KIND/NAME",
        multiple=True,
        help="Leave a resource out of the manifests, such as Deployment/load-generator.",
    ),
    namespace_option,
    calls_option,
)


def print_left_out(*findings: object) -> None:
    """Print on standard error what is left out: ten lines at most, and a count of the others."""
    if findings:
        print_error(*first_ten(map(str, findings)))


def manifests_or_sample(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return `paths`, or the sample's path if there are none.

    Raises LanesError if there are none and the current folder has no sample.
    """
    if paths or Path(_SAMPLE).is_dir():
        return paths or (_SAMPLE,)
    raise LanesError(
        "no MANIFESTS are named. Name directories or files, or - for standard input"
        " (lanes verify and trace take them by --manifests)"
    )


def read_mesh(
    paths: tuple[str, ...],
    request: RequestOptions = _DEFAULTS,
    commands: tuple[str, ...] = (),
    *,
    ports: Mapping[str, int] | None = None,
    strict: bool = False,
) -> "Mesh":
    """Return the mesh of the manifests, with the `--run` commands and the `--port` of Services.

    If no route is bound to a gateway, the mesh's callers take the gateway's place. What is not
    supported is left out, and what depends on it is marked; if `strict`, raises LanesError instead.
    """
    with without_garbage_collection():
        from lanes.planning.callers_view import as_called
        from lanes.planning.chosen_ports import with_ports
        from lanes.reading.commands import Command
        from lanes.reading.reader import read
        from lanes.reading.resolve import resolve

        parsed = [Command.of(text) for text in commands]
        paths = manifests_or_sample(paths)
        manifests = read(paths, request.namespace or "default", strict=strict, skip=request.skip)
        mesh = resolve(manifests, parsed, strict=strict)
        return as_called(with_ports(mesh, ports or {}), request.calls)


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Disable garbage collection in the block, and exempt what the block makes from later runs.

    Manifests, the mesh and its plan live until the command ends. Collections while they grow would
    take a third of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:  # False in a nested block: the outer one enables it again
            gc.freeze()
            gc.enable()
