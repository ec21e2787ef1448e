"""What tells of hops beside answers: the options, and the sources that they name."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from lanes.errors import LanesError

if TYPE_CHECKING:
    from lanes.evidence.source import Sources
    from lanes.mesh.model import Mesh
    from lanes.planning.result import Plan
    from lanes.verification.gateway import Gateway


@dataclass(frozen=True)
class EvidenceOptions:
    """Where traces and access logs are; None: nowhere."""

    traces: str | None
    access_logs: str | None

    @contextmanager
    def open(self, gateway: "Gateway", mesh: "Mesh", planned: "Plan") -> "Iterator[Sources | None]":
        """The sources that are named, and that of a `lanes up` whose gateway this is; None where
        there is none of them. Raises LanesError for one that can't be read.
        """
        from lanes.evidence.laptop import laptop
        from lanes.evidence.source import Sources
        from lanes.evidence.workloads import Workloads
        from lanes.verification.collected import Traces, trace_store
        from lanes.verification.logged import AccessLogs

        if self.access_logs == "-" and "-" in mesh.sources:
            raise LanesError("--access-logs and --manifests both read standard input. Name a file.")
        with laptop(*gateway.at) as running:
            names = Workloads.of(mesh)
            # A lane header of its own is in no baggage, and these sources tell no other header.
            by_baggage = all(lane.carrier == "baggage" for lane in planned.lanes)
            header = planned.header if by_baggage else ""
            traces = self.traces and Traces(trace_store(self.traces), names, header)
            logs = self.access_logs and AccessLogs(self.access_logs, names, header)
            sources = tuple(source for source in (running, logs, traces) if source)
            yield Sources(sources) if sources else None


def evidence_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that name sources. The command gets them as `evidence`."""

    @wraps(command)
    def packed(*args: Any, traces: str | None, access_logs: str | None, **rest: Any) -> None:
        command(*args, evidence=EvidenceOptions(traces, access_logs), **rest)

    return click.option(
        "--traces",
        metavar="URL|FILE",
        help="Also see hops in traces: the query API of Jaeger or Tempo, or a file of OTLP JSON.",
    )(
        click.option(
            "--access-logs",
            metavar="FILE|-",
            help="Also see hops in Envoy's access logs: JSON lines, as they come.",
        )(packed)
    )
