"""What nobody can make sense of: a scalar where a list belongs, a Deployment without a template.

Only what is sure to be refused or dropped. A field that is not known here may be a newer mesh's, so
it is told where its name is a known one's but for a letter or two, and that one is missing.
"""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from pydantic import BaseModel, ValidationError

from lanes.errors import ManifestError
from lanes.lint.documents import Resource
from lanes.lint.value import Value
from lanes.reading.kinds import KNOWN
from lanes.reading.kinds.fields import models_in

_ALIKE = 0.8
# Good names that are not understood here, and are nearly one that is.
_NOT_MISSPELT = ("consecutiveErrors", "mirror_percent")
_SHAPES = {
    "list_type": "should be a list",
    "dict_type": "should be a mapping",
    "model_type": "should be a mapping",
}
_OF_STRINGS = ("annotations", "labels", "matchLabels", "selector", "sourceLabels")
_TEMPLATED = ("DaemonSet", "Deployment", "StatefulSet")
_PLAIN = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("bool", "int", "float"))

_Path = tuple[int | str, ...]


def misshapen(resources: Iterable[Resource]) -> Iterator[str]:
    """What is wrong with the shape of resources, as sentences."""
    resources = tuple(resources)
    # Whose patches are parts of resources.
    patches = any(resource.kind == "Kustomization" for resource in resources)
    for resource in resources:
        model = KNOWN.get((resource.group, resource.kind))
        for kind, path in _errors(model, resource) if model else ():
            value = _at(resource.body, path)
            problem = _SHAPES.get(kind, "")
            if kind == "string_type":
                problem = _unquoted(path, value)
            elif kind == "extra_forbidden" and model:
                problem = _misspelt(_level(model, path), resource.body, path)
            elif kind == "missing" and path[:1] == ("spec",) and not patches:
                lacks = path in (("spec",), ("spec", "template"))
                problem = "missing" if lacks and resource.kind in _TEMPLATED else ""
            if problem:
                yield str(ManifestError(resource.file, str(resource), value.field, problem))


def _errors(model: type[BaseModel], resource: Resource) -> list[tuple[str, _Path]]:
    """The types and the places of what the plan would refuse."""
    try:
        model.model_validate(resource.body.data())
    except ValidationError as error:
        return [(each["type"], each["loc"]) for each in error.errors(include_url=False)]
    return []


def _at(value: Value, path: _Path) -> Value:
    for part in path:
        items = list(value) if isinstance(part, int) else []
        value = value[part] if isinstance(part, str) else (items[part:] or [value])[0]
    return value


def _unquoted(path: _Path, value: Value) -> str:
    """Of labels and the like: kubectl sends what looks like a number as one."""
    plain = value.node and value.node.tag in _PLAIN and ":" not in value.text
    of_strings = len(path) > 1 and path[-2] in _OF_STRINGS
    return f'should be a string: write "{value.text}"' if plain and of_strings else ""


def _misspelt(level: type[BaseModel] | None, body: Value, path: _Path) -> str:
    """The known name that an unknown one is nearly."""
    name, beside = str(path[-1]), _at(body, path[:-1]).there
    known = [field.alias or own for own, field in level.model_fields.items()] if level else []
    left = [] if name in _NOT_MISSPELT else [one for one in known if one not in beside]
    near = get_close_matches(name, left, 1, _ALIKE)
    return f"is no field there; {near[0]} is" if near else ""


def _level(model: type[BaseModel], path: _Path) -> type[BaseModel] | None:
    """The model of what holds the last field of a path."""
    for part in path[:-1]:
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        if part in fields:
            inner = next(models_in(fields[str(part)].annotation), None)
            if inner is None:
                return None
            model = inner
    return model
