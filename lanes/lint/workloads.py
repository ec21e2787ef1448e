"""Workloads: the resources that make pods."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lanes.reading import kinds
from lanes.reading.manifests import Manifests, Resource


@dataclass(frozen=True)
class Workload:
    """A resource that makes pods, or a Pod. `path`: the field of the template; "" for a Pod."""

    resource: Resource
    template: kinds.PodTemplate
    path: str
    match_labels: Mapping[str, str]

    @property
    def labels(self) -> Mapping[str, str]:
        return self.template.metadata.labels

    def field(self, below: str) -> str:
        """Return the path of a field of the template."""
        return f"{self.path}{below}"


def workloads_of(manifests: Manifests) -> Iterator[Workload]:
    """Yield every workload that has a template, then every Pod."""
    specs: list[tuple[Resource, kinds.WorkloadSpec | kinds.RolloutSpec]] = [
        *((resource, body.spec) for resource, body in manifests.of(kinds.Workload)),
        *((resource, body.spec) for resource, body in manifests.of(kinds.Rollout)),
    ]
    for resource, spec in specs:
        if spec.template:
            yield Workload(resource, spec.template, "spec.template.", spec.selector.match_labels)
    for resource, body in manifests.of(kinds.Pod):
        metadata = kinds.PodMetadata.model_construct(
            labels=body.metadata.labels, annotations=body.metadata.annotations
        )
        template = kinds.PodTemplate.model_construct(metadata=metadata, spec=body.spec)
        yield Workload(resource, template, "", {})
