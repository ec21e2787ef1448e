"""A container's variables, as a kubelet would set them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lanes.reading import kinds

_METADATA = re.compile(r"metadata\.(?:(name|namespace)|(labels|annotations)\['([^']+)'\])")
# https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/: ASCII that can be
# printed, but for the sign behind which the value stands.
_NAME = re.compile("[ -<>-~]+")
_REFERENCE = re.compile(r"\$(\$|\(([^()]+)\))")


@dataclass(frozen=True)
class Fields:
    """What a variable can refer to in its own pod."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True)
class Environment:
    """Variables by name; `addresses` are those that hold the pod's own address."""

    variables: Mapping[str, str] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()


def environment(entries: Iterable[kinds.EnvVar], fields: Fields) -> Environment:
    """The variables that `entries` give to the pod of `fields`.

    What comes from a secret, or from elsewhere that no manifest tells, is left out.
    """
    variables: dict[str, str] = {}
    addresses: list[str] = []
    for entry in entries:
        source = entry.value_from
        if source is None:
            variables[entry.name] = _expanded(entry.value, variables)
        elif source.field_ref and source.field_ref.field_path == "status.podIP":
            addresses.append(entry.name)
        elif source.field_ref and (match := _METADATA.fullmatch(source.field_ref.field_path)):
            variables[entry.name] = _field(fields, match)
    return Environment(variables, tuple(addresses))


def unusable(variables: Mapping[str, str], addresses: Iterable[str]) -> str | None:
    """What is wrong with the first variable that no process can have; None where all are well."""
    for name in (*variables, *addresses):
        if not _NAME.fullmatch(name):
            return f'"{name}" is no name of a variable: letters, digits, and _ are'
    for name, value in variables.items():
        # A half of a surrogate pair stands for no character.
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            return f"the value of {name} has a character that no variable can hold"
    return None


def _field(fields: Fields, match: re.Match[str]) -> str:
    if match[1]:
        return fields.name if match[1] == "name" else fields.namespace
    values = fields.labels if match[2] == "labels" else fields.annotations
    return values.get(match[3], "")


def _expanded(value: str, variables: Mapping[str, str]) -> str:
    """`value` with each $(NAME) that is known so far filled in; $$ stands for one $."""

    def fill(match: re.Match[str]) -> str:
        return "$" if match[1] == "$" else variables.get(match[2], match[0])

    return _REFERENCE.sub(fill, value)
