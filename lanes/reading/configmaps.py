"""Variables from ConfigMaps, written into the containers that refer to them."""

from collections.abc import Iterator, Mapping
from typing import Any

from lanes.reading import kinds
from lanes.reading.manifests import Manifests


class ConfigMaps:
    """The ConfigMaps of the manifests. A reference to any other stays as it is."""

    def __init__(self, manifests: Manifests) -> None:
        self._data: dict[tuple[str, str], Mapping[str, str]] = {}
        for _, body in manifests.of(kinds.ConfigMap):
            strings = {name: value for name, value in body.data.items() if isinstance(value, str)}
            self._data.setdefault((body.metadata.namespace, body.metadata.name), strings)

    def filled(self, template: kinds.PodTemplate, namespace: str) -> kinds.PodTemplate:
        """Return a template of pods in `namespace`, with values in place of references."""
        if not self._data:
            return template
        containers = [self._container(one, namespace) for one in template.spec.containers]
        if containers == template.spec.containers:
            return template
        spec = template.spec.model_copy(update={"containers": containers})
        return template.model_copy(update={"spec": spec})

    def _container(self, container: kinds.Container, namespace: str) -> kinds.Container:
        env_from: list[Any] = []
        env: list[kinds.EnvVar] = []
        for source in container.env_from if isinstance(container.env_from, list) else []:
            reference = source.get("configMapRef") if isinstance(source, dict) else None
            data = self._of(reference, namespace)
            if data is None:
                env_from.append(source)
            else:
                prefix = str(source.get("prefix") or "")
                env += (_variable(f"{prefix}{name}", value) for name, value in data.items())
        env += self._env(container, namespace)
        if env == container.env:
            return container
        return container.model_copy(update={"env_from": env_from, "env": env})

    def _env(self, container: kinds.Container, namespace: str) -> Iterator[kinds.EnvVar]:
        for variable in container.env:
            source = variable.value_from
            reference = source.config_map_key_ref if source else None
            key = reference.get("key") if isinstance(reference, dict) else None
            value = (self._of(reference, namespace) or {}).get(str(key))
            yield variable if value is None else _variable(variable.name, value)

    def _of(self, reference: Any, namespace: str) -> Mapping[str, str] | None:
        """Return the ConfigMap that a reference names; None: no such one."""
        name = reference.get("name") if isinstance(reference, dict) else None
        return self._data.get((namespace, str(name)))


def _variable(name: str, value: str) -> kinds.EnvVar:
    """Return a variable with this literal value: $(NAME) of a ConfigMap is not expanded."""
    return kinds.EnvVar(name=name, value=value.replace("$", "$$"))
