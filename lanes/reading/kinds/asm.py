"""Alibaba Cloud Service Mesh's own kind."""

from lanes.reading.kinds.fields import Closed, ClosedKind, HeaderName


class WorkloadSelector(Closed):
    labels: dict[str, str] = {}


class ASMHeaderPropagationSpec(Closed):
    headers: list[HeaderName] = []
    header_prefix: list[HeaderName] = []
    workload_selector: WorkloadSelector | None = None


class ASMHeaderPropagation(ClosedKind):
    spec: ASMHeaderPropagationSpec
