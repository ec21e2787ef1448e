"""Whatever servers answer, each command says something of it and ends: by seed, thousands of them.

ANSWERS= and SEED= say how many and which.
"""

import json
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Any, NoReturn, cast
from xml.etree import ElementTree

import pytest

from lanes.console import Console
from lanes.errors import LanesError
from lanes.evidence.answers import parse
from lanes.evidence.steps import MOST_CHARACTERS, MOST_HOPS, Answer
from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule
from lanes.planning.result import Plan
from lanes.report.html import html
from lanes.report.junit import junit
from lanes.report.result import result_json, show_result
from lanes.report.trace import show_trace, trace_json
from lanes.verification.gateway import Gateway
from lanes.verification.load_profile import LoadProfile
from lanes.verification.run import VerificationRun
from lanes.verification.targets import entry_targets
from lanes.verification.tracing import traced
from tests.kube import asm
from tests.unit.lanes.clockwork import BESIDE, PATHS, TWO_WAYS
from tests.unit.lanes.reading import plan_of

ANSWERS, SEED = int(os.environ.get("ANSWERS", "6000")), int(os.environ.get("SEED", "17"))
# Answers of one run; one of them is traced.
RUN = 1_000
PLANS = (plan_of(*asm()), plan_of(*asm(strict=True)), BESIDE, TWO_WAYS)

# What stands for a tree that is too deep for `json.dumps`.
DEEP, NESTED = "deep", '{"name": "a", "version": "b", "ip": "", "lane": null, "upstreams": ['

VALUES: list[Any] = [
    *(None, True, False, 0, -1, 2**63, 10**400, -(10**400), 1e308, -1e308, 5e-324, 1e-9, 600, 99),
    *(float("nan"), float("inf"), -float("inf"), -0.0, 86_400_000, 86_400_001),
    *(
        "",
        " ",
        "v1",
        "v2",
        "mocka",
        "\ud800",
        "a\udfffb",
        "\0",
        "\x1b]0;x\x07",
        "\x9b31m",
        "\u202e",
    ),
    *("\u2066", "\u2028", "\n", "\r\nLanes hold.", "[red]x[/]", "[/]", "[link=http://x]", "<b>"),
    *("x" * 254, "y" * 100_000, "-> a(version: b, ip: c)", "http://[", "http://a:b/", "{{ 7 }}"),
    *([], {}, [[]], [None], ["x"], {"name": "mockb"}, {"url": 5}, DEEP, [DEEP], "ﷺ" * 99),
    *({str(n): n for n in range(2_000)}, list(range(2_000)), [{"url": "http://a/"}] * 1_200),
]
KEYS = (
    *("name", "version", "ip", "lane", "namespace", "status", "error", "url", "text"),
    *("duration_ms", "upstreams"),
)
TYPES = (
    "application/json",
    "application/json; charset=utf-16",
    "text/plain",
    "",
    "\x1b[31m",
    "A/b",
)
STATUSES = (200, 200, 200, 204, 302, 404, 418, 500, 503, 999)
CHUNKS = (
    b"",
    b"-> ",
    b"->",
    b"(version: ",
    b", ip: ",
    b")",
    b"\0",
    b"\xff",
    b"\x1b[2J",
    b"http://[ ",
)


def tree(chance: random.Random) -> dict[str, Any]:
    """Return a right answer of the sample."""
    lane = chance.choice(list(PATHS))
    node: dict[str, Any] = {}
    for name, version in zip(("mockc", "mockb", "mocka"), PATHS[lane].split()[::-1], strict=True):
        node = {
            "name": name,
            "version": version,
            "namespace": None,
            "ip": "127.0.0.1",
            "lane": lane,
            "duration_ms": chance.random() * 9,
            "status": 200,
            "error": None,
            "upstreams": [node] if node else [],
        }
    return node


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        upstreams = value.get("upstreams")
        for upstream in upstreams if isinstance(upstreams, list) else ():
            yield from nodes(upstream)


def bent(chance: random.Random) -> bytes:
    """Return the tree with some values changed, removed or doubled."""
    answer = tree(chance)
    for _ in range(chance.randint(1, 3)):
        node = chance.choice([one for one in nodes(answer) if one] or [answer])
        key = chance.choice(KEYS)
        match chance.randrange(4):
            case 0:
                node.pop(key, None)
            case 1 if isinstance(node.get("upstreams"), list):
                node["upstreams"] = [*node["upstreams"], tree(chance)] * chance.choice((1, 2, 30))
            case _:
                node[key] = json.loads(json.dumps(chance.choice(VALUES)))
    text = json.dumps(answer, ensure_ascii=chance.random() < 0.5)
    depth = chance.choice((9, 99, 999, 9_999))
    deep = NESTED * depth + "]}" * depth
    return text.replace(f'"{DEEP}"', deep).encode(errors="surrogatepass")


def lined(chance: random.Random) -> bytes:
    """Return about the same as a line."""
    told = (
        f"-> {node.get('name')}(version: {node.get('version')}, ip: x)"
        for node in nodes(tree(chance))
    )
    return "".join(told).encode()


def torn(chance: random.Random, body: bytes) -> bytes:
    """Return the bytes with some removed, doubled, flipped or inserted."""
    found = bytearray(body)
    for _ in range(chance.randint(0, 4)):
        at = chance.randrange(len(found) + 1)
        match chance.randrange(5):
            case 0:
                del found[at:]
            case 1:
                del found[at : at + chance.randint(1, 30)]
            case 2:
                found[at:at] = chance.choice(CHUNKS)
            case 3 if at < len(found):
                found[at] = chance.randrange(256)
            case 4:
                found[at:at] = found[: chance.randint(0, 60)]
    return bytes(found)


def made(chance: random.Random) -> Answer:
    """Return the next answer as a client parses it."""
    if chance.random() < 0.02:
        return Answer(0, "no answer: it breaks HTTP/1.1")
    kind = chance.random()
    body = tree_bytes(chance) if kind < 0.3 else bent(chance) if kind < 0.8 else lined(chance)
    if chance.random() < 0.3:
        body = torn(chance, body)
    status, content = chance.choice(STATUSES), chance.choice(TYPES[:1] * 8 + TYPES)
    return parse(status, content, body)


def tree_bytes(chance: random.Random) -> bytes:
    return json.dumps(tree(chance)).encode()


@dataclass
class Stranger:
    """A gateway that answers each request with anything, within a second."""

    chance: random.Random
    address: str = "http://gateway/"

    def client(self) -> "Stranger":
        return self

    def require_reachable(self) -> None:
        pass

    def send(self, rule: EntryRule = NO_ENTRY_RULE) -> Answer:  # noqa: ARG002
        found = made(self.chance)
        assert len(found.path) <= MOST_HOPS
        assert len(found.text) <= MOST_CHARACTERS + 4
        return Answer(
            found.status,
            found.text,
            found.path,
            self.chance.random() * 60,
            self.chance.random() * 1000,
            0.0,
            found.unreadable,
        )


def refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def said(plan: Plan, stranger: Stranger) -> None:
    """Verify and trace a run, and write every report of both."""
    asking = LoadProfile(RUN, entry_targets(plan, plan.enterable, 5), concurrency=1)
    run = VerificationRun(plan, ("mesh.yaml",), asking)
    result = run.run(cast(Gateway, stranger), lambda answers, _: iter(answers))
    trace = traced(plan, stranger.send())
    console = Console(file=StringIO(), width=100)
    show_result(result, console)
    show_trace(trace, console)
    for found in (result_json(result), trace_json(trace)):
        json.loads(json.dumps(found), parse_constant=refuse)
    html(result).encode()
    ElementTree.fromstring(junit(result).encode())  # noqa: S314 ours


@pytest.mark.parametrize("part", range(4))
def test_whatever_servers_answer(part: int) -> None:
    for run in range(part, ANSWERS // RUN, 4):
        stranger = Stranger(random.Random(f"{SEED}.{run}"))
        try:
            said(PLANS[run % len(PLANS)], stranger)
        except LanesError:
            continue
        except Exception as error:
            pytest.fail(f"SEED={SEED}, run {run}: {error!r}")
