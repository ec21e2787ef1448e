"""Resources of a wrong shape: a scalar in place of a list, a Deployment without a template.

Only what the API server is sure to refuse or drop is reported. An unknown field may belong to a
newer mesh. So it is reported only if its name is nearly a known one, and that field is missing.
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

_SIMILARITY = 0.8
# A field of Istio that is not supported here. Its name is nearly that of one that is.
_NOT_MISSPELT = "mirror_percent"
_SHAPES = {
    "list_type": "should be a list",
    "dict_type": "should be a mapping",
    "model_type": "should be a mapping",
}
# Errors about values that API servers refuse, and the exception: type of the error, and field.
_VALUES = (
    *(WRONG, "int_type", "bool_type", "float_type"),
    *("greater_than", "greater_than_equal", "less_than_equal", "too_short"),
)
_ALLOWED = ("less_than_equal", "replicas")
_OF_STRINGS = ("annotations", "labels", "matchLabels", "selector", "sourceLabels")
_TEMPLATED = ("DaemonSet", "Deployment", "StatefulSet")


def misshapen(manifests: Manifests) -> Iterator[str]:
    """Yield what is wrong with the shape of resources, as sentences."""
    # Patches of a Kustomization are parts of resources.
    patches = any(one.kind == "Kustomization" for one in manifests.others)
    for misfit in manifests.misfits:
        for error in misfit.errors:
            if problem := _problem(misfit, error, patches):
                yield str(misfit.resource.error(path_text(error["loc"]), problem))


def _problem(misfit: Misfit, error: ErrorDetails, patches: bool) -> str:
    """Return what is wrong with a value; "" if it may be right."""
    kind, path = error["type"], error["loc"]
    if kind == "string_type":
        return _unquoted(misfit, path, error["input"])
    if kind == "extra_forbidden":
        return _misspelt(misfit, path)
    if kind == "missing" and path in (("spec",), ("spec", "template")):
        return "missing" if misfit.resource.kind in _TEMPLATED and not patches else ""
    if kind in _VALUES and (kind, path[-1]) != _ALLOWED:
        return problem_text(kind, error["msg"])
    return _SHAPES.get(kind, "")


def _unquoted(misfit: Misfit, path: Path, value: object) -> str:
    """Return the fix for a label that kubectl sends as a number or boolean; "" for other values."""
    of_strings = len(path) > 1 and path[-2] in _OF_STRINGS
    if not (of_strings and isinstance(value, bool | int | float)):
        return ""
    text = misfit.resource.text(path_text(path))
    return f'should be a string: write "{text}"' if ":" not in text else ""


def _misspelt(misfit: Misfit, path: Path) -> str:
    """Return the sentence about an unknown field with nearly a known name; "" for any other."""
    name = str(path[-1])
    if name == _NOT_MISSPELT:
        return ""
    siblings: Any = misfit.resource.data
    for part in path[:-1]:
        siblings = siblings[part]
    missing = [one for one in _fields(_level(misfit.model, path)) if one not in siblings]
    near = next(iter(get_close_matches(name, missing, cutoff=_SIMILARITY)), "")
    return f"is not a field there; {near} is" if near else ""


def _level(model: type[BaseModel], path: Path) -> type[BaseModel]:
    """Return the model that holds the last field of a path."""
    for part in path[:-1]:
        if part in (fields := _fields(model)):
            model = next(models_in(fields[str(part)].annotation), model)
    return model


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a model by their names in manifests."""
    return {str(field.alias): field for field in model.model_fields.values()}
