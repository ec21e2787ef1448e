"""Change a function that is already imported, so that a mutant needs no import."""

import ast
import gc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import NamedTuple

from scripts.mutants.drawing import Mutant


@dataclass(frozen=True)
class Swap:
    """A function whose body a mutant changes: its old and new code, and the lines of its body."""

    old: CodeType
    new: CodeType
    lines: range

    def apply(self) -> None:
        """Give every function that has the old code the new one."""
        for found in gc.get_objects():
            if (
                isinstance(found, FunctionType)
                and found.__code__.co_filename == self.old.co_filename
                and found.__code__ == self.old
            ):
                found.__code__ = self.new


class _Body(NamedTuple):
    """A function's body: its dump, the first line of the function's code, the body's lines."""

    meaning: str
    first: int
    lines: range


def swap_of(mutant: Mutant) -> Swap | None:
    """Return the change of `mutant`, or None unless it changes the body of one function."""
    path = Path(mutant.path).resolve()
    rest, before = _taken_apart(source := path.read_text())
    mutated_rest, after = _taken_apart(mutant.source)
    changed = [
        name for name in before.keys() & after.keys() if before[name].meaning != after[name].meaning
    ]
    if len(changed) != 1 or rest != mutated_rest:
        return None
    (name,) = changed
    old = _code(source, path, name, before[name].first)
    new = _code(mutant.source, path, name, after[name].first)
    return Swap(old, new, before[name].lines) if old.co_freevars == new.co_freevars else None


def _taken_apart(source: str) -> tuple[str, dict[str, _Body]]:
    """Return a dump of the file without its functions' bodies, and the bodies by qualified name."""
    tree = ast.parse(source)
    bodies: dict[str, _Body] = {}
    for name, function in [*_functions(tree, "")]:
        if name not in bodies:
            first = min([function.lineno, *(one.lineno for one in function.decorator_list)])
            lines = range(function.body[0].lineno, (function.end_lineno or 0) + 1)
            bodies[name] = _Body("".join(map(ast.dump, function.body)), first, lines)
            function.body = []
    return ast.dump(tree), bodies


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef):
            yield prefix + child.name, child
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.stmt):
            yield from _functions(child, prefix)


def _code(source: str, path: Path, name: str, first: int) -> CodeType:
    codes = _codes(compile(source, str(path), "exec"))
    return next(one for one in codes if (one.co_qualname, one.co_firstlineno) == (name, first))


def _codes(code: CodeType) -> Iterator[CodeType]:
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield one
            yield from _codes(one)
