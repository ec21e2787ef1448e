"""Run a mesh for a test, and send requests to it."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Protocol

import urllib3

from lanes.evidence.answers import parse
from lanes.evidence.steps import Answer
from lanes.mesh.model import Mesh, Pod
from lanes.planning.plan import plan
from lanes.reading.commands import Command
from lanes.reading.reader import read
from lanes.reading.resolve import resolve
from lanes.running.address import free_port
from lanes.running.runtime import RunningMesh, run
from lanes.verification.gateway import Gateway
from lanes.verification.sending import send_repeatedly
from lanes.verification.verdict import Verdict
from lanes.verification.verify import verify
from tests.hostile import each, forms

ROOT = Path(__file__).parents[2]

# The path of each of the sample's lanes.
PATHS = [
    ("v1", ["mocka v1", "mockb v1", "mockc v1"]),
    ("v2", ["mocka v2", "mockb v1", "mockc v2"]),
    ("v3", ["mocka v3", "mockb v3", "mockc v1"]),
]


def load(*paths: str, commands: Iterable[str] = ()) -> Mesh:
    """Read manifests, with commands in place of stand-ins."""
    return resolve(read(paths), map(Command.of, commands))


@contextmanager
def running(*paths: str, commands: Iterable[str] = ()) -> Iterator[RunningMesh]:
    with run(load(*paths, commands=commands), free_port()) as mesh:
        yield mesh


def under_load(
    mesh: RunningMesh, requests: int | None, clients: int = 8
) -> Generator[Answer, None, None]:
    """Yield answers while `clients` send requests without a pause; None: without end."""
    return send_repeatedly(Gateway(mesh.url).client(), requests, clients)


def failed(answers: list[Answer]) -> list[str]:
    return [f"{answer.status} {answer.text}" for answer in answers if answer.status != 200]


def verdict_of(mesh: RunningMesh, requests: int = 60) -> Verdict:
    """Return the verdict, or that of a second run if only the split differs in the first.

    The false alarm rate is 1 in 1,000 runs. A wrong split differs in every run.
    """
    verdict = verify(plan(mesh.mesh), under_load(mesh, requests))
    if verdict.ok or verdict.unexpected:
        return verdict
    return verify(plan(mesh.mesh), under_load(mesh, requests))


class Target(Protocol):
    """A mesh that answers at a URL."""

    @property
    def url(self) -> str: ...


def ask(
    mesh: Target, headers: list[tuple[str, str]] | None = None, path: str = ""
) -> tuple[Answer, urllib3.BaseHTTPResponse]:
    """Send one request with these header lines, unchanged."""
    lines = urllib3.HTTPHeaderDict([("Accept", "application/json"), *(headers or [])])
    response = urllib3.request("GET", mesh.url + path, headers=lines, retries=False)
    kind = response.headers.get("Content-Type", "")
    return parse(response.status, kind, response.data), response


def ask_in_lane(
    mesh: RunningMesh, lane: str, headers: list[tuple[str, str]] | None = None
) -> Answer:
    """Send requests until the gateway puts one into `lane`, and return its answer."""
    for _ in range(200):
        answer, _ = ask(mesh, headers)
        if answer.lane == lane:
            return answer
    raise AssertionError(f"200 requests and none in lane {lane}")


def require_drawn(mesh: Target, headers: list[tuple[str, str]], requests: int) -> None:
    """Require that weights choose the lanes of requests with these headers: not v3 for all."""
    answers = [ask(mesh, headers)[0] for _ in range(requests)]
    seen = {answer.lane for answer in answers}
    assert seen <= {"v1", "v2", "v3"}
    assert seen != {"v3"}
    for answer in answers:
        assert answer.path[0].version == answer.lane
        assert {step.lane for step in answer.path} == {answer.lane}


def versions(answer: Answer) -> list[str]:
    return [f"{step.service} {step.version}" for step in answer.path]


# Every request is in an incomplete lane: if its lane is lost, the baseline answers.
INCOMPLETE = {"v1": 0, "v2": 50, "v3": 50}


def misrouted(mesh: RunningMesh) -> list[str]:
    """Return the hostile forms, alone and mixed, whose requests leave the planned paths."""
    lanes = plan(mesh.mesh)
    sent = [*each(), *islice(forms(8), 60)]
    return [str(f) for f in sent if verify(lanes, [ask(mesh, f.headers)[0]]).unexpected]


def pod(mesh: RunningMesh, name: str) -> Pod:
    return next(p for p in mesh.mesh.pods if p.name == name)


def eventually(holds: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)
