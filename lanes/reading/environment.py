"""A container's variables, as a kubelet would set them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lanes.reading import kinds

_METADATA = re.compile(r"metadata\.(?:(name|namespace)|(labels|annotations)\['([^']+)'\])")
# Printable ASCII without "=":
# https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
_NAME = re.compile("[ -<>-~]+")
# Linux starts no program with a variable of more than 128 KiB, nor with many such variables.
MOST_BYTES = 2**18

# NUL, and halves of surrogate pairs.
_UNUSABLE = re.compile("[\0\ud800-\udfff]")
_REFERENCE = re.compile(r"\$(\$|\(([^()]+)\))")


@dataclass(frozen=True)
class Fields:
    """A pod's fields that its variables can refer to."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True)
class Environment:
    """Variables by name, and the names of those that hold the pod's own address."""

    variables: Mapping[str, str] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()


def environment(entries: Iterable[kinds.EnvVar], fields: Fields) -> Environment:
    """Return the variables that `entries` give to a pod with these fields.

    Variables from secrets, and from other sources outside the manifests, are left out. Raises
    ValueError if the expanded values have more than MOST_BYTES characters together.
    """
    variables: dict[str, str] = {}
    addresses: list[str] = []
    left = MOST_BYTES
    for entry in entries:
        source = entry.value_from
        if source is None and "$" not in entry.value:
            variables[entry.name] = entry.value
        elif source is None:
            variables[entry.name] = _expanded(entry.value, variables, left)
            left -= len(variables[entry.name])
        elif source.field_ref and source.field_ref.field_path == "status.podIP":
            addresses.append(entry.name)
        elif source.field_ref and (match := _METADATA.fullmatch(source.field_ref.field_path)):
            variables[entry.name] = _field(fields, match)
    return Environment(variables, tuple(addresses))


def unusable(variables: Mapping[str, str], addresses: Iterable[str]) -> str | None:
    """Say what is wrong with the first variable that no process can have; None: nothing."""
    for name in (*variables, *addresses):
        if not _NAME.fullmatch(name):
            return f'"{name}" is not a name of a variable: use letters, digits and _'
    for name, value in variables.items():
        if _UNUSABLE.search(value):
            return f"the value of {name} has a character that a variable cannot hold"
    return None


def _field(fields: Fields, match: re.Match[str]) -> str:
    if match[1]:
        return fields.name if match[1] == "name" else fields.namespace
    values = fields.labels if match[2] == "labels" else fields.annotations
    return values.get(match[3], "")


def _expanded(value: str, variables: Mapping[str, str], most: int) -> str:
    """Return `value` with each $(NAME) of a known variable replaced, and $ for each $$.

    Raises ValueError as soon as the result exceeds `most` characters.
    """
    length = len(value)

    def fill(match: re.Match[str]) -> str:
        nonlocal length
        text = "$" if match[1] == "$" else variables.get(match[2], match[0])
        length += len(text) - len(match[0])
        if length > most:
            raise ValueError(f"has more than {MOST_BYTES // 2**10} KiB with each $(NAME) filled in")
        return text

    return _REFERENCE.sub(fill, value)
