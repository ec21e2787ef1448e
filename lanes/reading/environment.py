"""A container's variables, as a kubelet would set them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lanes.reading import kinds

_METADATA = re.compile(r"metadata\.(?:(name|namespace)|(labels|annotations)\['([^']+)'\])")
# https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/: ASCII that can be
# printed, but for the sign behind which the value stands.
_NAME = re.compile("[ -<>-~]+")
# Linux starts no program with more than 128 KiB in a variable, or some of them in all.
MOST_BYTES = 2**18

# A half of a surrogate pair stands for no character.
_UNUSABLE = re.compile("[\0\ud800-\udfff]")
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

    What comes from a secret, or from elsewhere that no manifest tells, is left out. Raises
    ValueError where each $(NAME) filled in makes more than a container can be started with.
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
    """What is wrong with the first variable that no process can have; None where all are well."""
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
    """`value` with each $(NAME) that is known so far filled in; $$ stands for one $.

    Raises ValueError for more than `most` characters, before there are more.
    """
    length = len(value)

    def fill(match: re.Match[str]) -> str:
        nonlocal length
        known = "$" if match[1] == "$" else variables.get(match[2], match[0])
        length += len(known) - len(match[0])
        if length > most:
            raise ValueError(f"has more than {MOST_BYTES // 2**10} KiB with each $(NAME) filled in")
        return known

    return _REFERENCE.sub(fill, value)
