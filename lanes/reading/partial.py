"""Validates documents without the fields that their models do not take."""

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[int | str, ...]

_MOST_PASSES = 10


def path_text(path: Path) -> str:
    """Return a path as sentences name it, such as spec.http[0].route."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def problem_text(kind: str, message: str) -> str:
    """Return a validation error of pydantic as the end of a sentence."""
    if kind == "extra_forbidden":
        return "may choose routes, and is not supported; correct or remove it"
    if kind == "too_short":
        return "is empty"
    if kind == "missing":
        return "missing"
    if kind == "string_type":
        return "should be a string; put it in quotes"
    return message.removeprefix("Value error, ").removeprefix("Input ")


def understood(model: type[Model], document: Any) -> tuple[Model | None, tuple[str, ...]]:
    """Return `document` as a `model` without the fields that do not fit, and those fields.

    A list is left out as a whole if an item does not fit, so that items keep their numbers. None:
    the metadata or the whole spec does not fit.
    """
    left_out: list[str] = []
    for _ in range(_MOST_PASSES):
        try:
            return model.model_validate(document), tuple(left_out)
        except ValidationError as error:
            paths = (_removable(document, each) for each in error.errors())
            for path in dict.fromkeys(paths):
                if len(path) < 2:  # the metadata, or the spec
                    return None, tuple(left_out)
                document = _without(document, path)
                left_out.append(path_text(path))
    return None, tuple(left_out)


def _removable(document: Any, error: ErrorDetails) -> Path:
    """Return the path of the field to leave out for an error."""
    path: list[int | str] = []
    for part in error["loc"]:
        items = enumerate(document) if isinstance(document, list) else ()
        fields = document if isinstance(document, dict) else dict(items)
        if part not in fields:
            break  # a missing field, or a name that pydantic adds
        document = fields[part]
        path.append(part)
    while path and isinstance(path[-1], int):
        path.pop()
    return tuple(path)


def _without(value: Any, path: Sequence[int | str]) -> Any:
    """Return a copy of `value` without the field at `path`."""
    part, *rest = path
    if isinstance(value, dict) and part in value:
        if not rest:
            return {key: inner for key, inner in value.items() if key != part}
        return {**value, part: _without(value[part], rest)}
    if isinstance(value, list) and isinstance(part, int) and rest:
        return [*value[:part], _without(value[part], rest), *value[part + 1 :]]
    return value
