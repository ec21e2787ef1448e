"""What `lanes demo` does: start the mesh, verify it, stop a pod, start it again, and end."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile

from lanes.console import Console
from lanes.errors import LanesError
from lanes.evidence.steps import Answer
from lanes.mesh.model import Mesh, Pod
from lanes.mesh.without_pods import without_pods
from lanes.planning.hop import Reason
from lanes.planning.plan import plan
from lanes.planning.result import Lane, Plan
from lanes.report.closing import closing
from lanes.report.plan import gateway_line, one_line, show_headline, show_plan
from lanes.report.verdict import show_verdict
from lanes.running.runtime import RunningMesh, run
from lanes.verification.classification import fits
from lanes.verification.gateway import Client, planned_gateway
from lanes.verification.sending import send_each, send_repeatedly
from lanes.verification.split import LANE_REQUESTS, default_requests
from lanes.verification.targets import entry_targets
from lanes.verification.verify import verify

_CONCURRENCY = 8
_SHOWN_ANSWERS = 4
_LANE_ANSWERS = 60
_PATIENCE_SECONDS = 30.0

Say = Callable[..., None]
Progress = Callable[[Iterable[Answer], int], Iterator[Answer]]


@dataclass(frozen=True)
class Loss:
    """A pod to stop, and the plan of its lane with the pod and without it."""

    pod: Pod
    before: Lane
    after: Lane


def demonstrate(
    mesh: Mesh, port: int, requests: int | None, console: Console, progress: Progress
) -> bool:
    """Run the demonstration on real processes. Return whether lanes held for every request.

    `requests` is how many requests verify the split; None means as many as its weights need.
    """
    planned = plan(mesh)
    requests = requests or default_requests(map(planned.share, planned.lanes))
    say = console.line
    show_headline(mesh, planned, console)
    began = time.monotonic()
    with run(mesh, port) as running:
        say(gateway_line(running.url, planned, time.monotonic() - began))
        say()
        show_plan(planned, console)
        for note in running.notes:
            say(note)
        say()
        client = planned_gateway(running.url, planned).client()
        for _ in range(_SHOWN_ANSWERS):
            say(client.send("text/plain", planned.request).text)
        answers = list(progress(send_repeatedly(client, requests, _CONCURRENCY), requests))
        calls = entry_targets(planned, planned.enterable, LANE_REQUESTS)
        entered = send_each(client, calls, _CONCURRENCY)
        verdict = verify(planned, answers, entered)
        say("...")
        show_verdict(verdict, console)
        held = verdict.ok
        loss = find_loss(mesh, planned)
        if loss is None:
            say("stopping no pod: no lane has a single pod at a service with a fallback")
            say()
        elif all(answer.lane is None for answer in answers):
            say("stopping no pod: no answer says which lane it was in")
            say()
        elif held:
            held = _stop(running, client, loss, say) and _start_again(running, client, loss, say)
    say("Lanes do NOT hold." if verdict.ok and not held else closing(verdict))
    return held


def find_loss(mesh: Mesh, planned: Plan) -> Loss | None:
    """Return the pod to stop: a lane's only one of its version, as late on its path as possible.

    Without the pod, every hop of its lane still has an answer, and other lanes do not change.
    Returns None if there is no such pod.
    """
    for lane in planned.lanes:
        if not lane.weight:
            continue
        for hop in reversed(lane.path):
            pods = [p for p in mesh.pods if p.app == hop.service and p.version == hop.version]
            if len(pods) != 1 or hop.reason != Reason.MATCH:
                continue
            try:
                after = plan(without_pods(mesh, pods))
            except LanesError:  # without the pod there is no plan
                continue
            answers, left = (
                {other.name: other.entry.answer for other in lanes if other.name != lane.name}
                for lanes in (planned.lanes, after.lanes)
            )
            changed = next((other for other in after.lanes if other.name == lane.name), None)
            if changed and answers == left and Reason.NONE not in (h.reason for h in changed.path):
                return Loss(pods[0], lane, changed)
    return None


def _stop(running: RunningMesh, client: Client, loss: Loss, say: Say) -> bool:
    """Stop the pod under load. Return whether no request failed and its lane fell back."""
    pod, lane = loss.pod, loss.before.name
    answers: list[Answer] = []
    after: list[Answer] = []
    say(f"stopping the only {pod.app} {pod.version} ...")
    load = send_repeatedly(client, None, _CONCURRENCY)
    try:
        answers += [answer for answer, _ in zip(load, range(_LANE_ANSWERS), strict=False)]
        running.ask_to_stop(pod)
        answers += takewhile(lambda _: running.runs(pod), load)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while len(after) < _LANE_ANSWERS and time.monotonic() < deadline:
            answer = next(load)
            answers.append(answer)
            if answer.lane == lane:
                after.append(answer)
    finally:
        load.close()
    failed = [answer for answer in answers if answer.status != 200]
    misrouted = [answer for answer in after if not fits(answer, loss.after)]
    as_planned = len(after) - len(misrouted)
    say(f"  lane {lane}: {as_planned} of {len(after)} answered by {one_line(loss.after)}")
    say(f"  {len(answers)} requests meanwhile, {len(failed)} failed")
    for answer in (failed + misrouted)[:5]:
        say(f"  status {answer.status}: {answer.text}")
    return bool(after) and not failed and not misrouted


def _start_again(running: RunningMesh, client: Client, loss: Loss, say: Say) -> bool:
    """Start the pod again, and print how long the lane takes to return to it."""
    pod, lane = loss.pod, loss.before.name
    say("starting it again ...")
    began = time.monotonic()
    running.start_pod(pod)
    while time.monotonic() < began + _PATIENCE_SECONDS:
        answer = client.send()
        if answer.lane == lane and fits(answer, loss.before):
            say(f"  lane {lane}: back at {pod.app} {pod.version} after {_since(began)}")
            say()
            return True
    say(f"  lane {lane}: NOT back at {pod.app} {pod.version} after {_since(began)}")
    say()
    return False


def _since(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"
