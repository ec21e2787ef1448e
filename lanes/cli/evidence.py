"""The options that name evidence of hops besides answers: traces and access logs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from lanes.cli.options import packed
from lanes.errors import LanesError

if TYPE_CHECKING:
    from lanes.evidence.source import Sources
    from lanes.mesh.model import Mesh
    from lanes.planning.result import Plan
    from lanes.verification.gateway import Gateway


@dataclass(frozen=True)
class EvidenceOptions:
    """Where traces and access logs are; None if the user names none."""

    traces: str | None
    access_logs: str | None

    @contextmanager
    def open(self, gateway: "Gateway", mesh: "Mesh", planned: "Plan") -> "Iterator[Sources | None]":
        """Open the named sources, and the calls of `lanes up` if this is its gateway.

        Yields None if there is no source. Raises LanesError if one cannot be read.
        """
        from lanes.evidence.laptop import laptop
        from lanes.evidence.source import Sources
        from lanes.evidence.workloads import Workloads
        from lanes.verification.collected import Traces, trace_store
        from lanes.verification.logged import AccessLogs

        if self.access_logs == "-" and "-" in mesh.sources:
            raise LanesError("--access-logs and --manifests both read standard input. Name a file.")
        with laptop(*gateway.at) as calls:
            workloads = Workloads.of(mesh)
            # Traces and access logs show baggage, and no other header.
            by_baggage = all(lane.carrier == "baggage" for lane in planned.lanes)
            header = planned.header if by_baggage else ""
            traces = self.traces and Traces(trace_store(self.traces), workloads, header)
            logs = self.access_logs and AccessLogs(self.access_logs, workloads, header)
            sources = tuple(source for source in (calls, logs, traces) if source)
            yield Sources(sources) if sources else None


evidence_options = packed(
    "evidence",
    EvidenceOptions,
    click.option(
        "--traces",
        metavar="URL|FILE",
        help="Also read hops from traces: the API of Jaeger or Tempo, or a file of OTLP JSON.",
    ),
    click.option(
        "--access-logs",
        metavar="FILE|-",
        help="Also read hops from Envoy's access logs: JSON lines, as they are written.",
    ),
)
