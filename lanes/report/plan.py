"""The plan in print: what the manifests hold, and which version answers each lane."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from rich.table import Table
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
from lanes.report.tables import counted, folded, new_table, show, width_of, wrapped

# Characters that names of what was read may take; beyond, their folders are left out.
_SOURCES = 80


def headline(mesh: Mesh, plan: Plan) -> list[str]:
    """Return, in lines, what the manifests hold, what is not simulated, what drops baggage."""
    services = {port.host for port in mesh.ports if not is_outside(mesh, port)}
    lines = [
        f"{counted(len(services), 'service')}, {counted(len(mesh.pods), 'pod')},"
        f" {counted(len(plan.lanes), 'lane')}"
        f" from {_named(mesh.sources)} ({mesh.provider})"
    ]
    if mesh.left_to_cluster:
        kinds = sorted(set(mesh.left_to_cluster))
        named = ", ".join(f"{mesh.left_to_cluster.count(kind)} {kind}" for kind in kinds)
        lines.append(f"not simulated: {named}")
    lines += first_ten(f"warning: {warning}" for warning in of_manifests(mesh))
    if lost := sorted({pod.app for pod in dropping(mesh)}):
        lines.append(lanes_end(", ".join(lost)))
    rules = {host.domain: host.routes for host in mesh.gateway}
    entered = {rule.host for lane in plan.lanes for rule in lane.entry_rules}
    others = [
        domain
        for domain in rules
        if rules[domain] != rules[plan.domain] and any_of(domain) not in entered
    ]
    if others:
        lines.append(
            f"planned for {plan.domain}; the gateway has other rules for {', '.join(others)}"
        )
    if plan.path != "/":
        lines.append(f"planned for the path {plan.path}")
    return lines


def show_errors(mesh: Mesh, console: Console) -> None:
    """Print what is not supported, and left out."""
    errors = first_ten(f"error: {error}" for error in mesh.not_supported)
    console.lines(line for one in errors for line in folded(one, console.width))


def show_headline(mesh: Mesh, plan: Plan, console: Console) -> None:
    """Print it; what follows its first line is no longer than the console is wide."""
    first, *others = headline(mesh, plan)
    console.lines([first, *(line for one in others for line in folded(one, console.width))])


def gateway_line(url: str, plan: Plan, seconds: float) -> str:
    """Where the gateway is, what to call it, and how long it took to get there."""
    request = plan.request
    headers = [f"Host: {request.host}"] if request.host else []
    headers += [f"{name}: {value}" for name, value in request.headers.items()]
    shown = f" ({', '.join(headers)})" if headers else ""
    return f"gateway {url.rstrip('/')}{request.path}{shown}   ready in {seconds:.1f} s"


def _named(sources: tuple[str, ...]) -> str:
    """What was read, in few characters."""
    short = " ".join(map(_short, sources))
    return short if len(short) <= _SOURCES else " ".join(Path(source).name for source in sources)


def _short(source: str) -> str:
    path = Path(source)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        return str(path.relative_to(Path.cwd()))
    return source


def show_calls(calls: Mapping[str, Iterable[str]], console: Console) -> None:
    """Print whom each service calls, in lines no longer than the console is wide."""
    width = max(map(len, calls), default=0)
    for caller, called in calls.items():
        first, *rest = wrapped([*called], console.width - width - 4)
        console.line(f"{caller:{width}} -> {first}")
        console.lines(f"{'':{width}}    {line}" for line in rest)


def plan_table(plan: Plan) -> Table:
    """The lanes by row, the services by column, the versions in between."""
    table = new_table()
    table.add_column("lane")
    table.add_column("weight", justify="right")
    services = _services(plan)
    for service in services:
        table.add_column(service)
    elsewhere = list(dict.fromkeys(hop.service for lane in plan.lanes for hop in lane.unreached))
    for service in elsewhere:
        table.add_column(f"{service} ?")
    opened = any(lane.entry_rules for lane in plan.lanes)
    if opened:
        table.add_column("entry rules")
    for lane in plan.lanes:
        known, unreached = cells_of(lane.path), cells_of(lane.unreached)
        row = [known.get(service, Text()) for service in services]
        row += [unreached.get(service, Text()) for service in elsewhere]
        rules = [Text(", ".join(map(str, lane.entry_rules)))] if opened else []
        table.add_row(lane.name, str(lane.weight), *row, *rules)
    return table


def turned(plan: Plan) -> Table:
    """The same, with the lanes by column, for services that are many or have long names."""
    table = new_table()
    rows = plan_table(plan)
    table.add_column("lane")
    for lane in plan.lanes:
        table.add_column(lane.name)
    for column in rows.columns[1:]:
        table.add_row(str(column.header), *column.cells)
    return table


def blocks(plan: Plan, width: int) -> list[str]:
    """The same again, a lane a block, in lines no longer than `width` where names allow it."""
    lines = []
    for lane in plan.lanes:
        rules = f", by {', '.join(map(str, lane.entry_rules))}" if lane.entry_rules else ""
        unreached = [f"{service} ? {text}" for service, text in cells_of(lane.unreached).items()]
        steps = [*_steps(lane), *unreached]
        lines += wrapped([f"lane {lane.name}", f"weight {lane.weight}{rules}"], width)
        lines += [f"  {line}" for line in wrapped(steps, width - 2)]
    return lines


def cells_of(hops: Iterable[Hop]) -> dict[str, Text]:
    """By service what answers there; all of it, where that depends on who calls, and how."""
    found: dict[str, dict[str, Text]] = {}
    for hop in hops:
        text = cell(hop)
        found.setdefault(hop.service, {})[text.plain] = text
    return {service: Text(" / ").join(texts.values()) for service, texts in found.items()}


def cell(hop: Hop) -> Text:
    """A version, marked where it is not the lane's own; or several, with their shares."""
    if hop.failing:
        shares = percents((str(one.status), one.share) for one in hop.failing)
        failing = ", ".join(f"{status} {share:.4g}%" for status, share in shares)
        return cell(replace(hop, failing=())).append(f" ({failing})")
    if hop.reason == Reason.UNSUPPORTED:
        return Text("?", style="red")
    if hop.reason == Reason.NONE:
        return Text("- !" if hop.misrouted else "-", style="red")
    versions = [version or NO_VERSION for version in hop.versions]
    if hop.parts:
        return _services_cell(hop)
    if hop.reason in MISROUTED:
        return Text(f"{'|'.join(versions)} !", style="red")
    if hop.reason == Reason.FALLBACK:
        return Text(f"{'|'.join(versions)} *", style="yellow")
    if hop.shares:
        parts = zip(versions, hop.shares, strict=True)
        return Text(" ".join(f"{version} {share:.4g}%" for version, share in percents(parts)))
    return Text("|".join(versions))


def _services_cell(hop: Hop) -> Text:
    """The Services that answer with their versions, marked as versions are."""
    several = len(hop.parts) > 1
    words = []
    for part in hop.parts:
        versions = "|".join(version or NO_VERSION for version in part.versions)
        share = f" {round(100 * part.share, 2):.4g}%" if several else ""
        words.append(f"{part.service} {versions}{share}")
    if hop.reason in MISROUTED:
        return Text(f"{', '.join(words)} !", style="red")
    if hop.reason == Reason.FALLBACK:
        return Text(f"{', '.join(words)} *", style="yellow")
    return Text(", ".join(words))


def percents(parts: Iterable[tuple[str, float]]) -> Iterator[tuple[str, float]]:
    """Shares of 0 to 1 as percents."""
    for version, share in parts:
        yield version, round(100 * share, 2)


def one_line(lane: Lane) -> str:
    """A lane's path in words: mocka v2, mockb v1 *, mockc v2."""
    return ", ".join(_steps(lane))


def _steps(lane: Lane) -> list[str]:
    return [f"{service} {text}" for service, text in cells_of(lane.path).items()]


def _services(plan: Plan) -> list[str]:
    return list(dict.fromkeys(hop.service for lane in plan.lanes for hop in lane.path))


def pods_table(rows: Iterable[tuple[str, str, int]]) -> Table:
    """Each pod's name, address and process id."""
    table = new_table()
    for heading in ("pod", "address", "pid"):
        table.add_column(heading)
    for name, address, pid in rows:
        table.add_row(name, address, str(pid))
    return table


def show_plan(plan: Plan, console: Console) -> None:
    """Print the plan, in the first form that the console is wide enough for, and its marks.

    What is no terminal counts as 80 columns wide.
    """
    plan = with_distinct_names(plan)
    for columns, form in ((len(_services(plan)), plan_table), (len(plan.lanes), turned)):
        # Cells of many lanes at many services take minutes: none are made for what cannot fit.
        if columns <= console.width and width_of(table := form(plan)) <= console.width:
            show(table, console)
            break
    else:
        console.lines(blocks(plan, console.width))
    notes = (line for note in plan_notes(plan) for line in folded(note, console.width))
    console.lines(notes)
