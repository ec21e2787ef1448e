"""What the command line prints: text for people, JSON for programs."""

from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lanes.hosts import any_of
from lanes.judging import split
from lanes.judging.verify import Entered, LaneVerdict, Verdict
from lanes.model import Mesh
from lanes.planning.plan import FALLBACK, NONE, Hop, Lane, Plan

Json = dict[str, Any]

# Characters of an answer that is shown: a chain of some ten services.
_SHOWN = 600


def headline(mesh: Mesh, plan: Plan) -> str:
    """What the manifests hold, what is left to the cluster, and where baggage is dropped."""
    services = {port.host for port in mesh.ports}
    line = (
        f"{_counted(len(services), 'service')}, {_counted(len(mesh.pods), 'pod')},"
        f" {_counted(len(plan.lanes), 'lane')}"
        f" from {' '.join(map(_short, mesh.sources))} ({mesh.provider})"
    )
    if mesh.left_to_cluster:
        kinds = sorted(set(mesh.left_to_cluster))
        named = ", ".join(f"{mesh.left_to_cluster.count(kind)} {kind}" for kind in kinds)
        line += f"\nleft to the cluster: {named}"
    lost = sorted({pod.app for pod in mesh.pods if pod.upstream_urls and not pod.carries_baggage})
    if lost:
        line += f"\nlanes end at {', '.join(lost)}: OpenTelemetry is set to carry no baggage there"
    rules = {host.domain: host.routes for host in mesh.gateway}
    entered = {way.host for lane in plan.lanes for way in lane.ways}
    others = [
        domain
        for domain in rules
        if rules[domain] != rules[plan.domain] and any_of(domain) not in entered
    ]
    if others:
        line += f"\nplanned for {plan.domain}; the gateway has other rules for {', '.join(others)}"
    return line


def gateway_line(url: str, plan: Plan, seconds: float) -> str:
    """Where the gateway is, what to call it, and how long it took to get there."""
    host = f" (Host: {plan.host})" if plan.host else ""
    return f"gateway {url}{host}   ready in {seconds:.1f} s"


def _short(source: str) -> str:
    path = Path(source)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        return str(path.relative_to(Path.cwd()))
    return source


def plan_table(plan: Plan) -> Table:
    """The lanes by row, the services by column, the versions in between."""
    table = _table()
    table.add_column("lane")
    table.add_column("weight", justify="right")
    services = _services(plan)
    for service in services:
        table.add_column(service)
    opened = any(lane.ways for lane in plan.lanes)
    if opened:
        table.add_column("ways in")
    for lane in plan.lanes:
        hops = {hop.service: hop for hop in lane.path}
        cells = [cell(hops.get(service)) for service in services]
        ways = [Text(", ".join(map(str, lane.ways)))] if opened else []
        table.add_row(lane.name, str(lane.weight), *cells, *ways)
    return table


def plan_notes(plan: Plan) -> list[str]:
    """What the marks in the plan's table mean, where they stand in it, and what it leaves out."""
    reasons = {(hop.why, hop.status) for lane in plan.lanes for hop in lane.path}
    notes = {
        (FALLBACK, 200): "* falls back: the lane has no version here",
        (NONE, 503): "- answers 503: the lane has no version here, and no fallback",
        (NONE, 404): "- answers 404: no rule takes the lane here",
        (NONE, 500): "- answers 500: the rule names no Service that exists, or gives it no weight",
    }
    told = [note for reason, note in notes.items() if reason in reasons]
    return told + [f"not planned: {words}" for words in plan.unplanned]


def cell(hop: Hop | None) -> Text:
    """A version, marked where it is not the lane's own."""
    if hop is None:
        return Text("")
    if hop.why == NONE:
        return Text("-", style="red")
    if hop.why == FALLBACK:
        return Text(f"{hop.version} *", style="yellow")
    return Text(hop.version)


def one_line(lane: Lane) -> str:
    """A lane's path in words: mocka v2, mockb v1 *, mockc v2."""
    return ", ".join(f"{hop.service} {cell(hop).plain}" for hop in lane.path)


def _services(plan: Plan) -> list[str]:
    return list(dict.fromkeys(hop.service for lane in plan.lanes for hop in lane.path))


def pods_table(rows: Iterable[tuple[str, str, int]]) -> Table:
    """Each pod's name, address and process id."""
    table = _table()
    for heading in ("pod", "address", "pid"):
        table.add_column(heading)
    for name, address, pid in rows:
        table.add_row(name, address, str(pid))
    return table


def plan_json(plan: Plan) -> Json:
    return {
        "lanes": [
            {
                "lane": lane.name,
                "weight": lane.weight,
                "path": [
                    {"service": hop.service, "version": hop.version, "why": hop.why}
                    for hop in lane.path
                ],
                "ways": [
                    {"headers": dict(way.headers), "host": way.host, "path": way.path}
                    for way in lane.ways
                ],
            }
            for lane in plan.lanes
        ],
        "unplanned": list(plan.unplanned),
    }


def counts(verdict: Verdict) -> str:
    """How many requests there were, and how many failed or were refused as planned."""
    refused = f", {verdict.refused} refused as planned" if verdict.refused else ""
    drawn, entered = verdict.requests, sum(e.count for e in verdict.entered)
    asked = _counted(drawn or entered, "request")
    if entered:
        asked += f" by weight, {entered} by ways in" if drawn else " by ways in"
    return f"{asked}, {verdict.errors} failed{refused}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def verdict_table(verdict: Verdict) -> Table:
    table = _table()
    table.add_column("lane")
    table.add_column("weight", justify="right")
    table.add_column("seen", justify="right")
    table.add_column("interval")
    table.add_column("paths")
    for lane in verdict.lanes:
        table.add_row(
            lane.name,
            _percent(lane.expected),
            f"{lane.count} ({_percent(lane.share)})",
            _interval(lane),
            _paths(lane),
        )
    return table


def entered_table(verdict: Verdict) -> Table:
    """The lanes that were entered on purpose, by which way, and how that went."""
    table = _table()
    for heading in ("lane", "entered by", "paths"):
        table.add_column(heading)
    for entered in verdict.entered:
        table.add_row(entered.lane, str(entered.by), _as_planned(entered))
    return table


VERDICT_NOTE = "interval: where the true share lies; a sound split misses it in 1 run of 1,000"

# A difference between share and weight, in hundredths, that a run should be able to tell.
_FINE = 5


def split_note(verdict: Verdict) -> list[str]:
    """What so many requests tell of the split, where that is little."""
    shares = [lane.expected for lane in verdict.lanes]
    points = round(100 * split.told(verdict.requests, shares))
    if points <= _FINE or len(shares) == 1:
        return []
    more = split.telling(_FINE / 100, shares)
    asked = _counted(verdict.requests, "request")
    return [f"found with {asked}: shares {points} points off; with {more:,}: {_FINE} points"]


def closing(verdict: Verdict) -> str:
    """The verdict in a sentence, which claims nothing of a lane that nobody entered."""
    if verdict.entered and not verdict.requests:
        alone = f"Lane {_named(verdict.lanes)}"
        return f"{alone} holds." if verdict.ok else f"{alone} does NOT hold."
    if verdict.unexpected or not all(lane.fits for lane in verdict.lanes):
        return "Lanes do NOT hold."
    absent = [lane for lane in verdict.lanes if not lane.judged]
    missed = [lane for lane in verdict.lanes if not lane.ok]
    if missed:
        most = max(split.showing(lane.expected, len(verdict.lanes)) for lane in missed)
        asked = _counted(verdict.requests, "request")
        by_weight = " by weight" if verdict.entered else ""
        return (
            f"Lanes NOT all judged: none of {asked}{by_weight} entered {_named(missed)};"
            f" {most:,} would show it."
        )
    if absent:
        were, them = ("was", "it") if len(absent) == 1 else ("were", "them")
        return f"Lanes hold; {_named(absent)} {were} not judged: no request entered {them}."
    return "Lanes hold."


def _named(lanes: Iterable[LaneVerdict]) -> str:
    return ", ".join(lane.name for lane in lanes)


def _interval(lane: LaneVerdict) -> Text:
    text = f"{_percent(lane.low)} to {_percent(lane.high)}"
    if lane.fits:
        return Text(text)
    return Text(f"{text}: not {_percent(lane.expected)}", style="red")


def _percent(share: float) -> str:
    return f"{share:.1%}" if 0.0005 <= share < 0.01 else f"{share:.0%}"


def _paths(lane: LaneVerdict) -> Text:
    if not lane.count:
        said = "none drawn" if lane.entered else "not judged"
        return Text(said, style="red" if lane.expected else "")
    return _as_planned(lane)


def _as_planned(judged: LaneVerdict | Entered) -> Text:
    if judged.as_planned == judged.count:
        return Text(f"{judged.count} as planned")
    return Text(f"{judged.count - judged.as_planned} NOT as planned", style="red")


def unexpected_lines(verdict: Verdict, most: int = 5) -> list[str]:
    """The offending answers, the most frequent first."""
    lines = []
    for item in verdict.unexpected[:most]:
        status = f"status {item.status}: " if item.status else ""
        times = "once" if item.count == 1 else f"{item.count} times"
        lines += [f"{times} {item.problem}:", f"  {status}{shown(item.text)}"]
    if len(verdict.unexpected) > most:
        lines.append(f"and {len(verdict.unexpected) - most} other kinds of wrong answer")
    return lines


def shown(text: str) -> str:
    """An answer on one line, as much of it as helps."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[:_SHOWN] + " ..."


def verdict_json(verdict: Verdict) -> Json:
    return {
        "ok": verdict.ok,
        "requests": verdict.requests,
        "errors": verdict.errors,
        "lanes": {
            lane.name: {
                "count": lane.count,
                "share": round(lane.share, 4),
                "expected": round(lane.expected, 4),
                "low": round(lane.low, 4),
                "high": round(lane.high, 4),
                "as_planned": lane.as_planned,
                "judged": lane.judged,
                "ok": lane.ok if lane.judged or not lane.ok else None,
                "entered": [
                    {"by": str(e.by), "count": e.count, "as_planned": e.as_planned}
                    for e in lane.entered
                ],
            }
            for lane in verdict.lanes
        },
        "unexpected": [
            {"problem": u.problem, "answer": u.text, "status": u.status, "count": u.count}
            for u in verdict.unexpected
        ],
        "hints": list(verdict.hints),
    }


def show_plan(plan: Plan, console: Console) -> None:
    """Print the plan's table, and what the marks in it mean."""
    show(plan_table(plan), console)
    _print(plan_notes(plan), console)


def show_verdict(verdict: Verdict, console: Console) -> None:
    """Print how the lanes fared, and the offending answers."""
    _print([counts(verdict), ""], console)
    if verdict.requests:
        show(verdict_table(verdict), console)
        _print([VERDICT_NOTE, *split_note(verdict)], console)
    if verdict.entered:
        _print([""] if verdict.requests else [], console)
        show(entered_table(verdict), console)
    _print([*unexpected_lines(verdict), *verdict.hints, ""], console)


def show(table: Table, console: Console) -> None:
    """Print a table as wide as it is, without the blanks that would fill up its last column."""
    wide = Console(
        file=StringIO(),
        width=10_000,  # a table takes what it needs of it
        color_system="auto" if console.is_terminal else None,
        force_terminal=console.is_terminal,
    )
    with wide.capture() as captured:
        wide.print(table)
    _print((line.rstrip() for line in captured.get().splitlines()), console)


def _print(lines: Iterable[str], console: Console) -> None:
    for line in lines:
        console.file.write(f"{line}\n")


def _table() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
