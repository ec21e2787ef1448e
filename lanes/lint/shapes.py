"""What nobody can make sense of: a scalar where a list belongs, a Deployment without a template.

Only what is sure to be refused or dropped. A field that is not known here may be a newer mesh's, so
it is reported where its name is a known one's but for a letter or two, and that one is missing.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from lanes.reading.kinds.fields import WRONG, models_in
from lanes.reading.manifests import Manifests, Misfit
from lanes.reading.partial import Path, path_text, problem_text

_ALIKE = 0.8
# A good name that is not understood here, and is nearly one that is.
_NOT_MISSPELT = "mirror_percent"
_SHAPES = {
    "list_type": "should be a list",
    "dict_type": "should be a mapping",
    "model_type": "should be a mapping",
}
# Errors about values that no API server takes, and the one of them that it does take.
_VALUES = (
    *(WRONG, "int_type", "bool_type", "float_type"),
    *("greater_than", "greater_than_equal", "less_than_equal", "too_short"),
)
_TAKEN = ("less_than_equal", "replicas")
_OF_STRINGS = ("annotations", "labels", "matchLabels", "selector", "sourceLabels")
_TEMPLATED = ("DaemonSet", "Deployment", "StatefulSet")


def misshapen(manifests: Manifests) -> Iterator[str]:
    """Yield what is wrong with the shape of resources, as sentences."""
    # Whose patches are parts of resources.
    patches = any(one.kind == "Kustomization" for one in manifests.others)
    for misfit in manifests.misfits:
        for error in misfit.errors:
            if problem := _problem(misfit, error, patches):
                yield str(misfit.resource.error(path_text(error["loc"]), problem))


def _problem(misfit: Misfit, error: ErrorDetails, patches: bool) -> str:
    """Return what is wrong with a value; "" where it may be right."""
    kind, path = error["type"], error["loc"]
    if kind == "string_type":
        return _unquoted(misfit, path, error["input"])
    if kind == "extra_forbidden":
        return _misspelt(misfit, path)
    if kind == "missing" and path in (("spec",), ("spec", "template")):
        return "missing" if misfit.resource.kind in _TEMPLATED and not patches else ""
    if kind in _VALUES and (kind, path[-1]) != _TAKEN:
        return problem_text(kind, error["msg"])
    return _SHAPES.get(kind, "")


def _unquoted(misfit: Misfit, path: Path, value: object) -> str:
    """Of labels and the like: kubectl sends what looks like a number as one."""
    of_strings = len(path) > 1 and path[-2] in _OF_STRINGS
    if not (of_strings and isinstance(value, bool | int | float)):
        return ""
    text = misfit.resource.text(path_text(path))
    return f'should be a string: write "{text}"' if ":" not in text else ""


def _misspelt(misfit: Misfit, path: Path) -> str:
    """Return the sentence on an unknown name that is nearly a known one; "" for any other."""
    name, level = str(path[-1]), _level(misfit.model, path)
    beside: Any = misfit.resource.data
    for part in path[:-1]:
        beside = beside[part]
    left = [] if name == _NOT_MISSPELT else [one for one in _fields(level) if one not in beside]
    near = next(iter(get_close_matches(name, left, cutoff=_ALIKE)), "")
    return f"is not a field there; {near} is" if near else ""


def _level(model: type[BaseModel], path: Path) -> type[BaseModel]:
    """Return the model of what holds the last field of a path."""
    for part in path[:-1]:
        if part in (fields := _fields(model)):
            model = next(models_in(fields[str(part)].annotation), model)
    return model


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a model by the names that manifests have."""
    return {str(field.alias): field for field in model.model_fields.values()}
