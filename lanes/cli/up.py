"""`lanes up`: run the mesh on this machine."""

import time
from contextlib import ExitStack

import click

from lanes.cli.options import (
    RequestOptions,
    host_option,
    manifests_argument,
    port_option,
    print_left_out,
    read_mesh,
    request_options,
    run_option,
)
from lanes.console import Console
from lanes.errors import LanesError, first_ten


@click.command("up")
@manifests_argument
@port_option
@run_option
@click.option("--page/--no-page", default=True, help="Serve the live map.")
@click.option(
    "--page-port",
    type=click.IntRange(1, 65535),
    metavar="PORT",
    help="The port of the live map. Default: the port after the gateway's, or else any free port.",
)
@click.option(
    "--collector",
    metavar="URL",
    help="Send traces to this collector, by OTLP over HTTP, such as http://127.0.0.1:4318.",
)
@request_options
@host_option
@click.option("--strict", is_flag=True, help="Exit 2 if anything is not supported or simulated.")
def up_command(
    paths: tuple[str, ...],
    port: int,
    commands: tuple[str, ...],
    page: bool,
    page_port: int | None,
    collector: str | None,
    request: RequestOptions,
    host: str | None,
    strict: bool,
) -> None:
    """Start the mesh, and run it until Ctrl-C.

    One Envoy is the gateway and every sidecar. The sample service is a stand-in for each image;
    --run runs a command of yours instead, as docs/your-service.md explains. What is not supported
    is left out with an error, and requests that depend on it get 501. What is not simulated is
    left out with a warning.

    \b
    Examples:
      lanes up
      helm template demo helm/traffic-lanes | lanes up -
      lanes up manifests/ --run cart='node server.js'
      lanes up --port 8000 --no-page
      lanes up manifests/ --path /cart --header x-lane=v2
      lanes up manifests/ --skip Deployment/load-generator
    """
    from lanes.envoy.tracing import Collector
    from lanes.page.feed import Feed, follow, serving
    from lanes.page.tap import tap
    from lanes.planning.call_graph import with_calls
    from lanes.planning.plan import plan
    from lanes.report.plan import gateway_line, pods_table, show_headline, show_plan
    from lanes.report.tables import show
    from lanes.running.runtime import run
    from lanes.running.watch import Watch

    console = Console()
    traces = Collector.of(collector) if collector else None
    mesh = read_mesh(paths, request, commands, strict=strict)
    if strict and mesh.not_run:
        raise LanesError(*first_ten(mesh.not_run))
    print_left_out(*mesh.not_supported, *mesh.not_run)
    mesh = with_calls(mesh, request.calls)
    planned = plan(mesh, request.path, host, request.headers)
    show_headline(mesh, planned, console)
    began = time.monotonic()
    with ExitStack() as stack:
        tapped = stack.enter_context(tap(mesh, planned))
        running = stack.enter_context(run(mesh, port, tapped.extras, collector=traces))
        feed = Feed(mesh, planned, {pod.key: running.address(pod) for pod in mesh.pods})
        served = stack.enter_context(serving(feed, port))
        watch = Watch(running, console.line)
        console.line(gateway_line(running.url, planned, time.monotonic() - began))
        if page:
            from lanes.page.live import Live
            from lanes.page.server import serve
            from lanes.running.address import free_port

            live = Live(running, watch, planned, tapped)
            follow(tapped, feed.send, live.count)
            url = stack.enter_context(serve(live, page_port or free_port(port + 1)))
            console.line(f"page    {url}")
        else:
            follow(tapped, feed.send)
        if not served:
            console.line("calls   not seen by `lanes verify`: another program has the socket")
        console.lines([f"envoy   curl --unix-socket {running.admin.path} http://envoy/", ""])
        show_plan(planned, console)
        for note in running.notes:
            console.line(note)
        console.line()
        rows = [(pod.name, running.address(pod), running.pid(pod)) for pod in mesh.pods]
        show(pods_table(rows), console)
        for pod in mesh.pods:
            if pod.command:
                console.line(f"{pod.name} listens at port {running.port(pod)}: {pod.command}")
        console.lines(["", "Ctrl-C ends it."])
        watch.run()
