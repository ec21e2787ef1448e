"""A resource without what its model does not take: lint reads what is left."""

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[int | str, ...]

_MOST_PASSES = 10


def path_text(path: Path) -> str:
    """Return a path as sentences name it: spec.http[0].route."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def understood(model: type[Model], document: Any) -> tuple[Model | None, tuple[str, ...]]:
    """Return what `model` takes of `document`, and the fields that it does not.

    Items of lists keep their numbers: where one cannot be taken, its list is left out. None where
    nothing useful is left.
    """
    left_out: list[str] = []
    for _ in range(_MOST_PASSES):
        try:
            return model.model_validate(document), tuple(left_out)
        except ValidationError as error:
            found = (_removable(document, each) for each in error.errors())
            for path in dict.fromkeys(found):
                if len(path) < 2:  # its metadata, or its spec
                    return None, tuple(left_out)
                document = _without(document, path)
                left_out.append(path_text(path))
    return None, tuple(left_out)


def _removable(document: Any, error: ErrorDetails) -> Path:
    """Return the path of the field to leave out for an error."""
    found: list[int | str] = []
    for part in error["loc"]:
        items = enumerate(document) if isinstance(document, list) else ()
        there = document if isinstance(document, dict) else dict(items)
        if part not in there:
            break  # what is missing, or a word of pydantic's own
        document = there[part]
        found.append(part)
    while found and isinstance(found[-1], int):
        found.pop()
    return tuple(found)


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
