"""What the plan and lint say of the same manifests: by sets made from a seed.

SETS and SEED choose how many, and which, such as SETS=2000 SEED=7.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lanes.errors import LanesError
from lanes.lint.check import lint
from lanes.mesh.diagnostics import Finding
from lanes.mesh.examples import example
from lanes.mesh.matching import Match
from lanes.mesh.model import Mesh, Route
from lanes.planning.plan import plan
from lanes.planning.request import Request
from lanes.planning.result import Plan
from lanes.reading.reader import read
from lanes.reading.resolve import resolve
from tests.istio.generated import Set, generate
from tests.kube import Document, write

SETS = int(os.environ.get("SETS") or 100)
SEED = os.environ.get("SEED") or "lint"
BATCH = 50

# Rules that say why a lane does not get its own version at a service.
CAUSES = {
    *("TL001", "TL002", "TL009", "TL010", "TL011", "TL012", "TL014", "TL015", "TL016", "TL023"),
    *("TL028", "TL034", "TL037"),
}
# Of what stands twice lint says that first, and not what follows from it.
TWICE = "TL033"
# Rules that say why a lane header does not reach a service: they stand at those that call it.
LOSSES = {"TL005", "TL008", "TL024", "TL027"}


@pytest.mark.parametrize("first", range(0, SETS, BATCH))
def test_what_the_plan_says_lint_says_and_the_other_way_round(first: int, tmp_path: Path) -> None:
    counted: Counter[str] = Counter()
    wrong: list[str] = []
    for number in range(first, min(first + BATCH, SETS)):
        made = generate(f"{SEED}-{number}")
        file = write(tmp_path, *made.documents, name=f"{number}.yaml")
        found = lint([file]).findings
        try:
            mesh = resolve(read([file]))
            planned = plan(mesh)
        except LanesError:
            counted["no plan"] += 1
            continue
        counted["plan"] += 1
        for kind, said in (*_missing(made, mesh, planned, found), *_untrue(mesh, found)):
            counted[kind] += 1
            if said:
                wrong.append(f"{SEED}-{number} {made.twists}: {said}")
    print(dict(sorted(counted.items())))
    assert not wrong, "\n".join(wrong)
    assert counted["plan"] > counted["no plan"]


def _missing(
    made: Set, mesh: Mesh, planned: Plan, found: tuple[Finding, ...]
) -> Iterator[tuple[str, str]]:
    """What the plan says, by its kind, and in words where lint does not say it; else ""."""
    told = {name for one in found if one.rule in CAUSES for name in _about(made, one.resource)}
    lost = any(one.rule in LOSSES for one in found)
    twice = any(one.rule == TWICE for one in found)
    for lane in planned.lanes:
        for hop in lane.path:
            if hop.misrouted:
                names = {host.name for host in hop.hosts}
                said = twice or names & told or (lost and hop.misrouted.reason == "lost")
                wrong = f"no finding for lane {lane.name} at {hop.service}: {hop.misrouted}"
                yield f"plan: {hop.misrouted.reason}", "" if said else wrong
    for warning in mesh.warnings:
        if warning.rule == "unrouted":
            name = warning.resource.removeprefix("Service ")
            yield "plan: no rule counts", "" if name in told else f"no finding for {warning}"


def _about(made: Set, resource: str) -> set[str]:
    """The names of the Services that a resource of a set names."""
    kind, name = resource.split(" ", 1)
    named = (d for d in made.documents if (d["kind"], d["metadata"]["name"]) == (kind, name))
    return {name, *(text for document in named for text in _hosts(document["spec"]))}


def _hosts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        texts = value.get("hosts", [])
        for text in [value.get("host"), *(texts if isinstance(texts, list) else [])]:
            if isinstance(text, str):
                yield text.partition(".")[0]
        yield from (ref["name"] for ref in value.get("parentRefs", []))
        yield from (text for inner in value.values() for text in _hosts(inner))
    elif isinstance(value, list):
        yield from (text for inner in value for text in _hosts(inner))


def _untrue(mesh: Mesh, found: tuple[Finding, ...]) -> Iterator[tuple[str, str]]:
    """What lint says of rules, by its code, and in words where it is not so; else ""."""
    tables = [port.routes for port in mesh.ports] + [host.routes for host in mesh.gateway]
    unrouted = {one.resource for one in mesh.warnings if one.rule == "unrouted"}
    for one in found:
        problem = ""
        if one.rule == "TL002":
            problem = "" if one.resource in unrouted else "the plan has rules there"
        elif one.rule == "TL014":
            problem = next((said for table in tables for said in _reached(table, one)), "")
        elif one.rule == "TL012":
            rule = replace(one, field=one.field.partition(".match[")[0])
            problem = next((said for table in tables if (said := _all_reached(table, rule))), "")
        elif one.rule in ("TL009", "TL015"):
            problem = next((said for table in tables for said in _answered(table, one)), "")
        else:
            continue
        yield f"lint: {one.rule}", f"{one}: {problem}" if problem else ""


def _all_reached(table: tuple[Route, ...], finding: Finding) -> str:
    """Return the request that gets to a rule of which one match is never met, as lint says."""
    told = [*_requests(table, finding)]
    return str(told[0][0]) if told and all(reached for _, reached in told) else ""


def _reached(table: tuple[Route, ...], finding: Finding) -> Iterator[str]:
    """Yield requests that get to a rule which none gets to, as lint says."""
    return (f"{request} gets there" for request, reached in _requests(table, finding) if reached)


def _requests(table: tuple[Route, ...], finding: Finding) -> Iterator[tuple[Request, bool]]:
    """Yield a request for each match of a finding's rule, and whether it gets there."""
    for route in table:
        if (route.place.resource, route.place.field) == (finding.resource, finding.field):
            for match in route.matches or (Match(),):
                if request := _request(match):
                    yield request, request.rule(table) is route


def _request(match: Match) -> Request | None:
    """A request that a match is for; None: no example is known."""
    headers = {name: example(asked) for name, asked in match.headers.items()}
    path = (example(match.uri) if match.uri else "/") or "/"
    method = (example(match.method) if match.method else "GET") or "GET"
    known = {name: value for name, value in headers.items() if value is not None}
    return Request(known, path, method) if known.keys() == headers.keys() else None


def _answered(table: tuple[Route, ...], finding: Finding) -> Iterator[str]:
    """Yield destinations that have pods in a subset which has none, as lint says."""
    where = finding.field.partition(".route[")[0]
    named = finding.message.partition("from subset ")[2].partition(";")[0]
    service = finding.resource.partition(" ")[2]
    for route in table:
        for number, weighted in enumerate(route.destinations):
            destination = weighted.destination
            if finding.rule == "TL009":
                meant = (destination.host.name, destination.subset) == (service, named)
            else:
                place = route.place.resource, route.place.field
                leg = f"{where}.route[{number}].destination.subset"
                meant = place == (finding.resource, where) and leg == finding.field
            if meant and any(destination.tiers):
                yield f"{destination.name} has pods"


def test_a_rule_behind_an_expression_for_every_path_is_found_by_both(tmp_path: Path) -> None:
    made = generate("lint", "nothing")
    host = made.inner
    everything: Document = {**made.rules(host)[-1], "match": [{"uri": {"regex": ".*"}}]}
    made.rules(host).insert(0, everything)
    file = write(tmp_path, *made.documents)
    planned = plan(resolve(read([file])))
    marks = {hop.reason for lane in planned.lanes for hop in lane.path if hop.service == host}
    assert "shadowed" in marks
    assert {one.rule for one in lint([file]).findings} == {"TL014"}
