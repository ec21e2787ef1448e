"""Print the plan: what the manifests contain, and which version answers each lane."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from rich.text import Text

from lanes.console import Console
from lanes.errors import first_ten
from lanes.mesh.hostnames import any_of
from lanes.mesh.model import Mesh
from lanes.planning.call_graph import is_outside
from lanes.planning.hop import MISROUTED, Hop, Reason
from lanes.planning.result import Lane, Plan
from lanes.report.names import with_distinct_names
from lanes.report.plan_notes import NO_VERSION, plan_notes
from lanes.report.plan_warnings import dropping, lanes_end, of_manifests
from lanes.report.tables import Cell, Table, counted, folded, show, width_of, wrapped

# If the paths of manifests have more characters, their folders are left out.
_MOST_CHARACTERS = 80


def headline(mesh: Mesh, plan: Plan) -> list[str]:
    """Return lines: the contents of the manifests, warnings, and what the plan is for."""
    services = {port.host for port in mesh.ports if not is_outside(mesh, port)}
    lines = [
        f"{counted(len(services), 'service')}, {counted(len(mesh.pods), 'pod')},"
        f" {counted(len(plan.lanes), 'lane')}"
        f" from {_short_sources(mesh.sources)} ({mesh.provider})"
    ]
    if mesh.left_to_cluster:
        kinds = sorted(set(mesh.left_to_cluster))
        counts = ", ".join(f"{mesh.left_to_cluster.count(kind)} {kind}" for kind in kinds)
        lines.append(f"not simulated: {counts}")
    lines += first_ten(f"warning: {warning}" for warning in of_manifests(mesh))
    if services_dropping := sorted({pod.app for pod in dropping(mesh)}):
        lines.append(lanes_end(", ".join(services_dropping)))
    routes = {host.domain: host.routes for host in mesh.gateway}
    entry_hosts = {rule.host for lane in plan.lanes for rule in lane.entry_rules}
    others = [
        domain
        for domain in routes
        if routes[domain] != routes[plan.domain] and any_of(domain) not in entry_hosts
    ]
    if others:
        lines.append(
            f"planned for {plan.domain}; the gateway has other rules for {', '.join(others)}"
        )
    if plan.path != "/":
        lines.append(f"planned for the path {plan.path}")
    return lines


def show_errors(mesh: Mesh, console: Console) -> None:
    """Print what is not supported and so left out."""
    errors = first_ten(f"error: {error}" for error in mesh.not_supported)
    console.lines(line for error in errors for line in folded(error, console.width))


def show_headline(mesh: Mesh, plan: Plan, console: Console) -> None:
    """Print the headline. Lines after the first are folded to the console's width."""
    first, *others = headline(mesh, plan)
    console.lines([first, *(line for other in others for line in folded(other, console.width))])


def gateway_line(url: str, plan: Plan, seconds: float) -> str:
    """Return a line: the gateway's URL, the headers to send, and the seconds it took to start."""
    request = plan.request
    headers = [f"Host: {request.host}"] if request.host else []
    headers += [f"{name}: {value}" for name, value in request.headers.items()]
    shown = f" ({', '.join(headers)})" if headers else ""
    return f"gateway {url.rstrip('/')}{request.path}{shown}   ready in {seconds:.1f} s"


def _short_sources(sources: tuple[str, ...]) -> str:
    """Return the paths of the manifests, in few characters."""
    short = " ".join(map(_short, sources))
    if len(short) <= _MOST_CHARACTERS:
        return short
    return " ".join(Path(source).name for source in sources)


def _short(source: str) -> str:
    path = Path(source)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        return str(path.relative_to(Path.cwd()))
    return source


def show_calls(calls: Mapping[str, Iterable[str]], console: Console) -> None:
    """Print the services that each service calls, in lines up to the console's width."""
    width = max(map(len, calls), default=0)
    for caller, called in calls.items():
        first, *rest = wrapped([*called], console.width - width - 4)
        console.line(f"{caller:{width}} -> {first}")
        console.lines(f"{'':{width}}    {line}" for line in rest)


def plan_table(plan: Plan) -> Table:
    """Return a table of the plan: a row for each lane, a column for each service."""
    services = _services(plan)
    unreached = list(dict.fromkeys(hop.service for lane in plan.lanes for hop in lane.unreached))
    entered = any(lane.entry_rules for lane in plan.lanes)
    rows = []
    for lane in plan.lanes:
        on_path, outside = cells_of(lane.path), cells_of(lane.unreached)
        row: list[Cell] = [lane.name, str(lane.weight)]
        row += [on_path.get(service, "") for service in services]
        row += [outside.get(service, "") for service in unreached]
        rows.append([*row, ", ".join(map(str, lane.entry_rules))] if entered else row)
    headings = ["lane", "weight", *services, *(f"{service} ?" for service in unreached)]
    return Table([*headings, "entry rules"] if entered else headings, rows, right=[1])


def turned(plan: Plan) -> Table:
    """Return the table with a column for each lane, which suits many services or long names."""
    table = plan_table(plan)
    headings, *rows = zip(table.headings, *table.rows, strict=True)
    return Table([str(heading) for heading in headings], rows)


def blocks(plan: Plan, width: int) -> list[str]:
    """Return the plan as a block for each lane, in lines up to `width` unless a name is longer."""
    lines = []
    for lane in plan.lanes:
        rules = f", by {', '.join(map(str, lane.entry_rules))}" if lane.entry_rules else ""
        unreached = [f"{service} ? {text}" for service, text in cells_of(lane.unreached).items()]
        steps = [*_steps(lane), *unreached]
        lines += wrapped([f"lane {lane.name}", f"weight {lane.weight}{rules}"], width)
        lines += [f"  {line}" for line in wrapped(steps, width - 2)]
    return lines


def cells_of(hops: Iterable[Hop]) -> dict[str, Text]:
    """Return what answers at each service. Callers that get different answers make it several."""
    cells: dict[str, dict[str, Text]] = {}
    for hop in hops:
        text = cell(hop)
        cells.setdefault(hop.service, {})[text.plain] = text
    return {service: Text(" / ").join(texts.values()) for service, texts in cells.items()}


def cell(hop: Hop) -> Text:
    """Return the version that answers, or several with shares, and the mark of the reason."""
    if hop.failing:
        failing = ", ".join(f"{part.status} {_percent(part.share)}" for part in hop.failing)
        return cell(replace(hop, failing=())).append(f" ({failing})")
    if hop.reason == Reason.UNSUPPORTED:
        return Text("?", style="red")
    if hop.reason == Reason.NONE:
        return Text("- !" if hop.misrouted else "-", style="red")
    versions = "|".join(version or NO_VERSION for version in hop.versions)
    answering = _parts(hop) if hop.parts else versions
    if hop.reason in MISROUTED:
        return Text(f"{answering} !", style="red")
    if hop.reason == Reason.FALLBACK:
        return Text(f"{answering} *", style="yellow")
    if hop.shares and not hop.parts:
        shares = zip(hop.versions, hop.shares, strict=True)
        return Text(" ".join(f"{name or NO_VERSION} {_percent(share)}" for name, share in shares))
    return Text(answering)


def _parts(hop: Hop) -> str:
    """Return the Services that answer, with their versions, and shares if there are several."""
    words = []
    for part in hop.parts:
        versions = "|".join(version or NO_VERSION for version in part.versions)
        share = f" {_percent(part.share)}" if len(hop.parts) > 1 else ""
        words.append(f"{part.service} {versions}{share}")
    return ", ".join(words)


def _percent(share: float) -> str:
    return f"{round(100 * share, 2):.4g}%"


def one_line(lane: Lane) -> str:
    """Return a lane's path in words: mocka v2, mockb v1 *, mockc v2."""
    return ", ".join(_steps(lane))


def _steps(lane: Lane) -> list[str]:
    return [f"{service} {text}" for service, text in cells_of(lane.path).items()]


def _services(plan: Plan) -> list[str]:
    return list(dict.fromkeys(hop.service for lane in plan.lanes for hop in lane.path))


def pods_table(rows: Iterable[tuple[str, str, int]]) -> Table:
    """Return a table of each pod's name, address and process id."""
    return Table(("pod", "address", "pid"), [(pod, at, str(pid)) for pod, at, pid in rows])


def show_plan(plan: Plan, console: Console) -> None:
    """Print the plan in the first form that fits the console's width, and the notes on it."""
    plan = with_distinct_names(plan)
    for columns, form in ((len(_services(plan)), plan_table), (len(plan.lanes), turned)):
        # Cells of many lanes at many services take minutes, so a form that cannot fit makes none.
        if columns <= console.width and width_of(table := form(plan)) <= console.width:
            show(table, console)
            break
    else:
        console.lines(blocks(plan, console.width))
    console.lines(line for note in plan_notes(plan) for line in folded(note, console.width))
