"""Variables that ConfigMaps hold: a container that takes them has them as though it set them."""

from collections.abc import Iterator, Mapping
from typing import Any

from lanes.reading import kinds
from lanes.reading.manifests import Manifests


class ConfigMaps:
    """The ConfigMaps that were read; what is in none of them stays as it is."""

    def __init__(self, manifests: Manifests) -> None:
        self._data: dict[tuple[str, str], Mapping[str, str]] = {}
        for _, body in manifests.of(kinds.ConfigMap):
            strings = {name: value for name, value in body.data.items() if isinstance(value, str)}
            self._data.setdefault((body.metadata.namespace, body.metadata.name), strings)

    def filled(self, template: kinds.PodTemplate, namespace: str) -> kinds.PodTemplate:
        """The template of pods in `namespace`, with the values that its containers take."""
        if not self._data:
            return template
        containers = [self._container(one, namespace) for one in template.spec.containers]
        if containers == template.spec.containers:
            return template
        spec = template.spec.model_copy(update={"containers": containers})
        return template.model_copy(update={"spec": spec})

    def _container(self, container: kinds.Container, namespace: str) -> kinds.Container:
        taken: list[kinds.EnvVar] = []
        left: list[Any] = []
        for source in container.env_from if isinstance(container.env_from, list) else []:
            reference = source.get("configMapRef") if isinstance(source, dict) else None
            data = self._of(reference, namespace)
            if data is None:
                left.append(source)
            else:
                prefix = str(source.get("prefix") or "")
                taken += (_variable(f"{prefix}{name}", value) for name, value in data.items())
        own = list(self._own(container, namespace))
        if own == container.env and not taken:
            return container
        return container.model_copy(update={"env_from": left, "env": [*taken, *own]})

    def _own(self, container: kinds.Container, namespace: str) -> Iterator[kinds.EnvVar]:
        for variable in container.env:
            source = variable.value_from
            reference = source.config_map_key_ref if source else None
            key = reference.get("key") if isinstance(reference, dict) else None
            value = (self._of(reference, namespace) or {}).get(str(key))
            yield variable if value is None else _variable(variable.name, value)

    def _of(self, reference: Any, namespace: str) -> Mapping[str, str] | None:
        name = reference.get("name") if isinstance(reference, dict) else None
        return self._data.get((namespace, str(name)))


def _variable(name: str, value: str) -> kinds.EnvVar:
    """A variable with this value as it is: a ConfigMap's $(NAME) stands for nothing."""
    return kinds.EnvVar(name=name, value=value.replace("$", "$$"))
