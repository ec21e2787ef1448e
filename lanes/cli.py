"""The command line: `lanes up`, `plan`, `lint`, `verify`, `trace` and `demo`."""

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from lanes.errors import LanesError, printable
from lanes.judging import split
from lanes.judging.verify import LANE_REQUESTS
from lanes.model import Mesh
from lanes.planning.plan import Plan, plan, serves
from lanes.reading import manifests
from lanes.reading.commands import Command
from lanes.reading.resolve import resolve
from lanes.report.plan import gateway_line, headline, plan_json, pods_table, show_plan
from lanes.report.tables import show
from lanes.running.process import ENDING

if TYPE_CHECKING:
    from lanes.judging.traffic import Gateway

DEFAULT_MANIFESTS = ("k8s/asm",)

EXIT_LANES_BROKEN = EXIT_LINT_ERRORS = 1
EXIT_ERROR = 2

T = TypeVar("T")


class _Stopped(BaseException):
    """A signal asked for the end; the number is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class _Group(click.Group):
    """Prints a LanesError as its sentence, and exits as documented."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with _until_stopped():
                result = super().invoke(ctx)
                sys.stdout.flush()
                return result
        except LanesError as error:
            click.echo(f"lanes: {error}", err=True)
            sys.exit(EXIT_ERROR)
        except BrokenPipeError:  # whoever read the output has seen enough
            _drop_output()
            sys.exit(128 + signal.SIGPIPE)
        except OSError as error:
            _drop_output()
            click.echo(f"lanes: {error.strerror or error}", err=True)
            sys.exit(EXIT_ERROR)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # the last resort: a defect of ours, and never a verdict
            click.echo(f"lanes: {_unforeseen(error)}", err=True)
            sys.exit(EXIT_ERROR)


def _unforeseen(error: Exception) -> str:
    """An error that nobody foresaw: what it is, where it came from, and whom to tell."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    what = printable(f"{type(error).__name__}: {error}")[:300]
    return f"unforeseen: {what}{where}; please report this line, with the manifests if you may"


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Traffic lanes on one machine, and a judge for them anywhere.

    MANIFESTS are directories or files, or - for standard input; k8s/asm where none is named.

    Exit codes: 0 done, and lanes hold; 1 lanes don't hold, or one that has a weight was not
    seen, or lint found errors; 2 something else is wrong, in a sentence on standard error; 130
    Ctrl-C, 143 SIGTERM.
    """


manifests_argument = click.argument("paths", metavar="[MANIFESTS]...", nargs=-1)
port_option = click.option(
    "--port",
    default=8080,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="where the gateway listens",
)
format_option = click.option(
    "--format",
    "form",
    default="table",
    show_default=True,
    type=click.Choice(["table", "json"]),
    help="output",
)


@dataclass(frozen=True)
class _Asked:
    """What everybody's requests ask for, and what manifests leave open."""

    path: str | None
    headers: dict[str, str]
    namespace: str | None
    calls: dict[str, tuple[str, ...]]


def asked_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say what is asked of a gateway; the command gets them as `asked`."""

    @wraps(command)
    def packed(
        *args: Any,
        path: str | None,
        header: tuple[str, ...],
        namespace: str | None,
        calls: tuple[str, ...],
        **rest: Any,
    ) -> None:
        asked = _Asked(
            path, dict(map(_name_and_value, header)), namespace, dict(map(_caller, calls))
        )
        command(*args, asked=asked, **rest)

    for option in (
        click.option(
            "--calls",
            metavar="SERVICE=SERVICE,...",
            multiple=True,
            help="who calls whom, where the manifests do not tell: shop=cart,users",
        ),
        click.option(
            "--namespace",
            metavar="NAME",
            help="where resources that name none are applied, as for kubectl -n; default: default",
        ),
        click.option(
            "--header",
            metavar="NAME=VALUE",
            multiple=True,
            help="a header that every request carries",
        ),
        click.option(
            "--path",
            metavar="/PATH",
            help="the path that requests ask for; default: /, or where that is not served, the"
            " first that is",
        ),
    ):
        packed = option(packed)
    return packed


def _name_and_value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise LanesError(f"--header {text}: should be NAME=VALUE, such as end-user=jason")
    return name.strip().lower(), value.strip()


def _caller(text: str) -> tuple[str, tuple[str, ...]]:
    name, equals, called = text.partition("=")
    if not name or not equals:
        raise LanesError(f"--calls {text}: should be SERVICE=SERVICE,... such as shop=cart,users")
    return name.strip(), tuple(part.strip() for part in called.split(",") if part.strip())


run_option = click.option(
    "--run",
    "commands",
    multiple=True,
    metavar="SERVICE=COMMAND",
    help="run a command of your own, by a shell, for a service's pods: cart='node server.js'; or"
    " for one version's: cart@v2=... (docs/your-service.md)",
)
requests_option = click.option(
    "--requests",
    type=click.IntRange(min=1),
    help=f"how many to ask; default: by the weights, {split.FEWEST} to {split.MOST:,}, so that"
    " each lane is seen",
)


@main.command("plan")
@manifests_argument
@asked_options
@click.option(
    "--host", help="the host that requests name; default: any, else the first that is served"
)
@format_option
def plan_command(paths: tuple[str, ...], asked: _Asked, host: str | None, form: str) -> None:
    """Which version answers each lane at each service, and why.

    Starts nothing. Why is match (the lane's own version), fallback (it has none here), split, or
    what leads it astray: caught by another lane's rule, shadowed by a rule for everybody, lost on
    the way, its own version unselected or unrouted; or none, with the status that answers.
    """
    mesh = _read(paths, namespace=asked.namespace)
    planned = plan(mesh, asked.path, host, asked.headers, asked.calls)
    if form == "json":
        click.echo(json.dumps(plan_json(mesh, planned), indent=2))
        return
    click.echo(headline(mesh, planned) + "\n")
    show_plan(planned, _console())


@main.command("lint")
@manifests_argument
@click.option(
    "--format",
    "form",
    default="text",
    show_default=True,
    type=click.Choice(["text", "json", "sarif"]),
    help="output; sarif is for code review",
)
@click.option("--ignore", "ignored", multiple=True, metavar="CODE", help="leave this rule out")
def lint_command(paths: tuple[str, ...], form: str, ignored: tuple[str, ...]) -> None:
    """What is wrong with MANIFESTS, or looks so, before users find it.

    Starts nothing, and takes what the plan refuses. Exit codes: 0 nothing, or warnings alone;
    1 errors; 2 something could not be read. docs/lint.md has the rules.
    """
    from lanes.lint.check import lint
    from lanes.report.lint import lint_json, lint_sarif, show_lint

    found = lint(paths or DEFAULT_MANIFESTS, ignored)
    if form == "text":
        show_lint(found, _console())
    else:
        click.echo(json.dumps((lint_json if form == "json" else lint_sarif)(found), indent=2))
    for sentence in found.unread:
        click.echo(f"lanes: {sentence}", err=True)
    if found.unread:
        sys.exit(EXIT_ERROR)
    if found.count("error"):
        sys.exit(EXIT_LINT_ERRORS)


@main.command()
@manifests_argument
@port_option
@run_option
@click.option("--page/--no-page", default=True, help="serve the live map beside the gateway")
@click.option(
    "--page-port",
    type=click.IntRange(1, 65535),
    help="where the live map listens; default: any that is free, first the gateway's plus one",
)
@click.option(
    "--collector",
    metavar="URL",
    help="send traces there by OTLP over HTTP: http://127.0.0.1:4318",
)
def up(
    paths: tuple[str, ...],
    port: int,
    commands: tuple[str, ...],
    page: bool,
    page_port: int | None,
    collector: str | None,
) -> None:
    """Start the mesh and run it until Ctrl-C."""
    from lanes.envoy.tracing import Collector
    from lanes.running.runtime import run
    from lanes.running.watch import Watch

    traces = Collector.of(collector) if collector else None
    mesh = _read(paths, commands)
    planned = plan(mesh)
    click.echo(headline(mesh, planned))
    began = time.monotonic()
    with ExitStack() as stack:
        if page:
            from lanes.page.tap import tap

            tapped = stack.enter_context(tap(mesh, planned))
            running = stack.enter_context(run(mesh, port, tapped.extras, collector=traces))
        else:
            running = stack.enter_context(run(mesh, port, collector=traces))
        watch = Watch(running, click.echo)
        click.echo(gateway_line(running.url, planned, time.monotonic() - began))
        if page:
            from lanes.page.live import Live
            from lanes.page.server import serve
            from lanes.running.address import free_port

            live = Live(running, watch, planned, tapped)
            url = stack.enter_context(serve(live, page_port or free_port(port + 1)))
            click.echo(f"page    {url}")
        click.echo(f"envoy   {running.admin_url}\n")
        show_plan(planned, _console())
        click.echo("")
        rows = [(pod.name, running.address(pod), running.pid(pod)) for pod in mesh.pods]
        show(pods_table(rows), _console())
        for pod in mesh.pods:
            if pod.command:
                click.echo(f"{pod.name} listens at port {running.port(pod)}: {pod.command}")
        click.echo("\nCtrl-C ends it.")
        watch.run()


def gateway_options(command: Callable[..., None]) -> Callable[..., None]:
    """What a command takes that asks a gateway: whose plan, which host, and how to get there."""
    for option in (
        click.option(
            "--resolve",
            "resolved",
            metavar="HOST:PORT:ADDRESS",
            help="connect to ADDRESS, an IP or a name, for the URL's HOST and PORT",
        ),
        click.option(
            "--ca",
            metavar="FILE",
            help="trust the authorities in FILE (PEM) in place of the system's",
        ),
        click.option(
            "--host",
            help="the host that requests name; default: the URL's where the gateway serves it,"
            " else the first that it serves",
        ),
        click.option(
            "--manifests",
            "paths",
            multiple=True,
            metavar="MANIFESTS",
            help="the plan; default k8s/asm",
        ),
        click.argument("url"),
    ):
        command = option(command)
    return command


@main.command("verify")
@gateway_options
@asked_options
@requests_option
@click.option(
    "--duration",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="ask for so long, instead of a number of requests",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    metavar="PER_SECOND",
    help="start so many requests a second, whatever the answers do, and count each one's time"
    " from when it was due",
)
@click.option(
    "--concurrency",
    default=8,
    show_default=True,
    type=click.IntRange(1, 256),
    help="at a time, where there is no --rate",
)
@click.option(
    "--lane", help="judge this lane alone, by its first way in; no request is left to the weights"
)
@click.option(
    "--lane-requests",
    default=LANE_REQUESTS,
    show_default=True,
    type=click.IntRange(min=1),
    help="how many enter each lane that has a way in",
)
@click.option("--baseline", help="the lane to compare with; default: the one that others fall to")
@click.option("--no-worse", is_flag=True, help="exit 1 where a lane is worse than the baseline")
@click.option(
    "--fail-fast", is_flag=True, help="ask no more after an answer that is not as planned"
)
@click.option("--report", "page", metavar="FILE", help="write all that was found as a page of HTML")
@click.option("--junit", "xml", metavar="FILE", help="write it as JUnit's XML, for CI")
@format_option
def verify_command(
    url: str,
    paths: tuple[str, ...],
    host: str | None,
    ca: str | None,
    resolved: str | None,
    asked: _Asked,
    requests: int | None,
    duration: float | None,
    rate: float | None,
    concurrency: int,
    lane: str | None,
    lane_requests: int,
    baseline: str | None,
    no_worse: bool,
    fail_fast: bool,
    page: str | None,
    xml: str | None,
    form: str,
) -> None:
    """Loop the gateway at URL, judge every answer, and compare the lanes.

    Each path is judged against the plan; each lane's share against its weight by an exact
    binomial test, so strict that a sound split fails one run in 1,000. Each lane that has a way
    in is entered by the first as well, which counts for no share. A lane that has a weight and
    got no request by it fails the run; one that nothing entered is named: it is not judged.

    Each lane's failures and latency are compared with the baseline's: worse, better, or not to be
    told apart by so many requests.
    """
    from lanes.judging.asking import Asking
    from lanes.report.files import writable
    from lanes.report.html import html
    from lanes.report.junit import junit
    from lanes.report.result import result_json, show_result
    from lanes.trial import Trial

    gateway, planned = _gateway(url, paths, host, ca, resolved, asked)
    if requests and duration:
        raise LanesError("--requests and --duration both say when to end; leave one out")
    if lane is not None and requests:
        raise LanesError(
            "--requests are left to the weights, and with --lane none are; --lane-requests enter it"
        )
    alone = planned.lane_to_enter(lane) if lane is not None else None
    weighted = requests or split.enough(map(planned.share, planned.lanes))
    asking = Asking(
        requests=(lane_requests if no_worse else 0) if alone else weighted,
        lanes=(alone,) if alone else planned.enterable,
        lane_requests=lane_requests,
        concurrency=concurrency,
        rate=rate,
        duration=duration,
    )
    trial = Trial(
        planned,
        paths or DEFAULT_MANIFESTS,
        asking,
        alone is not None,
        baseline,
        no_worse,
        fail_fast,
    )
    with ExitStack() as outputs:
        files = [
            (outputs.enter_context(writable(option, name)), text)
            for option, name, text in (("--report", page, html), ("--junit", xml, junit))
            if name is not None
        ]
        result = trial.run(gateway, progress)
        for write, text in files:
            write(text(result))
    if form == "json":
        click.echo(json.dumps(result_json(result), indent=2))
    else:
        show_result(result, _console())
    if not result.ok:
        sys.exit(EXIT_LANES_BROKEN)


@main.command("trace")
@gateway_options
@asked_options
@click.option("--lane", help="ask for this lane: by its first way in, or until the weights draw it")
@format_option
def trace_command(
    url: str,
    paths: tuple[str, ...],
    host: str | None,
    ca: str | None,
    resolved: str | None,
    asked: _Asked,
    lane: str | None,
    form: str,
) -> None:
    """One request: its hops as a tree, their time, and why it went there.

    Exits with 1 where it did not go as planned.
    """
    from lanes.judging.tracing import trace
    from lanes.report.trace import show_trace, trace_json

    gateway, planned = _gateway(url, paths, host, ca, resolved, asked)
    client = gateway.client(1)
    client.require_reachable()
    traced = trace(client, planned, lane)
    if form == "json":
        click.echo(json.dumps(trace_json(traced), indent=2))
    else:
        show_trace(traced, _console())
    if traced.problem:
        sys.exit(EXIT_LANES_BROKEN)


@main.command()
@manifests_argument
@port_option
@requests_option
@run_option
def demo(
    paths: tuple[str, ...], port: int, requests: int | None, commands: tuple[str, ...]
) -> None:
    """Start the mesh, judge it, take a pod away, bring it back, end."""
    from lanes.demo import tell

    mesh = _read(paths, commands)
    if not tell(mesh, port, requests, click.echo, _console(), progress):
        sys.exit(EXIT_LANES_BROKEN)


def _gateway(
    url: str,
    paths: tuple[str, ...],
    host: str | None,
    ca: str | None,
    resolved: str | None,
    asked: _Asked,
) -> tuple["Gateway", Plan]:
    """The gateway that is asked, and the plan for what it is asked for."""
    from lanes.judging.traffic import Gateway

    gateway = Gateway(url, host, ca, resolved, asked.headers)
    mesh = _read(paths, namespace=asked.namespace)
    named = urlsplit(url)
    domain = host or (named.hostname if named.hostname and serves(mesh, named.hostname) else None)
    path = asked.path or (named.path if named.path not in ("", "/") else None)
    planned = plan(mesh, path, domain, asked.headers, asked.calls)
    if planned.path != (named.path or "/"):
        gateway = replace(gateway, url=named._replace(path=planned.path).geturl())
    if domain is None:  # it is asked by its address
        gateway = replace(gateway, host=planned.host)
    return gateway, planned


def progress(items: Iterable[T], total: int | None) -> Iterator[T]:
    """`items` as they come, with a bar on standard error while that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("requests"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        yield from bar.track(items, total=total)


def _drop_output() -> None:
    """Let what standard output still holds go nowhere, where Python would try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _read(
    paths: tuple[str, ...], commands: tuple[str, ...] = (), namespace: str | None = None
) -> Mesh:
    own = [Command.of(text) for text in commands]
    return resolve(manifests.read(paths or DEFAULT_MANIFESTS, namespace or "default"), own)


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)


@contextmanager
def _until_stopped() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP end the block, clean it up, and exit as a shell expects."""

    def stop(number: int, _: object) -> NoReturn:
        # What cleans up must not be interrupted by somebody's second Ctrl-C.
        for other in handled:
            signal.signal(other, signal.SIG_IGN)
        raise _Stopped(number)

    handled: dict[int, Callable[..., Any] | int | None] = {}
    for number in ENDING:
        handled[number] = signal.signal(number, stop)
    try:
        yield
    except _Stopped as stopped:
        sys.exit(128 + stopped.number)
    finally:
        for other, handler in handled.items():
            signal.signal(other, handler)
