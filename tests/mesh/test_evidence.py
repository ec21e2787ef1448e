"""The hops that `lanes up` sees of services whose answers show none."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToJson

from lanes.envoy import Json
from lanes.envoy.tracing import Collector
from lanes.evidence.causes import Cause
from lanes.evidence.laptop import laptop
from lanes.evidence.spans import Span
from lanes.evidence.workloads import Workloads
from lanes.page.feed import Feed, follow, serving
from lanes.page.tap import tap
from lanes.planning.plan import plan
from lanes.running.address import free_port
from lanes.running.runtime import RunningMesh, run
from lanes.verification.collected import TraceFile, Traces
from lanes.verification.gateway import Gateway
from lanes.verification.load_profile import LoadProfile
from lanes.verification.result import Result
from lanes.verification.run import VerificationRun
from lanes.verification.tracing import Trace, trace
from lanes.verification.verdict import Holds
from lanes.verification.verify import verify
from tests.mesh.collecting import collecting
from tests.mesh.running import ROOT, eventually, load, pod

PAGE = f"exec {sys.executable} {ROOT / 'tests/languages/plain/page.py'}"
SOUND = "HANDS_ON=baggage"
OTHERS = tuple(f"{name}={SOUND},traceparent {PAGE}" for name in ("mocka", "mockc"))


@contextmanager
def telling(
    *commands: str,
    manifests: str = "k8s/asm",
    collector: Collector | None = None,
    amend: Callable[[Json, Path], Json] = lambda config, _: config,
) -> Iterator[RunningMesh]:
    """Run manifests, by default the sample's, with a feed of calls as `lanes up` has it.

    `commands` run in place of services. `amend` changes Envoy's configuration last.
    """
    mesh = load(str(ROOT / manifests), commands=commands)
    planned, port = plan(mesh), free_port()
    with tap(mesh, planned) as tapped, ExitStack() as stack:
        own = tapped.extras.amend
        extras = replace(tapped.extras, amend=lambda config, at: amend(own(config, at), at))
        running = stack.enter_context(run(mesh, port, extras, collector))
        feed = Feed(mesh, planned, {pod.key: running.address(pod) for pod in mesh.pods})
        follow(tapped, feed.send)
        with serving(feed, port) as served:
            assert served
            yield running


def verified(mesh: RunningMesh, requests: int = 60, concurrency: int = 8) -> Result:
    load = LoadProfile(requests, (), concurrency)
    gateway = Gateway(mesh.url)
    with laptop(*gateway.at) as evidence:
        assert evidence is not None
        return VerificationRun(plan(mesh.mesh), (), load).run(
            gateway, lambda x, _: iter(x), evidence
        )


def traced(mesh: RunningMesh, lane: str) -> Trace:
    gateway = Gateway(mesh.url, traced=True)
    with laptop(*gateway.at) as evidence:
        return trace(gateway.client(), plan(mesh.mesh), lane, evidence)


def left(result: Result) -> set[tuple[str, str, str, Cause]]:
    return {(lane, at.caller, at.service, at.cause) for lane, at, _ in result.verdict.breaks}


@pytest.mark.parametrize(
    ("services", "handed_on"),
    [(("mockb",), "baggage"), (("mocka", "mockb", "mockc"), "baggage,traceparent")],
)
def test_hops_of_foreign_services_come_from_the_calls_between_them(
    services: Iterable[str], handed_on: str
) -> None:
    with telling(*(f"{name}=HANDS_ON={handed_on} {PAGE}" for name in services)) as mesh:
        result = verified(mesh)
        assert (result.verdict.holds, result.verdict.unexpected) == (Holds.HOLD, ())
        assert {str(hop) for hop, _ in result.performance.hops} == {
            *("mocka v1", "mocka v2", "mocka v3", "mockb v1", "mockb v3", "mockc v1", "mockc v2")
        }
        told = traced(mesh, "v2")
        assert (told.ok, told.unseen) == (True, ())
        assert [(h.step.service, h.step.version, h.depth) for h in told.hops] == [
            ("mocka", "v2", 0),
            ("mockb", "v1", 1),
            ("mockc", "v2", 2),
        ]


@pytest.mark.parametrize(
    ("handed_on", "manifests", "others"),
    [("traceparent", "k8s/asm", ()), ("b3", "k8s/istio", OTHERS), ("", "k8s/asm", OTHERS)],
)
def test_a_service_that_does_not_propagate_the_lane_is_named(
    handed_on: str, manifests: str, others: tuple[str, ...]
) -> None:
    """Also where its trace goes on, and where the versions behind it are right by chance."""
    commands = (f"mockb@v1=HANDS_ON={handed_on} {PAGE}", f"mockb@v3={SOUND} {PAGE}")
    with telling(*commands, *others, manifests=manifests) as mesh:
        result = verified(mesh)
        assert result.verdict.holds is Holds.DO_NOT_HOLD
        assert left(result) == {
            ("v1", "mockb", "mockc", Cause.NOT_PROPAGATED),
            ("v2", "mockb", "mockc", Cause.NOT_PROPAGATED),
        }
        told = traced(mesh, "v2")
        assert told.problem is not None
        assert told.problem.broken is not None
        assert told.problem.broken.caller == "mockb"


def test_a_pod_that_is_not_ready_is_named() -> None:
    with telling(f"mockb={SOUND} {PAGE}", *OTHERS) as mesh:
        gone = pod(mesh, "mockc-v2")
        mesh.kill_pod(gone)
        eventually(lambda: not mesh.runs(gone))
        result = verified(mesh)
        assert left(result) == {("v2", "mockb", "mockc", Cause.NOT_READY)}


def test_traces_of_services_or_of_envoy_alone_show_the_hops(tmp_path: Path) -> None:
    """In a file of OTLP's JSON. mocka answers with a page; mockb and mockc are the sample's."""
    with collecting() as (where, exported):
        handed_on = "HANDS_ON=baggage,traceparent"
        with telling(f"mocka={handed_on} {PAGE}", collector=where) as mesh:
            answers = [Gateway(mesh.url, traced=True).client().send() for _ in range(12)]
            assert all(answer.foreign for answer in answers)
            file, wanted = tmp_path / "traces.json", {answer.trace for answer in answers}
            workloads = Workloads.of(mesh.mesh)

            def spans() -> Mapping[str, list[Span]]:
                file.write_text("\n".join(MessageToJson(told, indent=None) for told in exported))
                return TraceFile(str(file)).spans(wanted)

            # Of each: the gateway's span, two of mockb and one of mockc.
            eventually(lambda: [len(spans().get(t, ())) for t in wanted] == [4] * len(wanted))
    completed = Traces(TraceFile(str(file)), workloads, "version", 0.1, 1.0).complete(answers)
    verdict = verify(plan(mesh.mesh), completed)
    assert (verdict.unexpected, verdict.errors) == ((), 0)
    for answer in completed:
        assert [step.service for step in answer.path] == ["mockb", "mockc"]
        assert {step.version for step in answer.path} <= {"v1", "v2", "v3"}


def test_access_logs_need_lanes_up_at_the_port() -> None:
    with laptop("127.0.0.1", free_port()) as none, laptop("192.0.2.1", 8080) as remote:
        assert none is None
        assert remote is None
