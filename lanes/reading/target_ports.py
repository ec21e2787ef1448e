"""Ports of pods whose containers name none: the target ports of their Services."""

from collections.abc import Iterator, Mapping

from lanes.reading import kinds
from lanes.reading.manifests import Manifests
from lanes.reading.serving import names_ports, serving


class TargetPorts:
    """Looks up the target ports of the Services that select a pod."""

    def __init__(self, manifests: Manifests) -> None:
        # By namespace and the first label of the selector.
        self._services: dict[tuple[str, str, str], list[kinds.ServiceSpec]] = {}
        for _, body in manifests.of(kinds.Service):
            for label in list(body.spec.selector.items())[:1]:
                key = (body.metadata.namespace, *label)
                self._services.setdefault(key, []).append(body.spec)

    def filled(self, template: kinds.PodTemplate, namespace: str) -> kinds.PodTemplate:
        """Return a template whose serving container has the target port of its Services.

        The template is unchanged if a container names a port, or no Service has a number as its
        target port.
        """
        if names_ports(template.spec):
            return template
        number = next(self._numbers(namespace, template.metadata.labels), None)
        if number is None:
            return template
        port = kinds.ContainerPort.model_validate({"containerPort": number})
        containers = list(template.spec.containers)
        index, container = serving(template.spec)
        containers[index] = container.model_copy(update={"ports": [port]})
        spec = template.spec.model_copy(update={"containers": containers})
        return template.model_copy(update={"spec": spec})

    def _numbers(self, namespace: str, labels: Mapping[str, str]) -> Iterator[int]:
        for label in labels.items():
            for spec in self._services.get((namespace, *label), []):
                if spec.selector.items() <= labels.items():
                    targets = (p.target_port or p.port for p in spec.ports if p.protocol == "TCP")
                    yield from (target for target in targets if isinstance(target, int))
